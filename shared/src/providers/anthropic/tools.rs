//! Tools and what must be called: <https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use>.

use super::{
    messages::Conversation,
    rules::Rules,
    schema,
    wire::{Tool, ToolChoice},
};
use crate::{
    openai::{ChatRequest, Invalid, tools, tools::Function},
    providers::{dialogue, extras::Extras},
};
use serde_json::Value;

/// The tools in the order in which they were given, and which of them must be called.
pub(super) fn offered<'a>(
    request: &'a ChatRequest,
    conversation: &Conversation<'a>,
    rules: &Rules,
    extras: &mut Extras<'_>,
) -> Result<(Vec<Tool<'a>>, Option<ToolChoice<'a>>), Invalid> {
    // The older form of tools has room for one call.
    let one_at_a_time = extras.flag("parallel_tool_calls")? == Some(false) || request.legacy_functions;
    let marks = request.tools().iter().map(|tool| tool.cache_control.as_ref());
    let functions = dialogue::functions(request, "Anthropic")?.into_iter().zip(marks);
    let mut tools: Vec<_> = functions.map(|(function, mark)| of_function(function, mark, rules, extras)).collect();
    if tools.is_empty() {
        // "Requests which include `tool_use` or `tool_result` blocks must define `tools`": those that were called, not to be called again.
        let tools: Vec<_> = conversation.called().into_iter().map(of_name).collect();
        let choice = (!tools.is_empty()).then_some(ToolChoice::None);
        return Ok((tools, choice));
    }
    let disable_parallel_tool_use = one_at_a_time;
    let choice = match &request.tool_choice {
        None if !one_at_a_time => None,
        None | Some(tools::ToolChoice::Auto) => Some(ToolChoice::Auto { disable_parallel_tool_use }),
        Some(tools::ToolChoice::None) => Some(ToolChoice::None),
        Some(tools::ToolChoice::Required) => Some(ToolChoice::Any { disable_parallel_tool_use }),
        Some(tools::ToolChoice::Function(name)) => Some(ToolChoice::Tool { name, disable_parallel_tool_use }),
        // The tools stay as they are, with which the prompt cache begins.
        Some(tools::ToolChoice::Allowed { required: true, names, .. }) if names.len() == 1 => {
            names.first().map(|name| ToolChoice::Tool { name, disable_parallel_tool_use })
        }
        Some(tools::ToolChoice::Allowed { required, names, .. }) => {
            // There is no such choice; not to offer the others comes to the same.
            tools.retain(|tool| names.iter().any(|name| name == tool.name));
            match required {
                true => Some(ToolChoice::Any { disable_parallel_tool_use }),
                false => Some(ToolChoice::Auto { disable_parallel_tool_use }),
            }
        }
        // Its tool was refused.
        Some(tools::ToolChoice::Custom(_)) => None,
    };
    Ok((tools, choice))
}

fn of_name(name: &str) -> Tool<'_> {
    let (input_schema, _) = schema::of_input(None);
    Tool { name, description: None, input_schema, strict: false, cache_control: None }
}

fn of_function<'a>(
    function: &'a Function,
    cache_control: Option<&'a Value>,
    rules: &Rules,
    extras: &mut Extras<'_>,
) -> Tool<'a> {
    let (mut input_schema, lost) = schema::of_input(function.parameters.as_ref());
    for keyword in lost {
        extras.ignore(format!("tools[].function.parameters.{keyword}"));
    }
    let mut strict = false;
    if function.strict == Some(true) {
        match schema::of_constraint(&input_schema).filter(|_| rules.structured) {
            Some((schema, lost)) => {
                (input_schema, strict) = (schema, true);
                for keyword in lost {
                    extras.ignore(format!("tools[].function.parameters.{keyword}"));
                }
            }
            None => extras.ignore("tools[].function.strict"),
        }
    }
    let description = function.description.as_deref().filter(|text| !text.trim().is_empty());
    Tool { name: &function.name, description, input_schema, strict, cache_control }
}
