//! Tools and what must be called: <https://platform.openai.com/docs/guides/function-calling>.

use super::wire::{AllowedTools, FunctionDefinition, Name, Named, Tool, ToolChoice};
use crate::openai::{ChatRequest, tools};

/// The tools as they came, in their order: a provider's prompt cache begins with them.
pub(super) fn offer(request: &ChatRequest) -> Vec<Tool<'_>> {
    let offered = request.tools().iter().filter_map(|tool| match tool.as_function() {
        Some(function) => Some(Tool::Function { function: define(function) }),
        None => tool.as_custom().map(|custom| Tool::Custom { custom }),
    });
    offered.collect()
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
        tools::ToolChoice::Allowed { required, names, custom } => ToolChoice::Named(Named::AllowedTools {
            allowed_tools: AllowedTools {
                mode: if *required { "required" } else { "auto" },
                tools: names
                    .iter()
                    .map(|name| Named::Function { function: Name { name } })
                    .chain(custom.iter().map(|name| Named::Custom { custom: Name { name } }))
                    .collect(),
            },
        }),
    })
}
