//! The wire format, as far as text chat uses it. Google writes camelCase and adds enum values without notice, so enums are read as
//! text and unknown fields are skipped.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_instruction: Option<Content<'a>>,
    pub(super) contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "GenerationConfig::is_empty")]
    pub(super) generation_config: GenerationConfig<'a>,
}

#[derive(Serialize)]
pub(super) struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    pub(super) parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
}

#[derive(Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) candidate_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) frequency_penalty: Option<f64>,
}

impl GenerationConfig<'_> {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A whole answer and an event of a stream are the same.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response {
    pub(super) candidates: Option<Vec<Candidate>>,
    pub(super) prompt_feedback: Option<PromptFeedback>,
    pub(super) usage_metadata: Option<Usage>,
    pub(super) model_version: Option<String>,
    pub(super) response_id: Option<String>,
    /// An error inside a stream.
    pub(super) error: Option<Error>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate {
    /// Absent where there is one.
    pub(super) index: Option<u32>,
    #[serde(default)]
    pub(super) content: AnswerContent,
    /// Text, but a number where a proxy passes on the enum's value.
    pub(super) finish_reason: Option<Value>,
}

#[derive(Default, Deserialize)]
pub(super) struct AnswerContent {
    #[serde(default)]
    pub(super) parts: Vec<AnswerPart>,
}

#[derive(Deserialize)]
pub(super) struct AnswerPart {
    pub(super) text: Option<String>,
    /// Whether the text is a summary of the model's reasoning and not its answer.
    #[serde(default)]
    pub(super) thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptFeedback {
    pub(super) block_reason: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    pub(super) prompt_token_count: Option<u64>,
    pub(super) tool_use_prompt_token_count: Option<u64>,
    pub(super) candidates_token_count: Option<u64>,
    pub(super) thoughts_token_count: Option<u64>,
    pub(super) cached_content_token_count: Option<u64>,
    pub(super) service_tier: Option<String>,
}

/// A stream that was asked for without `alt=sse`, and some front ends, wrap the error in an array.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ErrorBody {
    One { error: Error },
    Many(Vec<ErrorItem>),
}

#[derive(Deserialize)]
pub(super) struct ErrorItem {
    pub(super) error: Error,
}

/// `google.rpc.Status`. The details also hold debug texts that quote keys; only what is named here is read.
#[derive(Deserialize)]
pub(super) struct Error {
    pub(super) code: Option<u16>,
    pub(super) message: Option<String>,
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) details: Vec<ErrorDetail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorDetail {
    /// Of an `ErrorInfo`.
    pub(super) reason: Option<String>,
    /// Of a `RetryInfo`, as `36s` or `1.5s`.
    pub(super) retry_delay: Option<String>,
}
