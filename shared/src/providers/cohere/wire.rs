//! The wire format, as far as text chat uses it.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Number, Value};

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
    /// Required.
    pub(super) stream: bool,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Content<'a>,
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
}

#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) id: Option<String>,
    pub(super) finish_reason: String,
    pub(super) message: AnswerMessage,
    pub(super) usage: Option<Usage>,
}

#[derive(Deserialize)]
pub(super) struct AnswerMessage {
    /// Absent where the model only calls tools.
    pub(super) content: Option<Vec<AnswerPart>>,
}

#[derive(Deserialize)]
pub(super) struct AnswerPart {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Of a `text` part; a `thinking` part has none.
    pub(super) text: Option<String>,
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
    pub(super) delta: Option<Delta>,
}

#[derive(Deserialize)]
pub(super) struct Delta {
    /// Of `content-start` and `content-delta`.
    pub(super) message: Option<DeltaMessage>,
    /// Of `message-end`, like the next two.
    pub(super) finish_reason: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) error: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct DeltaMessage {
    /// One part in the events about content, an array in `message-start`.
    pub(super) content: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) message: Option<String>,
    pub(super) error_type: Option<String>,
}
