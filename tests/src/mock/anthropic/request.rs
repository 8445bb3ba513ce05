//! What Anthropic accepts.

use serde_json::Value;

use super::super::answer::{Asked, Shape};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::schema::kind;
use super::super::tools::{Choice, Offer, Tool};
use super::blocks::MESSAGES;
use super::models::{self, Thinking};
use super::{order, schemas};

const FIELDS: &[&str] = &[
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// Reads a request.
pub fn read(body: &Fields<'_>) -> Result<Asked, Fault> {
    body.only(&[FIELDS])?;
    let model = body.needed_text("model")?;
    let max_tokens = body.count("max_tokens", 1)?.ok_or_else(|| Fault::Missing("max_tokens".to_owned()))?;
    let messages = MESSAGES.read(body)?;
    let system = system(body)?;
    let mut asked = Asked {
        model,
        streamed: body.flag("stream")?.unwrap_or(false),
        include_usage: true,
        temperature: body.number("temperature", 0.0..=1.0)?,
        top_p: body.number("top_p", 0.0..=1.0)?,
        top_k: body.number("top_k", 0.0..=500.0)?,
        stop: body.texts("stop_sequences", usize::MAX, false)?,
        max_tokens: Some(max_tokens),
        offer: offer(body)?,
        refuses_silently: true,
        system,
        ..Asked::default()
    };
    let thinking = models::thinking(body, &asked)?;
    order::refuse_a_wrong_order(&messages, &asked.model, thinking)?;
    asked.turns = MESSAGES.conversation(messages).1;
    asked.shape = output_config(body, &asked.model)?;
    asked.thinks = thinking != Thinking::Off;
    asked.thoughts_hidden = models::hides_thoughts(body, &asked.model)?;
    refuse_too_many_marks(body)?;
    models::refuse_what_this_model_refuses(&asked, thinking)?;
    if asked.stop.iter().any(|stop| stop.trim().is_empty()) {
        return Err(Fault::value("stop_sequences", "each stop sequence must contain non-whitespace"));
    }
    Ok(asked)
}

/// `system` is a string or a list of text blocks, each of which counts as a text of its own.
fn system(body: &Fields<'_>) -> Result<Vec<String>, Fault> {
    match body.get("system") {
        None => Ok(Vec::new()),
        Some(Value::Array(blocks)) => {
            let one = |block: &Value| MESSAGES.text_of(&Value::Array(vec![block.clone()]), "system", false);
            blocks.iter().map(one).collect()
        }
        Some(text) => match MESSAGES.text_of(text, "system", true)? {
            text if text.is_empty() => Ok(Vec::new()),
            text => Ok(vec![text]),
        },
    }
}

/// Tools of the caller; those that Anthropic runs itself are not the caller's to answer, and are never called here.
fn offer(body: &Fields<'_>) -> Result<Offer, Fault> {
    let mut tools: Vec<Tool> = Vec::new();
    for (index, tool) in body.list("tools")?.iter().enumerate() {
        let tool = Fields::of(tool, &format!("tools[{index}]"))?;
        let name = tool.needed_text("name")?;
        if tool.text("type")?.is_some_and(|kind| kind != "custom") {
            continue;
        }
        let tool = Fields::of(tool.value(), &format!("tools[{index}].custom"))?;
        tool.only(&[&[
            "type",
            "name",
            "description",
            "input_schema",
            "cache_control",
            "strict",
            "defer_loading",
            "allowed_callers",
            "eager_input_streaming",
            "input_examples",
        ]])?;
        if name.len() > 128 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Err(Fault::value(tool.path("name"), "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"));
        }
        if tools.iter().any(|other| other.name == name) {
            return Err(Fault::value("tools", "Tool names must be unique."));
        }
        let schema = tool.get("input_schema").ok_or_else(|| Fault::Missing(tool.path("input_schema")))?;
        let fields = Fields::of(schema, &tool.path("input_schema"))?;
        if kind(schema) != "object" || !fields.has("type") {
            return Err(Fault::value(fields.path("type"), "Input should be 'object'"));
        }
        if ["oneOf", "allOf", "anyOf"].iter().any(|name| fields.has(name)) {
            let message = "input_schema does not support oneOf, allOf, or anyOf at the top level";
            return Err(Fault::value(tool.path("input_schema"), message));
        }
        if tool.flag("strict")? == Some(true) {
            schemas::check(schema, &format!("tools.{index}.custom"))?;
        }
        tools.push(Tool { name, schema: schema.clone(), takes_text: false });
    }
    choice(body, tools)
}

