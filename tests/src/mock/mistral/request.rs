//! What Mistral accepts.

use serde_json::Value;

use super::super::answer::{Asked, Shape};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::tools::{Choice, Offer, Tool, is_plain_name, read_tools};
use super::messages;

/// No `stream_options`, `user`, `seed` or `max_completion_tokens`: close to OpenAI's list, and that is the trap.
const FIELDS: &[&str] = &[
    "frequency_penalty",
    "guardrails",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_mode",
    "random_seed",
    "reasoning_effort",
    "response_format",
    "safe_prompt",
    "service_tier",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

/// Reads a request.
pub fn read(body: &Fields<'_>) -> Result<Asked, Fault> {
    body.only(&[FIELDS])?;
    let model = body.needed_text("model")?;
    let (system, turns) = messages::read(body)?;
    Ok(Asked {
        model,
        streamed: body.flag("stream")?.unwrap_or(false),
        include_usage: true,
        system,
        turns,
        temperature: body.number("temperature", 0.0..=1.5)?,
        top_p: body.number("top_p", 0.0..=1.0)?,
        stop: body.texts("stop", usize::MAX, true)?,
        max_tokens: body.count("max_tokens", 0)?,
        choices: body.count("n", 1)?.unwrap_or(0).min(128),
        offer: offer(body)?,
        shape: shape(body)?,
        thinks: thinks(body)?,
        ..Asked::default()
    })
}

/// Newer models have an effort, the older ones a mode.
fn thinks(body: &Fields<'_>) -> Result<bool, Fault> {
    let effort = body.word("reasoning_effort", &["none", "minimal", "low", "medium", "high", "xhigh"])?;
    let mode = body.word("prompt_mode", &["reasoning"])?;
    Ok(mode.is_some() || effort.is_some_and(|effort| effort != "none"))
}

fn offer(body: &Fields<'_>) -> Result<Offer, Fault> {
    let tools = read_tools(body, &["function"], |function, _| {
        let name = function.needed_text("name")?;
        let message = format!(
            "Function name was {name} but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64."
        );
        if is_plain_name(&name) { Ok(()) } else { Err(Fault::coded(function.path("name"), "3280", message)) }
    })?;
    let one_at_a_time = body.flag("parallel_tool_calls")? == Some(false);
    let choice = choice(body, &tools)?;
    Ok(Offer { tools, choice, one_at_a_time, legacy: false })
}

fn choice(body: &Fields<'_>, tools: &[Tool]) -> Result<Choice, Fault> {
    let given = match body.get("tool_choice") {
        None => return Ok(Choice::Auto),
        Some(Value::String(word)) => word.as_str(),
        Some(choice) => {
            let choice = Fields::of(choice, "tool_choice")?;
            choice.only(&[&["type", "function"]])?;
            let function = choice.object("function")?.ok_or_else(|| Fault::Missing(choice.path("function")))?;
            let name = function.needed_text("name")?;
            if tools.iter().any(|tool| tool.name == name) {
                return Ok(Choice::Named(name));
            }
            return Err(Fault::coded("tool_choice", "3051", format!("Tool choice {name} is not one of the tools.")));
        }
    };
    match given {
        "auto" => Ok(Choice::Auto),
        "none" => Ok(Choice::None),
        "any" | "required" => Ok(Choice::Required),
        other => {
            let allowed = &["auto", "none", "any", "required"];
            Err(Fault::NotOneOf { path: "tool_choice".to_owned(), given: other.to_owned(), allowed })
        }
    }
}

fn shape(body: &Fields<'_>) -> Result<Shape, Fault> {
    let Some(format) = body.object("response_format")? else { return Ok(Shape::Text) };
    format.only(&[&["type", "json_schema"]])?;
    match format.word("type", &["text", "json_object", "json_schema"])? {
        Some("json_object") => Ok(Shape::Object),
        Some("json_schema") => {
            let schema = format.object("json_schema")?.ok_or_else(|| Fault::Missing(format.path("json_schema")))?;
            schema.only(&[&["name", "description", "schema", "strict"]])?;
            schema.needed_text("name")?;
            let inner = schema.object("schema")?.ok_or_else(|| Fault::Missing(schema.path("schema")))?;
            Ok(Shape::Schema(inner.value().clone()))
        }
        _ => Ok(Shape::Text),
    }
}
