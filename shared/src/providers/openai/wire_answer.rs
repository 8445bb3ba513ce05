//! An answer in the wire format. Unknown fields are skipped: OpenAI adds some every month.

use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// A whole answer and a chunk differ only in `message` and `delta`.
#[derive(Deserialize)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) model: Option<Cow<'a, str>>,
    pub(super) created: Option<i64>,
    #[serde(borrow)]
    pub(super) system_fingerprint: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) service_tier: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) choices: Vec<Choice<'a>>,
    pub(super) usage: Option<Usage>,
    /// An error inside a stream.
    #[serde(borrow)]
    pub(super) error: Option<Error<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(default)]
    pub(super) index: u32,
    #[serde(borrow, alias = "message", default)]
    pub(super) delta: Delta<'a>,
    pub(super) logprobs: Option<Value>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Cow<'a, str>>,
    /// Not OpenAI's own: of servers that speak its dialect and show what their models think.
    #[serde(borrow)]
    pub(super) reasoning_content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<ToolCall<'a>>>,
    /// The older form of one of them.
    #[serde(borrow)]
    pub(super) function_call: Option<FunctionCall<'a>>,
    pub(super) annotations: Option<Vec<Value>>,
    /// What an audio model speaks: `id`, `data`, `transcript` and `expires_at`; in a chunk any of them.
    pub(super) audio: Option<Value>,
}

/// A whole call, or more of one.
#[derive(Deserialize)]
pub(super) struct ToolCall<'a> {
    /// Only in a stream.
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) function: Option<FunctionCall<'a>>,
    /// Of a tool that is no function.
    #[serde(borrow)]
    pub(super) custom: Option<CustomCall<'a>>,
}

#[derive(Deserialize)]
pub(super) struct CustomCall<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) input: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct FunctionCall<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) arguments: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    pub(super) prompt_tokens: u64,
    #[serde(default)]
    pub(super) completion_tokens: u64,
    pub(super) prompt_tokens_details: Option<PromptDetails>,
    pub(super) completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Option<u64>,
    pub(super) cache_write_tokens: Option<u64>,
    pub(super) audio_tokens: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct CompletionDetails {
    pub(super) reasoning_tokens: Option<u64>,
    pub(super) audio_tokens: Option<u64>,
    pub(super) accepted_prediction_tokens: Option<u64>,
    pub(super) rejected_prediction_tokens: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct ErrorBody<'a> {
    #[serde(borrow)]
    pub(super) error: Error<'a>,
}

#[derive(Deserialize)]
pub(super) struct Error<'a> {
    #[serde(borrow)]
    pub(super) message: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) param: Option<Cow<'a, str>>,
    /// Usually a string; a few old errors have a number.
    pub(super) code: Option<Value>,
}
