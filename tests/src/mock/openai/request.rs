//! What OpenAI accepts.

use serde_json::Value;

use super::super::answer::{Asked, Shape};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::tools::{Choice, Offer, Tool, is_plain_name, read_tools};
use super::{messages, models, schemas};

const FIELDS: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// Reads a request.
pub fn read(body: &Fields<'_>) -> Result<Asked, Fault> {
    body.only(&[FIELDS])?;
    let model = body.needed_text("model")?;
    let (system, turns) = messages::read(body)?;
    let streamed = body.flag("stream")?.unwrap_or(false);
    let mut asked = Asked {
        streamed,
        include_usage: include_usage(body, streamed)?,
        system,
        turns,
        temperature: body.number("temperature", 0.0..=2.0)?,
        top_p: body.number("top_p", 0.0..=1.0)?,
        stop: body.texts("stop", 4, true)?,
        max_tokens: models::max_tokens(body, &model)?,
        choices: body.count("n", 1)?.unwrap_or(0).min(128),
        offer: offer(body)?,
        thoughts_hidden: true,
        logprobs: logprobs(body)?,
        model,
        ..Asked::default()
    };
    asked.shape = shape(body, &asked)?;
    if body.has("metadata") && !body.flag("store")?.unwrap_or(false) {
        let message = "The 'metadata' parameter is only allowed when 'store' is enabled.";
        return Err(Fault::coded("metadata", "", message));
    }
    asked.thinks = models::effort(body, &asked)?;
    models::refuse_what_this_model_refuses(body, &asked)?;
    Ok(asked)
}

fn include_usage(body: &Fields<'_>, streamed: bool) -> Result<bool, Fault> {
    let Some(options) = body.get("stream_options") else { return Ok(false) };
    if !streamed {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.".to_owned();
        return Err(Fault::Value { path: "stream_options".to_owned(), message });
    }
    let options = Fields::of(options, "stream_options")?;
    options.only(&[&["include_usage", "include_obfuscation"]])?;
    Ok(options.flag("include_usage")?.unwrap_or(false))
}

fn offer(body: &Fields<'_>) -> Result<Offer, Fault> {
    if body.has("functions") {
        return legacy_offer(body);
    }
    if !body.has("tools") {
        for name in ["tool_choice", "parallel_tool_calls"] {
            if body.has(name) {
                let message =
                    format!("Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.");
                return Err(Fault::coded(name, "", message));
            }
        }
        return Ok(Offer::default());
    }
    body.needed_list("tools")?;
    let tools = read_tools(body, &["function", "custom"], |function, schema| {
        let name = function.needed_text("name")?;
        check_name(&name, &function.path("name"))?;
        let at = function.path("parameters");
        schemas::of_function(&name, schema, function.flag("strict")?.unwrap_or(false), &at)
    })?;
    let one_at_a_time = body.flag("parallel_tool_calls")? == Some(false);
    let (tools, choice) = choice(body, tools)?;
    Ok(Offer { tools, choice, one_at_a_time, legacy: false })
}

fn check_name(name: &str, at: &str) -> Result<(), Fault> {
    let message = "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.";
    if is_plain_name(name) { Ok(()) } else { Err(Fault::value(at, message)) }
}

