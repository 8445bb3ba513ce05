//! A whole answer: `chat.completion`.

use super::{
    tools::{FunctionCall, ToolCall},
    usage::Usage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A whole answer in OpenAI's shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatCompletion {
    /// The provider's id of the answer.
    pub id: String,
    /// Always `chat.completion`.
    pub object: &'static str,
    /// Unix seconds.
    pub created: i64,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// One for each of `n`.
    pub choices: Vec<Choice>,
    /// Absent only where the provider sent none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// The tier that served the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
}

/// One answer of `n`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// From 0.
    pub index: u32,
    /// What was said.
    pub message: AnswerMessage,
    /// How likely each token was, if asked for. The schema wants the field.
    pub logprobs: Option<Value>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// The provider's own word for it, where the dialect has none that says as much, as `pause_turn`. An extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_finish_reason: Option<String>,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnswerMessage {
    /// Always `assistant`.
    pub role: &'static str,
    /// The text, if any.
    pub content: Option<String>,
    /// The refusal, if the model refused.
    pub refusal: Option<String>,
    /// What was spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<Value>,
    /// What was drawn, as `{"type": "image_url", "image_url": {"url"}}` with data URLs. An extension.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Value>,
    /// What the model calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The older form of the one call, for a caller who offered `functions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionCall>,
    /// What the model thought. An extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// What the provider wants back of what the model thought, unchanged, with the next request. An extension.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasoning_details: Vec<Value>,
    /// What the answer is based on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Value>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It was complete, or met a stop sequence.
    #[default]
    Stop,
    /// It met a token limit.
    Length,
    /// It calls tools.
    ToolCalls,
    /// A filter stopped it.
    ContentFilter,
    /// It calls a function (legacy).
    FunctionCall,
}
