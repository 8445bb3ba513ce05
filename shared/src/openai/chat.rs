//! `POST /v1/chat/completions`: what a caller may ask.

use super::{Invalid, content::Content, json};
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
    /// The rest of the dialect, which is refused (see [`REFUSED`]), passed to a provider that speaks it, or named as ignored.
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
    /// Tool calls and the like.
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
pub const REFUSED: &[&str] = &[
    "audio",
    "function_call",
    "functions",
    "modalities",
    "models",
    "prediction",
    "response_format",
    "tool_choice",
    "tools",
    "web_search_options",
];

impl ChatRequest {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// [`Invalid`] that names the first fault; nothing was spent.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        let mut request: Self = json::parse_as(body)?;
        request.other.retain(|_, value| !value.is_null());
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
        if self.stop_sequences().len() > 4 {
            return Err(Invalid::value("stop", "takes at most four sequences"));
        }
        if self.stream_options.is_some() && !self.streams() {
            return Err(Invalid::value("stream_options", "is only allowed when `stream` is true"));
        }
        self.check_offered()?;
        self.messages.iter().enumerate().try_for_each(|(i, message)| message.check(&format!("messages[{i}]")))
    }

    fn check_offered(&self) -> Result<(), Invalid> {
        for &name in REFUSED {
            let asks_for_text = |value: &Value| match name {
                "modalities" => value.as_array().is_some_and(|all| all.iter().all(|one| one == "text")),
                "response_format" => value.get("type").is_some_and(|kind| kind == "text"),
                "tool_choice" | "function_call" => value == "none" || value == "auto",
                _ => value.as_array().is_some_and(Vec::is_empty),
            };
            if self.other.get(name).is_some_and(|value| !asks_for_text(value)) {
                return Err(Invalid::unsupported(name, "is not supported yet; only text chat is"));
            }
        }
        match self.other.get("logprobs") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => return Err(Invalid::unsupported("logprobs", "is not supported yet")),
            Some(_) => return Err(Invalid::value("logprobs", "expected a boolean")),
        }
        Ok(())
    }
}

impl Message {
    /// Its text as one string; what an assistant refused with counts as text.
    pub fn text(&self) -> String {
        match (&self.content, &self.refusal) {
            (Some(content), _) => content.joined().into_owned(),
            (None, Some(refusal)) => refusal.clone(),
            (None, None) => String::new(),
        }
    }

    fn check(&self, path: &str) -> Result<(), Invalid> {
        if matches!(self.role, Role::Tool | Role::Function) {
            return Err(Invalid::unsupported(format!("{path}.role"), "tool results are not supported yet"));
        }
        for name in ["tool_calls", "function_call", "audio"] {
            let asks = |value: &Value| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty());
            if self.other.get(name).is_some_and(asks) {
                return Err(Invalid::unsupported(format!("{path}.{name}"), "is not supported yet"));
            }
        }
        if let Some(Content::Parts(parts)) = &self.content {
            if parts.is_empty() {
                return Err(Invalid::value(format!("{path}.content"), "must hold at least one part"));
            }
            for (i, part) in parts.iter().enumerate() {
                let path = format!("{path}.content[{i}]");
                match part.kind.as_str() {
                    "text" | "refusal" if part.as_text().is_some() => {}
                    kind @ ("text" | "refusal") => return Err(Invalid::value(format!("{path}.{kind}"), "is required")),
                    "image_url" | "input_audio" | "file" => {
                        return Err(Invalid::unsupported(path, "only text parts are supported yet"));
                    }
                    _ => return Err(Invalid::value(format!("{path}.type"), "is not a kind of content part")),
                }
            }
        }
        match (self.role, &self.content) {
            (Role::Assistant, _) | (_, Some(_)) => Ok(()),
            (_, None) => Err(Invalid::value(format!("{path}.content"), "is required")),
        }
    }
}

