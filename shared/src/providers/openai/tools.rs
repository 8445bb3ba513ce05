//! Tools and what must be called: <https://platform.openai.com/docs/guides/function-calling>.

use super::wire::{AllowedTools, FunctionDefinition, Name, Named, Tool, ToolChoice};
use crate::{
    openai::{ChatRequest, Invalid, tools},
    providers::extras::Extras,
};

/// The tools as they came, in their order: a provider's prompt cache begins with them.
pub(super) fn offer<'a>(request: &'a ChatRequest, extras: &mut Extras<'_>) -> Result<Vec<Tool<'a>>, Invalid> {
    let mut offered = Vec::with_capacity(request.tools().len());
    for (i, tool) in request.tools().iter().enumerate() {
        if tool.cache_control.is_some() {
            extras.ignore("cache_control");
        }
        let own = |name: &str| tool.kind == "custom" && name == "custom";
        for (name, _) in tool.other.iter().filter(|(name, value)| !value.is_null() && !own(name)) {
            extras.ignore(format!("tools[].{name}"));
        }
        offered.push(match (&tool.function, tool.other.get("custom")) {
            (Some(function), _) if tool.kind == "function" => Tool::Function { function: define(function) },
            (_, Some(_)) if request.streams() => {
                return Err(Invalid::unsupported(format!("tools[{i}]"), "is not supported yet in a stream"));
            }
            (_, Some(custom)) => Tool::Custom { custom },
            (_, None) => return Err(Invalid::value(format!("tools[{i}].custom"), "is required")),
        });
    }
    Ok(offered)
}

fn define(function: &tools::Function) -> FunctionDefinition<'_> {
    FunctionDefinition {
        name: &function.name,
        description: function.description.as_deref(),
        parameters: function.parameters.as_ref().filter(|parameters| !parameters.is_null()),
        strict: function.strict,
    }
}

/// Without tools any choice but to call none is refused by the parser, and OpenAI refuses even that.
pub(super) fn choose(request: &ChatRequest) -> Option<ToolChoice<'_>> {
    let choice = request.tool_choice.as_ref().filter(|_| !request.tools().is_empty())?;
    Some(match choice {
        tools::ToolChoice::None => ToolChoice::Word("none"),
        tools::ToolChoice::Auto => ToolChoice::Word("auto"),
        tools::ToolChoice::Required => ToolChoice::Word("required"),
        tools::ToolChoice::Function(name) => ToolChoice::Named(Named::Function { function: Name { name } }),
        tools::ToolChoice::Custom(name) => ToolChoice::Named(Named::Custom { custom: Name { name } }),
        tools::ToolChoice::Allowed { required, names } => ToolChoice::Named(Named::AllowedTools {
            allowed_tools: AllowedTools {
                mode: if *required { "required" } else { "auto" },
                tools: names.iter().map(|name| Named::Function { function: Name { name } }).collect(),
            },
        }),
    })
}
