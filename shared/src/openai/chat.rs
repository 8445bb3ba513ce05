//! `POST /v1/chat/completions`: what a caller may ask.

use super::{
    Invalid,
    content::{Content, PartBody},
    format::ResponseFormat,
    json,
    tools::{Function, FunctionCall, Tool, ToolCall, ToolChoice},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A chat request that was read strictly and whose values are in range.
#[derive(Debug, Clone, Deserialize)]
pub struct ChatRequest {
    /// `provider/model`, or a bare model name.
    pub model: String,
    /// At least one.
    pub messages: Vec<Message>,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// How many answers, 1 to 128.
    pub n: Option<u32>,
    /// Up to four sequences that end the answer.
    pub stop: Option<Stop>,
    /// The older name of `max_completion_tokens`.
    pub max_tokens: Option<u32>,
    /// The longest answer, in tokens.
    pub max_completion_tokens: Option<u32>,
    /// Whether to answer as server-sent events.
    pub stream: Option<bool>,
    /// Only with `stream`.
    pub stream_options: Option<StreamOptions>,
    /// What the model may call.
    pub tools: Option<Vec<Tool>>,
    /// What it must call.
    pub tool_choice: Option<ToolChoice>,
    /// The form of the answer.
    pub response_format: Option<ResponseFormat>,
    /// Whether what a model cannot honour is an error rather than left out and named. An extension.
    pub require_parameters: Option<bool>,
    /// Whether tools came as `functions`, their older form, so that calls go back in theirs.
    #[serde(skip)]
    pub legacy_functions: bool,
    /// The rest of the dialect: passed to a provider that speaks it, or named as ignored.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// One message.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said; an assistant's may be absent.
    pub content: Option<Content>,
    /// Tells participants of one role apart.
    pub name: Option<String>,
    /// What an assistant refused with, sent back.
    pub refusal: Option<String>,
    /// What an assistant called, sent back.
    pub tool_calls: Option<Vec<ToolCall>>,
    /// The older form of one of them; a parsed request has it among `tool_calls`.
    pub function_call: Option<FunctionCall>,
    /// Of a tool's result: which call it answers.
    pub tool_call_id: Option<String>,
    /// What an assistant thought, sent back. An extension.
    pub reasoning_content: Option<String>,
    /// What a provider wants back of what an assistant thought, unchanged. An extension.
    pub reasoning_details: Option<Vec<Value>>,
    /// A mark for a provider's prompt cache. An extension.
    pub cache_control: Option<Value>,
    /// The rest.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions.
    System,
    /// Instructions, by OpenAI's newer name.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool's result.
    Tool,
    /// A function's result (legacy).
    Function,
}

impl Role {
    /// Whether the message instructs rather than converses.
    pub fn instructs(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

/// One stop sequence or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a string or an array of strings")]
pub enum Stop {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// What a stream carries besides content.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamOptions {
    /// Whether the last chunk carries the usage.
    pub include_usage: Option<bool>,
    /// Newer options.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Fields that change what the answer is and are not translated yet: dropping one would be a wrong answer, so a request that uses it
/// is refused. A null or an empty array asks for nothing and is let through.
pub const REFUSED: &[&str] = &["models"];

impl ChatRequest {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// [`Invalid`] that names the first fault; nothing was spent.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        let mut request: Self = json::parse_as(body)?;
        request.other.retain(|_, value| !value.is_null());
        request.modernise()?;
        request.check()?;
        Ok(request)
    }

    /// Whether the caller wants events.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Whether the caller wants the usage as the last chunk of a stream.
    pub fn wants_stream_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }

    /// Whom the caller serves, by its own word, under either of its names.
    pub fn end_user(&self) -> Option<&str> {
        let named = |name: &str| self.other.get(name).and_then(Value::as_str).filter(|user| !user.is_empty());
        named("user").or_else(|| named("safety_identifier"))
    }

    /// The longest answer asked for, under either of its names.
    pub fn output_limit(&self) -> Option<u32> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// The stop sequences, none if absent.
    pub fn stop_sequences(&self) -> &[String] {
        match &self.stop {
            None => &[],
            Some(Stop::One(one)) => std::slice::from_ref(one),
            Some(Stop::Many(many)) => many,
        }
    }

    /// All instructions (system and developer messages) in order, however they were interleaved.
    pub fn instructions(&self) -> impl Iterator<Item = &Content> {
        self.messages.iter().filter(|message| message.role.instructs()).filter_map(|message| message.content.as_ref())
    }

    /// The messages that are not instructions, in order.
    pub fn conversation(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| !message.role.instructs())
    }

    /// Where the first sound is in the messages, as `messages[0].content[1]`.
    pub fn first_audio(&self) -> Option<String> {
        self.messages.iter().enumerate().find_map(|(i, message)| {
            let Some(Content::Parts(parts)) = &message.content else { return None };
            let j = parts.iter().position(|part| matches!(part.body(), Some(PartBody::Audio(_))))?;
            Some(format!("messages[{i}].content[{j}]"))
        })
    }

    /// Whether the answer is to be spoken.
    pub fn wants_sound(&self) -> bool {
        let modalities = self.other.get("modalities").and_then(Value::as_array);
        modalities.is_some_and(|modalities| modalities.iter().any(|one| one == "audio"))
    }

    /// Whether the caller does not want to see what the model thinks (`reasoning.exclude`).
    pub fn hides_reasoning(&self) -> bool {
        self.other.get("reasoning").is_some_and(|reasoning| reasoning["exclude"] == true)
    }

    /// The tools that are offered, none if absent.
    pub fn tools(&self) -> &[Tool] {
        self.tools.as_deref().unwrap_or_default()
    }

    /// Brings the older form of tools (`functions`, `function_call`, the role `function`) into the newer, so that nobody else has to know it.
    fn modernise(&mut self) -> Result<(), Invalid> {
        if let Some(functions) = self.other.shift_remove("functions") {
            let functions: Vec<Function> = serde_json::from_value(functions)
                .map_err(|_| Invalid::value("functions", "must be an array of functions"))?;
            self.legacy_functions = !functions.is_empty();
            let tools = functions.into_iter().map(|function| Tool {
                kind: "function".into(),
                function: Some(function),
                custom: None,
                cache_control: None,
                other: Map::new(),
            });
            self.tools.get_or_insert_default().extend(tools);
        }
        if let Some(choice) = self.other.shift_remove("function_call") {
            let choice: ToolChoice = serde_json::from_value(choice)
                .map_err(|_| Invalid::value("function_call", "must be `none`, `auto` or name a function"))?;
            if *self.tool_choice.get_or_insert_with(|| choice.clone()) != choice {
                return Err(Invalid::value("function_call", "is the older form of `tool_choice`: give one of the two"));
            }
        }
        // The older form has no ids; a result answers the call before it.
        let mut last_call = None;
        for (i, message) in self.messages.iter_mut().enumerate() {
            if let Some(call) = message.function_call.take() {
                let id = format!("call_{i}");
                last_call = Some(id.clone());
                let call = ToolCall { function: Some(call), ..ToolCall::function(id, String::new(), String::new()) };
                message.tool_calls.get_or_insert_default().push(call);
            }
            if message.role == Role::Function {
                message.role = Role::Tool;
                message.tool_call_id = last_call.clone();
                // The function's, not a participant's: the call it answers has it.
                message.name = None;
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.model.trim().is_empty() {
            return Err(Invalid::value("model", "must name a model, as `openai/gpt-4o-mini`"));
        }
        if self.messages.is_empty() {
            return Err(Invalid::value("messages", "must hold at least one message"));
        }
        in_range("temperature", self.temperature, 0.0, 2.0)?;
        in_range("top_p", self.top_p, 0.0, 1.0)?;
        if self.n.is_some_and(|n| !(1..=128).contains(&n)) {
            return Err(Invalid::value("n", "must be from 1 to 128"));
        }
        for (name, limit) in [("max_tokens", self.max_tokens), ("max_completion_tokens", self.max_completion_tokens)] {
            if limit == Some(0) {
                return Err(Invalid::value(name, "must be at least 1"));
            }
        }
        if self.max_tokens.is_some_and(|older| self.max_completion_tokens.is_some_and(|newer| newer != older)) {
            return Err(Invalid::value(
                "max_tokens",
                "is the older form of `max_completion_tokens`: give one of the two",
            ));
        }
        if self.stop_sequences().len() > 4 {
            return Err(Invalid::value("stop", "takes at most four sequences"));
        }
        if self.stream_options.is_some() && !self.streams() {
            return Err(Invalid::value("stream_options", "is only allowed when `stream` is true"));
        }
        self.response_format.as_ref().map_or(Ok(()), ResponseFormat::check)?;
        self.check_offered()?;
        self.check_tools()?;
        self.messages.iter().enumerate().try_for_each(|(i, message)| message.check(&format!("messages[{i}]")))
    }

    fn check_offered(&self) -> Result<(), Invalid> {
        for &name in REFUSED {
            let asks_for_nothing = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
            if self.other.get(name).is_some_and(|value| !asks_for_nothing(value)) {
                return Err(Invalid::unsupported(name, "is not supported yet"));
            }
        }
        for name in ["audio", "prediction", "web_search_options"] {
            if self.other.get(name).is_some_and(|value| !value.is_object()) {
                return Err(Invalid::value(name, "expected an object"));
            }
        }
        let is_known = |value: &Value| value == "text" || value == "audio";
        match self.other.get("modalities").map(Value::as_array) {
            None => {}
            Some(Some(all)) if all.iter().all(is_known) => {}
            Some(_) => return Err(Invalid::value("modalities", "must be an array of `text` and `audio`")),
        }
        match self.other.get("logprobs") {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(_) => Err(Invalid::value("logprobs", "expected a boolean")),
        }
    }

    fn check_tools(&self) -> Result<(), Invalid> {
        let tools = self.tools();
        if tools.len() > MAX_TOOLS {
            return Err(Invalid::value("tools", format!("must be at most {MAX_TOOLS}")));
        }
        tools.iter().enumerate().try_for_each(|(i, tool)| tool.check(&format!("tools[{i}]")))?;
        let is_function = |name: &String| tools.iter().filter_map(Tool::as_function).any(|one| one.name == *name);
        let is_custom = |name: &String| tools.iter().filter_map(Tool::as_custom).any(|one| one.name == *name);
        let (functions, customs): (&[String], &[String]) = match &self.tool_choice {
            Some(ToolChoice::Function(name)) => (std::slice::from_ref(name), &[]),
            Some(ToolChoice::Custom(name)) => (&[], std::slice::from_ref(name)),
            Some(ToolChoice::Allowed { names, custom, .. }) if names.is_empty() && custom.is_empty() => {
                return Err(Invalid::value("tool_choice", "must allow at least one tool"));
            }
            Some(ToolChoice::Allowed { names, custom, .. }) => (names, custom),
            _ => (&[], &[]),
        };
        match functions.iter().all(is_function) && customs.iter().all(is_custom) {
            false => Err(Invalid::value("tool_choice", "names a tool that is not among `tools`")),
            true if tools.is_empty() && self.tool_choice == Some(ToolChoice::Required) => {
                Err(Invalid::value("tool_choice", "is only allowed when `tools` are given"))
            }
            true => Ok(()),
        }
    }
}

impl Message {
    /// The calls that an assistant made, none if absent.
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.tool_calls.as_deref().unwrap_or_default()
    }

    fn check(&self, path: &str) -> Result<(), Invalid> {
        if let Some(Content::Parts(parts)) = &self.content {
            if parts.is_empty() && self.role != Role::Assistant {
                return Err(Invalid::value(format!("{path}.content"), "must hold at least one part"));
            }
            parts.iter().enumerate().try_for_each(|(i, part)| part.check(&format!("{path}.content[{i}]")))?;
            let only_text = |part: &PartBody<'_>| matches!(part, PartBody::Text(_) | PartBody::Refusal(_));
            let mut bodies = parts.iter().filter_map(|part| part.body());
            if matches!(self.role, Role::System | Role::Developer | Role::Assistant)
                && !bodies.all(|body| only_text(&body))
            {
                return Err(Invalid::value(format!("{path}.content"), "takes only text in this role"));
            }
        }
        for (i, call) in self.tool_calls().iter().enumerate() {
            call.check(&format!("{path}.tool_calls[{i}]"))?;
        }
        match (self.role, &self.content) {
            (Role::Tool, _) if self.tool_call_id.is_none() => {
                Err(Invalid::value(format!("{path}.tool_call_id"), "is required"))
            }
            (Role::Assistant, _) | (_, Some(_)) => Ok(()),
            (_, None) => Err(Invalid::value(format!("{path}.content"), "is required")),
        }
    }
}

/// As many as OpenAI takes.
const MAX_TOOLS: usize = 128;

fn in_range(name: &str, value: Option<f64>, low: f64, high: f64) -> Result<(), Invalid> {
    match value {
        Some(value) if !(low..=high).contains(&value) => {
            Err(Invalid::value(name, format!("must be from {low} to {high}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
