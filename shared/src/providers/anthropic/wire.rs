//! The wire format, as far as text chat uses it. Unknown fields and unknown types of blocks and events are skipped, as Anthropic asks:
//! <https://platform.claude.com/docs/en/api/versioning>.

use serde::{Deserialize, Serialize};

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    /// Required.
    pub(super) max_tokens: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) system: Vec<Block<'a>>,
    pub(super) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text { text: &'a str },
}

#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub(super) user_id: &'a str,
}

/// A whole answer; in `message_start` the same without content.
#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) content: Vec<AnswerBlock>,
    pub(super) stop_reason: Option<String>,
    #[serde(default)]
    pub(super) usage: Usage,
}

#[derive(Deserialize)]
pub(super) struct AnswerBlock {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Of a `text` block.
    pub(super) text: Option<String>,
}

/// Every count may be absent: `message_delta` repeats only some, older models know only two.
#[derive(Clone, Default, Deserialize)]
pub(super) struct Usage {
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) cache_read_input_tokens: Option<u64>,
    pub(super) cache_creation_input_tokens: Option<u64>,
    pub(super) cache_creation: Option<CacheCreation>,
    pub(super) output_tokens_details: Option<OutputDetails>,
    pub(super) service_tier: Option<String>,
}

/// The parts of `cache_creation_input_tokens`, which are billed differently.
#[derive(Clone, Default, Deserialize)]
pub(super) struct CacheCreation {
    pub(super) ephemeral_5m_input_tokens: Option<u64>,
    pub(super) ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Clone, Default, Deserialize)]
pub(super) struct OutputDetails {
    pub(super) thinking_tokens: Option<u64>,
}

/// Any event of a stream; `type` says which of the fields it has.
#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Of `message_start`.
    pub(super) message: Option<Response>,
    /// Of `content_block_start`.
    pub(super) content_block: Option<AnswerBlock>,
    /// Of `content_block_delta` and `message_delta`.
    pub(super) delta: Option<Delta>,
    /// Of `message_delta`.
    pub(super) usage: Option<Usage>,
    /// Of `error`.
    pub(super) error: Option<Error>,
}

#[derive(Deserialize)]
pub(super) struct Delta {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// Of a `text_delta`.
    pub(super) text: Option<String>,
    /// Of a `message_delta`.
    pub(super) stop_reason: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: Error,
}

#[derive(Deserialize)]
pub(super) struct Error {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) message: Option<String>,
}
