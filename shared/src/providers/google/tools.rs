//! What the model may call, and must: <https://ai.google.dev/gemini-api/docs/function-calling>.

use super::{
    models::has_structured_calls,
    schema,
    wire::{CallingConfig, Declaration, ToolConfig},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        tools::{Function, Tool, ToolChoice},
    },
    providers::{dialogue, extras::Extras},
};
use serde_json::Value;

pub(super) fn declarations<'a>(
    model: &str,
    request: &'a ChatRequest,
    extras: &mut Extras<'_>,
) -> Result<Vec<Declaration<'a>>, Invalid> {
    let mut offered = Vec::with_capacity(request.tools().len());
    for function in dialogue::functions(request, "Google")? {
        let declaration = declaration(function);
        if let Some(schema) = declaration.parameters_json_schema.as_ref().filter(|_| function.strict == Some(true)) {
            schema::name_skipped(schema, "tools[].function.parameters", extras);
        }
        offered.push(declaration);
    }
    if let Some(ToolChoice::Allowed { required: false, names, .. }) = &request.tool_choice
        && !has_structured_calls(model)
    {
        offered.retain(|function| names.iter().any(|name| name == function.name));
    }
    Ok(offered)
}

fn declaration(function: &Function) -> Declaration<'_> {
    // A function without parameters has no schema; an empty one describes no object.
    let asks = |schema: &&Value| schema.as_object().is_some_and(|members| !members.is_empty());
    Declaration {
        name: &function.name,
        description: function.description.as_deref(),
        parameters_json_schema: function.parameters.as_ref().filter(asks).map(schema::rewrite),
    }
}

/// Of a request that offers tools.
pub(super) fn config<'a>(model: &str, request: &'a ChatRequest, extras: &mut Extras<'_>) -> Option<ToolConfig<'a>> {
    let structured = has_structured_calls(model);
    let mut functions = request.tools().iter().filter_map(Tool::as_function);
    let is_strict = functions.any(|function| function.strict == Some(true));
    if is_strict && !structured {
        extras.ignore("tools[].function.strict");
    }
    // `ANY` fits the schema as well.
    let free = if is_strict && structured { "VALIDATED" } else { "AUTO" };
    let (mode, names): (_, &[String]) = match &request.tool_choice {
        None if free == "AUTO" => return None,
        None | Some(ToolChoice::Auto) => (free, &[]),
        Some(ToolChoice::None) => ("NONE", &[]),
        Some(ToolChoice::Required) => ("ANY", &[]),
        Some(ToolChoice::Function(name)) => ("ANY", std::slice::from_ref(name)),
        Some(ToolChoice::Allowed { required: true, names, .. }) => ("ANY", names),
        // Names are taken only with `ANY` and `VALIDATED`.
        Some(ToolChoice::Allowed { names, .. }) if structured => ("VALIDATED", names),
        Some(ToolChoice::Allowed { .. }) => (free, &[]),
        // Its tool was refused.
        Some(ToolChoice::Custom(_)) => (free, &[]),
    };
    Some(ToolConfig { function_calling_config: CallingConfig { mode, allowed_function_names: names } })
}
