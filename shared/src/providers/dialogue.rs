//! What the providers that are not OpenAI share: words that are put in a person's mouth where a provider's rules leave no other way to keep
//! a conversation whole, and that tools are functions.

use crate::openai::{
    ChatRequest, Invalid,
    tools::{Function, FunctionCall, Tool, ToolCall},
};

/// Where a provider answers only a person and the conversation ends with the model's own words.
pub(crate) const CONTINUE: &str = "Continue.";

/// Where a provider wants a person to speak first and the model did.
pub(crate) const BEGIN: &str = "Begin.";

/// Before what a tool gave besides text, where its result takes only text.
pub(crate) const FROM_A_TOOL: &str = "From the tool's result:";

/// The functions that are offered, in their order. A custom tool takes any text, in a form that only OpenAI can hold a model to: a function
/// in its place would be called with something else, so it is refused.
pub(crate) fn functions<'a>(request: &'a ChatRequest, provider: &str) -> Result<Vec<&'a Function>, Invalid> {
    let function = |(i, tool): (usize, &'a Tool)| {
        tool.as_function().ok_or_else(|| {
            let name = tool.as_custom().map_or("", |custom| &custom.name);
            let why = format!("{provider} takes only functions, and `{name}` is a custom tool");
            Invalid::unsupported(format!("tools[{i}].type"), why)
        })
    };
    request.tools().iter().enumerate().map(function).collect()
}

/// The function that an assistant called; `path` is where the call stands.
pub(crate) fn called<'a>(call: &'a ToolCall, path: &str, provider: &str) -> Result<&'a FunctionCall, Invalid> {
    call.function.as_ref().filter(|_| call.kind == "function").ok_or_else(|| {
        let name = call.custom.as_ref().map_or("", |custom| &custom.name);
        let why = format!("{provider} takes back only calls of functions, and `{name}` is a custom tool");
        Invalid::unsupported(format!("{path}.type"), why)
    })
}
