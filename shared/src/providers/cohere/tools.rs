//! Tools and the form of the answer, of which Cohere takes one at a time.

use super::{
    schema,
    wire::{Function, ResponseFormat, Tool},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        format::{Form, ResponseFormat as Asked},
        tools::{Function as Offered, ToolChoice},
    },
    providers::{dialogue, extras::Extras},
    usage::ModelCard,
};
use serde_json::Value;

/// What is offered, and what must be called.
#[derive(Default)]
pub(super) struct Offer<'a> {
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) strict: bool,
    pub(super) choice: Option<&'static str>,
}

pub(super) fn offer<'a>(
    model: &ModelCard,
    request: &'a ChatRequest,
    extras: &mut Extras<'_>,
) -> Result<Offer<'a>, Invalid> {
    // One call at a time cannot be asked for.
    if extras.flag("parallel_tool_calls")? == Some(false) && !request.tools().is_empty() {
        extras.ignore("parallel_tool_calls");
    }
    let mut functions = dialogue::functions(request, "Cohere")?;
    let choice = match &request.tool_choice {
        None | Some(ToolChoice::Auto) => None,
        Some(ToolChoice::None) => Some("NONE"),
        Some(ToolChoice::Required) => Some("REQUIRED"),
        // No function can be named: only what may be called is offered.
        Some(ToolChoice::Function(name)) => {
            functions.retain(|function| function.name == *name);
            Some("REQUIRED")
        }
        Some(ToolChoice::Allowed { required, names, .. }) => {
            functions.retain(|function| names.contains(&function.name));
            required.then_some("REQUIRED")
        }
        Some(ToolChoice::Custom(_)) => return Err(Invalid::unsupported("tool_choice", "Cohere takes only functions")),
    };
    if functions.is_empty() || (choice == Some("NONE") && wants_json(request)) {
        return Ok(Offer::default());
    }
    let strict = strict(model, &functions);
    if !strict && functions.iter().any(|function| function.strict == Some(true)) {
        extras.ignore("tools[].function.strict");
    }
    let tools = functions.into_iter().map(|function| tool(function, strict, extras)).collect();
    Ok(Offer { tools, strict, choice })
}

/// For all tools or none; each must then have a parameter that is required.
fn strict(model: &ModelCard, functions: &[&Offered]) -> bool {
    let has_required = |function: &Offered| {
        let required = function.parameters.as_ref().and_then(|schema| schema.get("required")?.as_array());
        required.is_some_and(|names| !names.is_empty())
    };
    model.id != "command-light"
        && functions.iter().all(|function| function.strict == Some(true) && has_required(function))
}

fn tool<'a>(function: &'a Offered, strict: bool, extras: &mut Extras<'_>) -> Tool<'a> {
    let mut parameters = schema::of_object(function.parameters.as_ref());
    if strict {
        schema::relax(&mut parameters, "tools[].function.parameters", extras);
    }
    let description = function.description.as_deref();
    Tool { kind: "function", function: Function { name: &function.name, description, parameters } }
}

fn wants_json(request: &ChatRequest) -> bool {
    !matches!(request.response_format.as_ref().map_or(Form::Text, Asked::form), Form::Text)
}

/// <https://docs.cohere.com/docs/structured-outputs>
pub(super) fn response_format(
    request: &ChatRequest,
    offer: &Offer<'_>,
    extras: &mut Extras<'_>,
) -> Result<Option<ResponseFormat>, Invalid> {
    if wants_json(request) && !offer.tools.is_empty() {
        return Err(Invalid::unsupported("response_format", "Cohere takes no form of the answer together with tools"));
    }
    Ok(match request.response_format.as_ref().map_or(Form::Text, Asked::form) {
        Form::Text => None,
        Form::JsonObject => Some(ResponseFormat { kind: "json_object", json_schema: None }),
        Form::JsonSchema(asked) => {
            let json_schema = asked.schema.as_ref().map(|asked_schema| {
                let mut object = schema::of_object(Some(asked_schema));
                if let Some(description) = &asked.description {
                    object.entry("description").or_insert_with(|| Value::from(description.as_str()));
                }
                schema::relax(&mut object, "response_format.json_schema.schema", extras);
                object
            });
            Some(ResponseFormat { kind: "json_object", json_schema })
        }
    })
}
