//! The wire format, as far as text chat uses it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) random_seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
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

/// A whole answer and a chunk differ only in `message` and `delta`.
#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) created: Option<i64>,
    /// Absent where it is an error.
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<Usage>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) index: u32,
    #[serde(alias = "message", default)]
    pub(super) delta: Delta,
    pub(super) finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Delta {
    pub(super) content: Option<AnswerContent>,
}

/// A string, or an array of chunks where the model reasons or cites.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum AnswerContent {
    Text(String),
    Parts(Vec<AnswerPart>),
}

#[derive(Deserialize)]
pub(super) struct AnswerPart {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Of a `text` chunk.
    pub(super) text: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Usage {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) num_cached_tokens: Option<u64>,
    pub(super) prompt_tokens_details: Option<PromptDetails>,
    /// The same by a name that Mistral has also written, sometimes beside the other.
    pub(super) prompt_token_details: Option<PromptDetails>,
    pub(super) service_tier: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Option<u64>,
}

/// Three shapes in one: `{"object": "error", "message", "type", "param", "code"}`, `{"message"}` from the front end, and
/// `{"detail"}` from the validation, whose items repeat what the caller sent.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    /// A string, or an object with `detail`.
    pub(super) message: Option<Value>,
    /// A string, or an array of `{"loc", "msg", …}`.
    pub(super) detail: Option<Value>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) param: Option<String>,
    /// A number as a string, or a number.
    pub(super) code: Option<Value>,
}
