//! The fields deep in a request that not every provider has: what a caller put beside a message, a part of it, a tool or a schema. Each is
//! sent by the provider that takes it and named by the others, as `messages[].content[].name`.

use crate::openai::{
    ChatRequest,
    chat::{Message, Role},
    content::{Content, Part},
    format::ResponseFormat,
    tools::{Tool, ToolCall},
};
use serde_json::{Map, Value};

/// A field that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// What it is beside, as `messages[].content[]`.
    pub(crate) beside: &'static str,
    /// Of which message; 0 where it is of none.
    pub(crate) message: usize,
    /// Its name.
    pub(crate) name: &'a str,
}

/// A mark for a prompt cache has one name, wherever it stands.
pub(crate) const CACHE_MARK: &str = "cache_control";

pub(crate) const MESSAGE: &str = "messages[]";
pub(crate) const PART: &str = "messages[].content[]";

impl Field<'_> {
    /// The name that a caller is told.
    pub(crate) fn path(&self) -> String {
        match self.name {
            CACHE_MARK => CACHE_MARK.to_owned(),
            name => format!("{}.{name}", self.beside),
        }
    }
}

/// Shows every such field of a request.
pub(crate) fn each<'a>(request: &'a ChatRequest, mut show: impl FnMut(Field<'a>)) {
    for (i, message) in request.messages.iter().enumerate() {
        let mut show = |beside, name| show(Field { beside, message: i, name });
        of_message(message, &mut show);
        if let Some(Content::Parts(parts)) = &message.content {
            parts.iter().for_each(|part| of_part(part, &mut show));
        }
        message.tool_calls().iter().for_each(|call| of_call(call, &mut show));
    }
    let mut show = |beside, name| show(Field { beside, message: 0, name });
    request.tools().iter().for_each(|tool| of_tool(tool, &mut show));
    if let Some(ResponseFormat { json_schema, other, .. }) = &request.response_format {
        rest("response_format", other, &mut show);
        json_schema.iter().for_each(|schema| rest("response_format.json_schema", &schema.other, &mut show));
    }
}

/// The name of a tool's result is the called function's, which the call has. An earlier answer comes back as it was given, with what it was
/// based on, which no provider wants to know again.
fn of_message<'a>(message: &'a Message, show: &mut impl FnMut(&'static str, &'a str)) {
    if message.name.is_some() && message.role != Role::Tool {
        show(MESSAGE, "name");
    }
    if message.cache_control.is_some() {
        show(MESSAGE, CACHE_MARK);
    }
    let is_repeated = |name: &str| message.role == Role::Assistant && name == "annotations";
    says_something(&message.other).filter(|name| !is_repeated(name)).for_each(|name| show(MESSAGE, name));
}

fn of_part<'a>(part: &'a Part, show: &mut impl FnMut(&'static str, &'a str)) {
    if part.cache_control.is_some() {
        show(PART, CACHE_MARK);
    }
    rest(PART, &part.other, show);
    if let Some(image) = &part.image_url {
        rest("messages[].content[].image_url", &image.other, show);
    }
    if let Some(audio) = &part.input_audio {
        rest("messages[].content[].input_audio", &audio.other, show);
    }
    if let Some(file) = &part.file {
        rest("messages[].content[].file", &file.other, show);
    }
}

/// A call that was put together from a stream has its `index`; `extra_content` is a provider's own word to itself.
fn of_call<'a>(call: &'a ToolCall, show: &mut impl FnMut(&'static str, &'a str)) {
    const CALL: &str = "messages[].tool_calls[]";
    let names = says_something(&call.other).filter(|name| !matches!(*name, "index" | "extra_content"));
    names.for_each(|name| show(CALL, name));
    if let Some(function) = &call.function {
        rest("messages[].tool_calls[].function", &function.other, show);
    }
}

fn of_tool<'a>(tool: &'a Tool, show: &mut impl FnMut(&'static str, &'a str)) {
    const TOOL: &str = "tools[]";
    if tool.cache_control.is_some() {
        show(TOOL, CACHE_MARK);
    }
    rest(TOOL, &tool.other, show);
    match tool.as_function() {
        Some(function) => {
            rest("tools[].function", &function.other, show);
            tool.custom.iter().for_each(|_| show(TOOL, "custom"));
        }
        None => tool.function.iter().for_each(|_| show(TOOL, "function")),
    }
}

fn rest<'a>(beside: &'static str, members: &'a Map<String, Value>, show: &mut impl FnMut(&'static str, &'a str)) {
    says_something(members).for_each(|name| show(beside, name));
}

fn says_something(members: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let says_something =
        |value: &Value| !value.is_null() && value != false && value.as_array().is_none_or(|all| !all.is_empty());
    members.iter().filter(move |(_, value)| says_something(value)).map(|(name, _)| name.as_str())
}