fn choice(body: &Fields<'_>, tools: Vec<Tool>) -> Result<Offer, Fault> {
    let Some(choice) = body.object("tool_choice")? else { return Ok(Offer { tools, ..Offer::default() }) };
    if body.list("tools")?.is_empty() {
        return Err(Fault::unsupported("tool_choice", "tool_choice may only be specified while providing tools."));
    }
    let kind = choice.word("type", &["auto", "any", "tool", "none"])?;
    let known: &[&str] = match kind {
        Some("tool") => &["type", "name", "disable_parallel_tool_use"],
        Some("none") => &["type"],
        _ => &["type", "disable_parallel_tool_use"],
    };
    choice.only(&[known])?;
    let one_at_a_time = choice.flag("disable_parallel_tool_use")?.unwrap_or(false);
    let choice = match kind {
        None => return Err(Fault::Missing(choice.path("type"))),
        Some("any") => Choice::Required,
        Some("none") => Choice::None,
        Some("tool") => {
            let name = choice.needed_text("name")?;
            if !tools.iter().any(|tool| tool.name == name) {
                let message = format!("Tool '{name}' not found in provided tools");
                return Err(Fault::unsupported("tool_choice.tool.name", message));
            }
            Choice::Named(name)
        }
        Some(_) => Choice::Auto,
    };
    Ok(Offer { tools, choice, one_at_a_time, legacy: false })
}

fn output_config(body: &Fields<'_>, model: &str) -> Result<Shape, Fault> {
    if body.has("output_format") {
        return Err(Fault::value("output_format", "This field is deprecated. Use 'output_config.format' instead."));
    }
    let Some(config) = body.object("output_config")? else { return Ok(Shape::Text) };
    config.only(&[&["format", "effort", "task_budget"]])?;
    if let Some(effort) = config.word("effort", &["low", "medium", "high", "xhigh", "max"])? {
        models::check_effort(effort, model)?;
    }
    let Some(format) = config.object("format")? else { return Ok(Shape::Text) };
    format.only(&[&["type", "schema"]])?;
    format.word("type", &["json_schema"])?.ok_or_else(|| Fault::Missing(format.path("type")))?;
    let schema = format.get("schema").ok_or_else(|| Fault::Missing(format.path("schema")))?;
    Fields::of(schema, &format.path("schema"))?;
    models::takes_schemas(model)?;
    schemas::check(schema, "output_config.format.schema")?;
    Ok(Shape::Schema(schema.clone()))
}

/// Marks for the prompt cache: no more than four, wherever they stand, and each of a known kind.
fn refuse_too_many_marks(body: &Fields<'_>) -> Result<(), Fault> {
    fn marks<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| marks(item, found)),
            Value::Object(map) => {
                found.extend(map.get("cache_control").filter(|mark| !mark.is_null()));
                // What a caller's own schema or arguments name is no mark.
                let inner =
                    map.iter().filter(|(name, _)| !matches!(name.as_str(), "input" | "input_schema" | "schema"));
                inner.for_each(|(_, value)| marks(value, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    marks(body.value(), &mut found);
    for mark in &found {
        let mark = Fields::of(mark, "cache_control")?;
        mark.only(&[&["type", "ttl"]])?;
        mark.word("type", &["ephemeral"])?.ok_or_else(|| Fault::Missing(mark.path("type")))?;
        mark.word("ttl", &["5m", "1h"])?;
    }
    if found.len() <= 4 {
        return Ok(());
    }
    let message = format!("A maximum of 4 blocks with cache_control may be provided. Found {}.", found.len());
    Err(Fault::unsupported("cache_control", message))
}