/// The words, one tool by its name, or some of the tools and a word.
fn choice(body: &Fields<'_>, tools: Vec<Tool>) -> Result<(Vec<Tool>, Choice), Fault> {
    let in_words = |word: &str| match word {
        "none" => Ok(Choice::None),
        "auto" => Ok(Choice::Auto),
        "required" => Ok(Choice::Required),
        other => {
            let allowed = &["none", "auto", "required"];
            Err(Fault::NotOneOf { path: "tool_choice".to_owned(), given: other.to_owned(), allowed })
        }
    };
    let known = |name: &str, tools: &[Tool]| match tools.iter().any(|tool| tool.name == name) {
        true => Ok(name.to_owned()),
        false => {
            let message = format!("Tool choice '{name}' not found in 'tools' parameter.");
            Err(Fault::coded("tool_choice", "", message))
        }
    };
    let name_in = |value: &Fields<'_>| {
        let kind = value.text("type")?.unwrap_or("function");
        value.object(kind)?.ok_or_else(|| Fault::Missing(value.path(kind)))?.needed_text("name")
    };
    let choice = match body.get("tool_choice") {
        None => return Ok((tools, Choice::Auto)),
        Some(Value::String(word)) => return Ok((tools, in_words(word)?)),
        Some(choice) => Fields::of(choice, "tool_choice")?,
    };
    if choice.word("type", &["function", "allowed_tools", "custom"])? != Some("allowed_tools") {
        choice.only(&[&["type", "function", "custom"]])?;
        let name = known(&name_in(&choice)?, &tools)?;
        return Ok((tools, Choice::Named(name)));
    }
    let allowed = choice.object("allowed_tools")?.ok_or_else(|| Fault::Missing(choice.path("allowed_tools")))?;
    let mode = in_words(allowed.word("mode", &["auto", "required"])?.unwrap_or("auto"))?;
    let mut some = Vec::new();
    for (index, one) in allowed.needed_list("tools")?.iter().enumerate() {
        let one = Fields::of(one, &format!("{}[{index}]", allowed.path("tools")))?;
        let name = known(&name_in(&one)?, &tools)?;
        some.extend(tools.iter().find(|tool| tool.name == name).cloned());
    }
    Ok((some, mode))
}

/// `functions` and `function_call`, which `tools` replaced.
fn legacy_offer(body: &Fields<'_>) -> Result<Offer, Fault> {
    let mut tools = Vec::new();
    for (index, function) in body.needed_list("functions")?.iter().enumerate() {
        let function = Fields::of(function, &format!("functions[{index}]"))?;
        function.only(&[&["name", "description", "parameters"]])?;
        let name = function.needed_text("name")?;
        check_name(&name, &function.path("name"))?;
        let schema = function.get("parameters").cloned().unwrap_or_default();
        tools.push(Tool { name, schema, takes_text: false });
    }
    let choice = match body.get("function_call") {
        None => Choice::Auto,
        Some(Value::String(word)) if word == "auto" => Choice::Auto,
        Some(Value::String(word)) if word == "none" => Choice::None,
        Some(one) => Choice::Named(Fields::of(one, "function_call")?.needed_text("name")?),
    };
    Ok(Offer { tools, choice, one_at_a_time: true, legacy: true })
}

fn shape(body: &Fields<'_>, asked: &Asked) -> Result<Shape, Fault> {
    let Some(format) = body.object("response_format")? else { return Ok(Shape::Text) };
    match format.word("type", &["text", "json_object", "json_schema"])? {
        None => Err(Fault::Missing(format.path("type"))),
        Some("text") => Ok(Shape::Text),
        Some("json_object") => {
            let texts = asked.system.iter().chain(asked.turns.iter().map(|turn| &turn.text));
            if texts.into_iter().any(|text| text.to_lowercase().contains("json")) {
                return Ok(Shape::Object);
            }
            let message =
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
            Err(Fault::coded("messages", "", message))
        }
        Some(_) => {
            models::takes_schemas(&asked.model)?;
            let schema = format.object("json_schema")?.ok_or_else(|| Fault::Missing(format.path("json_schema")))?;
            schema.only(&[&["name", "description", "schema", "strict"]])?;
            let name = schema.needed_text("name")?;
            check_name(&name, &schema.path("name"))?;
            let strict = schema.flag("strict")?.unwrap_or(false);
            let Some(schema) = schema.get("schema") else { return Ok(Shape::Object) };
            schemas::of_answer(&name, schema, strict)?;
            Ok(Shape::Schema(schema.clone()))
        }
    }
}

fn logprobs(body: &Fields<'_>) -> Result<Option<u64>, Fault> {
    let wanted = body.flag("logprobs")?.unwrap_or(false);
    let top = body.count("top_logprobs", 0)?;
    match top {
        Some(_) if !wanted => {
            let message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.";
            Err(Fault::value("top_logprobs", message))
        }
        Some(most) if most > 20 => Err(Fault::value("top_logprobs", "Expected a value <= 20.")),
        _ => Ok(wanted.then(|| top.unwrap_or(0))),
    }
}
