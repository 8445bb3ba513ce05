//! The wire format: <https://docs.cohere.com/reference/chat>.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) strict_tools: bool,
    /// `REQUIRED` or `NONE`; absent: as the model likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) logprobs: bool,
    /// Required.
    pub(super) stream: bool,
}

#[derive(Default, Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Content<'a>>,
    /// What an assistant said it would do with its calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<ToolCall<'a>>,
    /// Of a tool's result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(&'a str),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    Text { text: &'a str },
    Thinking { thinking: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Serialize)]
pub(super) struct ImageUrl<'a> {
    pub(super) url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Tool<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: Function<'a>,
}

#[derive(Serialize)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    pub(super) parameters: Map<String, Value>,
}

#[derive(Serialize)]
pub(super) struct ToolCall<'a> {
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: FunctionCall<'a>,
}

#[derive(Serialize)]
pub(super) struct FunctionCall<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: Cow<'a, str>,
}

#[derive(Serialize)]
pub(super) struct ResponseFormat {
    /// `json_object`, with and without a schema.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) json_schema: Option<Map<String, Value>>,
}

#[derive(Serialize)]
pub(super) struct Thinking {
    /// `enabled` or `disabled`.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_budget: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) id: Option<String>,
    pub(super) finish_reason: String,
    pub(super) message: AnswerMessage,
    pub(super) usage: Option<Usage>,
    pub(super) logprobs: Option<Vec<Logprobs>>,
}

#[derive(Deserialize)]
pub(super) struct AnswerMessage {
    /// Absent where the model only calls tools.
    pub(super) content: Option<Vec<AnswerPart>>,
    pub(super) tool_plan: Option<String>,
    pub(super) tool_calls: Option<Vec<AnswerCall>>,
    pub(super) citations: Option<Vec<Value>>,
}

#[derive(Deserialize)]
pub(super) struct AnswerPart {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Of a `text` part.
    pub(super) text: Option<String>,
    /// Of a `thinking` part.
    pub(super) thinking: Option<String>,
}

/// A call; in a stream first without its arguments, then only they.
#[derive(Deserialize)]
pub(super) struct AnswerCall {
    pub(super) id: Option<String>,
    pub(super) function: Option<AnswerFunction>,
}

#[derive(Default, Deserialize)]
pub(super) struct AnswerFunction {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
}

/// A piece of text, of one token or more.
#[derive(Deserialize)]
pub(super) struct Logprobs {
    pub(super) text: Option<String>,
    pub(super) logprobs: Option<Vec<f64>>,
}

/// What was processed, what of it was cached, and what is invoiced.
#[derive(Deserialize)]
pub(super) struct Usage {
    pub(super) tokens: Option<Counts>,
    pub(super) billed_units: Option<Counts>,
    #[serde(default, deserialize_with = "count")]
    pub(super) cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Counts {
    #[serde(default, deserialize_with = "count")]
    pub(super) input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(super) output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(super) reasoning_tokens: Option<u64>,
}

/// Cohere specifies counts as doubles, so that `12.0` is one.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let whole = number.as_u64().or_else(|| number.as_f64().and_then(|number| format!("{number:.0}").parse().ok()));
    whole.map(Some).ok_or_else(|| D::Error::custom("not a count"))
}

/// Any event of a stream; `type` says which of the fields it has.
#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Of `message-start`.
    pub(super) id: Option<String>,
    /// Which part, call or citation it is about.
    pub(super) index: Option<u64>,
    pub(super) delta: Option<Delta>,
    /// Beside the text, where it was asked for.
    pub(super) logprobs: Option<Logprobs>,
}

#[derive(Deserialize)]
pub(super) struct Delta {
    /// Of the events about content, plans, calls and citations.
    pub(super) message: Option<DeltaMessage>,
    /// Of `message-end`, like the next two.
    pub(super) finish_reason: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) error: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct DeltaMessage {
    /// One part in the events about content, an array in `message-start`, like the next three.
    pub(super) content: Option<Value>,
    pub(super) tool_plan: Option<Value>,
    pub(super) tool_calls: Option<Value>,
    pub(super) citations: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) message: Option<String>,
    pub(super) error_type: Option<String>,
}