fn in_range(name: &str, value: Option<f64>, low: f64, high: f64) -> Result<(), Invalid> {
    match value {
        Some(value) if !(low..=high).contains(&value) => {
            Err(Invalid::value(name, format!("must be from {low} to {high}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(extra: &str) -> String {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{extra}}}"#)
    }

    #[test]
    fn a_fault_is_named_by_its_path() {
        let messages = |text: &str| format!(r#"{{"model":"m","messages":{text}}}"#);
        #[rustfmt::skip]
        let table = [
            (r#"{"messages":[]}"#.to_owned(),                             "model",               "required"),
            (r#"{"model":"m"}"#.to_owned(),                               "messages",            "required"),
            (messages("[]"),                                              "messages",            "at least one"),
            (messages("{}"),                                              "messages",            "an array, not an object"),
            (messages(r#"[{"role":"user","content":"a"},{"role":"user","content":7}]"#), "messages[1].content", "a wrong type, deep"),
            (messages(r#"[{"role":"user"}]"#),                            "messages[0].content", "a user must say something"),
            (messages(r#"[{"content":"a"}]"#),                            "messages[0].role",    "required, deep"),
            (messages(r#"[{"role":"wizard","content":"a"}]"#),            "messages[0].role",    "an unknown role"),
            (messages(r#"[{"role":"tool","content":"a"}]"#),              "messages[0].role",    "not offered yet"),
            (messages(r#"[{"role":"user","content":[]}]"#),               "messages[0].content", "no part"),
            (messages(r#"[{"role":"user","content":[{"type":"text"}]}]"#), "messages[0].content[0].text", "a text part without text"),
            (messages(r#"[{"role":"user","content":["a"]}]"#),            "messages[0].content[0]", "a part is an object"),
            (messages(r#"[{"role":"user","content":[{"type":"image_url"}]}]"#), "messages[0].content[0]", "images come later"),
            (messages(r#"[{"role":"assistant","tool_calls":[{}]}]"#),     "messages[0].tool_calls", "tools come later"),
            (with(r#","temperature":2.1"#),                               "temperature",         "out of range"),
            (with(r#","temperature":"hot""#),                             "temperature",         "a wrong type"),
            (with(r#","top_p":-0.1"#),                                    "top_p",               "out of range"),
            (with(r#","n":0"#),                                           "n",                   "out of range"),
            (with(r#","n":129"#),                                         "n",                   "out of range"),
            (with(r#","n":1.5"#),                                         "n",                   "not whole"),
            (with(r#","max_tokens":0"#),                                  "max_tokens",          "no room for an answer"),
            (with(r#","max_completion_tokens":-1"#),                      "max_completion_tokens", "negative"),
            (with(r#","stop":["a","b","c","d","e"]"#),                    "stop",                "five"),
            (with(r#","stop":7"#),                                        "stop",                "a wrong type"),
            (with(r#","stream":"yes""#),                                  "stream",              "a wrong type"),
            (with(r#","stream_options":{"include_usage":true}"#),         "stream_options",      "without stream"),
            (with(r#","tools":[{"type":"function"}]"#),                   "tools",               "not offered yet"),
            (with(r#","response_format":{"type":"json_object"}"#),        "response_format",     "not offered yet"),
        ];
        for (body, path, why) in table {
            let error = ChatRequest::parse(body.as_bytes()).expect_err(why);
            assert_eq!(error.param.as_deref(), Some(path), "{why}: {}", error.message);
        }
    }

    #[test]
    fn what_asks_for_nothing_is_no_fault() {
        for extra in [
            r#","tools":[],"tool_choice":null,"functions":null"#,
            r#","response_format":{"type":"text"},"modalities":["text"]"#,
            r#","temperature":null,"stop":null,"n":1,"logprobs":false"#,
            r#","stream":true,"stream_options":{"include_usage":true}"#,
            r#","seed":7,"user":"someone","metadata":{"a":"b"}"#,
        ] {
            ChatRequest::parse(with(extra).as_bytes()).expect(extra);
        }
    }
}
