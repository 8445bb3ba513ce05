//! Tools, the form of the answer, and what it will probably be.

use super::wire::{Function, JsonSchema, Name, Prediction, ResponseFormat, Tool, ToolChoice};
use crate::{
    openai::{
        ChatRequest, Invalid,
        format::{Form, ResponseFormat as Asked},
        tools::ToolChoice as Choice,
    },
    providers::{dialogue, extras::Extras},
};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The schema of a function without parameters.
static NO_PARAMETERS: LazyLock<Value> = LazyLock::new(|| json!({ "type": "object", "properties": {} }));

/// What is offered, and what must be called.
pub(super) struct Offer<'a> {
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) choice: Option<ToolChoice<'a>>,
    pub(super) parallel: Option<bool>,
}

pub(super) fn offer<'a>(request: &'a ChatRequest, extras: &mut Extras<'a>) -> Result<Offer<'a>, Invalid> {
    let tools = dialogue::functions(request, "Mistral")?.into_iter().map(|function| {
        let parameters = function.parameters.as_ref().filter(|schema| !schema.is_null());
        let function = Function {
            name: &function.name,
            description: function.description.as_deref(),
            strict: function.strict,
            parameters: parameters.unwrap_or(&NO_PARAMETERS),
        };
        Tool { kind: "function", function }
    });
    let mut tools: Vec<_> = tools.collect();
    let choice = match &request.tool_choice {
        None => None,
        Some(Choice::Custom(_)) => return Err(Invalid::unsupported("tool_choice", "Mistral takes only functions")),
        Some(Choice::Auto) => Some(ToolChoice::Word("auto")),
        Some(Choice::None) => Some(ToolChoice::Word("none")),
        Some(Choice::Required) => Some(ToolChoice::Word("any")),
        Some(Choice::Function(name)) => Some(ToolChoice::Function { kind: "function", function: Name { name } }),
        Some(Choice::Allowed { required: true, names, .. }) if names.len() == 1 => {
            names.first().map(|name| ToolChoice::Function { kind: "function", function: Name { name } })
        }
        // Several cannot be named: only they are offered.
        Some(Choice::Allowed { required, names, .. }) => {
            tools.retain(|tool| names.iter().any(|name| name == tool.function.name));
            Some(ToolChoice::Word(if *required { "any" } else { "auto" }))
        }
    };
    // The older form of tools has room for one call.
    let wanted = extras.flag("parallel_tool_calls")?;
    let parallel = if request.legacy_functions { Some(false) } else { wanted }.filter(|_| !tools.is_empty());
    Ok(Offer { choice: choice.filter(|_| !tools.is_empty()), tools, parallel })
}

/// <https://docs.mistral.ai/capabilities/structured_output>
pub(super) fn response_format(request: &ChatRequest) -> Option<ResponseFormat<'_>> {
    match request.response_format.as_ref().map_or(Form::Text, Asked::form) {
        Form::Text => None,
        Form::JsonObject => Some(ResponseFormat { kind: "json_object", json_schema: None }),
        Form::JsonSchema(asked) => {
            let json_schema = asked.schema.as_ref().map(|schema| JsonSchema {
                name: &asked.name,
                description: asked.description.as_deref(),
                schema,
                strict: asked.strict,
            });
            // Without a schema there is only JSON.
            let kind = if json_schema.is_some() { "json_schema" } else { "json_object" };
            Some(ResponseFormat { kind, json_schema })
        }
    }
}

/// A string here, also where the dialect has parts.
pub(super) fn prediction(extras: &mut Extras<'_>) -> Result<Option<Prediction>, Invalid> {
    let Some(value) = extras.value("prediction") else { return Ok(None) };
    let wrong = || Invalid::value("prediction", "must be `{\"type\": \"content\", \"content\": ...}`");
    let content = value.get("content").filter(|_| value["type"] == "content").ok_or_else(wrong)?;
    let content = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().map(|part| part["text"].as_str()).collect::<Option<String>>().ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    Ok(Some(Prediction { kind: "content", content }))
}
