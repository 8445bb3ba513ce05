//! What Cohere accepts.

use serde_json::Value;

use super::super::answer::{Asked, Shape};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::schema::{first_in, kind};
use super::super::tools::{Choice, Offer, read_tools};
use super::messages;

const FIELDS: &[&str] = &[
    "citation_options",
    "documents",
    "frequency_penalty",
    "k",
    "logprobs",
    "max_tokens",
    "messages",
    "model",
    "p",
    "presence_penalty",
    "priority",
    "raw_prompting",
    "reasoning_effort",
    "response_format",
    "safety_mode",
    "seed",
    "stop_sequences",
    "stream",
    "strict_tools",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
];

/// Reads a request.
pub fn read(body: &Fields<'_>) -> Result<Asked, Fault> {
    body.only(&[FIELDS])?;
    let model = body.needed_text("model")?;
    let (system, turns) = messages::read(body)?;
    let offer = offer(body)?;
    let thinks = thinking(body)?;
    Ok(Asked {
        model,
        streamed: body.flag("stream")?.unwrap_or(false),
        include_usage: true,
        system,
        turns,
        temperature: body.number("temperature", 0.0..=1.0)?,
        top_p: body.number("p", 0.0..=1.0)?,
        top_k: body.number("k", 0.0..=500.0)?,
        stop: body.texts("stop_sequences", 5, false)?,
        max_tokens: body.count("max_tokens", 1)?,
        shape: shape(body, &offer)?,
        offer,
        // A model that thinks says in its thought what it is going to call.
        plans: !thinks,
        thinks,
        logprobs: body.flag("logprobs")?.unwrap_or(false).then_some(0),
        ..Asked::default()
    })
}

fn offer(body: &Fields<'_>) -> Result<Offer, Fault> {
    let strict = body.flag("strict_tools")?.unwrap_or(false);
    let tools = read_tools(body, &["function"], |function, schema| {
        // The whole request is looked through for fields that do not exist, not its top alone.
        function.only(&[&["name", "description", "parameters"]])?;
        let required = schema["required"].as_array().is_some_and(|names| !names.is_empty());
        if strict && !required {
            let message = "strict_tools: each tool must have at least one required parameter";
            return Err(Fault::unsupported(function.path("parameters"), message));
        }
        Ok(())
    })?;
    let choice = match body.text("tool_choice")?.map(str::to_ascii_uppercase).as_deref() {
        None => Choice::Auto,
        Some(_) if tools.is_empty() => {
            return Err(Fault::unsupported("tool_choice", "tool_choice can only be specified with tools"));
        }
        Some("REQUIRED") => Choice::Required,
        Some("NONE") => Choice::None,
        Some(other) => {
            let allowed = &["REQUIRED", "NONE"];
            return Err(Fault::NotOneOf { path: "tool_choice".to_owned(), given: other.to_owned(), allowed });
        }
    };
    Ok(Offer { tools, choice, ..Offer::default() })
}

fn thinking(body: &Fields<'_>) -> Result<bool, Fault> {
    let Some(thinking) = body.object("thinking")? else { return Ok(false) };
    thinking.only(&[&["type", "token_budget"]])?;
    thinking.count("token_budget", 1)?;
    let kind = thinking.word("type", &["enabled", "disabled"])?;
    Ok(kind.ok_or_else(|| Fault::Missing(thinking.path("type")))? == "enabled")
}

/// JSON Schema is the form of a JSON object here, and does not go with tools or documents.
/// <https://docs.cohere.com/docs/structured-outputs>
fn shape(body: &Fields<'_>, offer: &Offer) -> Result<Shape, Fault> {
    let Some(format) = body.object("response_format")? else { return Ok(Shape::Text) };
    format.only(&[&["type", "json_schema", "schema"]])?;
    let schema = format.get("json_schema").or_else(|| format.get("schema"));
    match format.word("type", &["text", "json_object"])? {
        None => return Err(Fault::Missing(format.path("type"))),
        Some("text") if schema.is_some() => {
            return Err(Fault::unsupported(format.path("json_schema"), "json_schema needs the type json_object"));
        }
        Some("text") => return Ok(Shape::Text),
        Some(_) => {}
    }
    if !offer.tools.is_empty() || body.has("documents") {
        let message = "response_format is not supported in combination with tools or documents";
        return Err(Fault::unsupported("response_format", message));
    }
    let Some(schema) = schema else { return Ok(Shape::Object) };
    check_schema(schema)?;
    Ok(Shape::Schema(schema.clone()))
}

fn check_schema(schema: &Value) -> Result<(), Fault> {
    let wrong = |what: String| {
        let message = format!("response_format validation: invalid 'json_schema' provided: {what}");
        Err(Fault::unsupported("response_format.json_schema", message))
    };
    if schema.get("type").is_none() {
        return wrong("missing required field 'type'".to_owned());
    }
    if kind(schema) != "object" {
        return wrong("the top level must be of the type 'object'".to_owned());
    }
    let breach = first_in(schema, &mut |_, part| {
        let refused = [
            "allOf",
            "oneOf",
            "not",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "uniqueItems",
        ];
        if let Some(name) = refused.into_iter().find(|name| part.contains_key(*name)) {
            return Some(format!("'{name}' is not supported"));
        }
        let is_object = kind(&Value::Object(part.clone())) == "object";
        let required = part.get("required").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
        (is_object && !required).then(|| "an object must have at least one required field".to_owned())
    });
    breach.map_or(Ok(()), wrong)
}
