//! The wire format. Google writes camelCase and adds enum values without notice, so enums are read as text and unknown fields are
//! skipped.

use crate::openai::json::Object;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_instruction: Option<Content<'a>>,
    pub(super) contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "GenerationConfig::is_empty")]
    pub(super) generation_config: GenerationConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    pub(super) parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(flatten)]
    pub(super) body: Body<'a>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Body<'a> {
    Text(&'a str),
    InlineData(Blob<'a>),
    FileData(FileData<'a>),
    FunctionCall(FunctionCall<'a>),
    FunctionResponse(FunctionResponse<'a>),
    /// What a tool that Google ran did, sent back as it came, like the next three.
    ExecutableCode(&'a Value),
    CodeExecutionResult(&'a Value),
    ToolCall(&'a Value),
    ToolResponse(&'a Value),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    pub(super) mime_type: Cow<'a, str>,
    pub(super) data: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<&'static str>,
    pub(super) file_uri: &'a str,
}

#[derive(Serialize)]
pub(super) struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) args: Map<String, Value>,
}

#[derive(Serialize)]
pub(super) struct FunctionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) response: Given<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Part<'a>>,
}

/// Google wants an object.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Given<'a> {
    Object(Object<'a>),
    Text { result: Cow<'a, str> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tools<'a> {
    pub(super) function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Declaration<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters_json_schema: Option<Cow<'a, Value>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    pub(super) function_calling_config: CallingConfig<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallingConfig<'a> {
    pub(super) mode: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) allowed_function_names: &'a [String],
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_json_schema: Option<Cow<'a, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking_config: Option<ThinkingConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<i64>,
}

/// A level or a budget, never both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThinkingConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking_budget: Option<u32>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) include_thoughts: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl<'a> Part<'a> {
    pub(super) fn of(body: Body<'a>) -> Self {
        Self { body, thought: false, thought_signature: None }
    }

    pub(super) fn text(text: &'a str) -> Self {
        Self::of(Body::Text(text))
    }
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
    /// Read apart: what an answer is based on never makes it unreadable.
    pub(super) grounding_metadata: Option<Value>,
    pub(super) citation_metadata: Option<Value>,
    pub(super) logprobs_result: Option<Value>,
}

#[derive(Default, Deserialize)]
pub(super) struct AnswerContent {
    #[serde(default)]
    pub(super) parts: Vec<AnswerPart>,
}

/// One of these.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerPart {
    pub(super) text: Option<String>,
    /// Whether the text is a summary of the model's reasoning and not its answer.
    #[serde(default)]
    pub(super) thought: bool,
    pub(super) function_call: Option<AnswerCall>,
    /// Something that was drawn or spoken.
    pub(super) inline_data: Option<AnswerBlob>,
    /// What a tool that Google ran did, like the next three.
    pub(super) executable_code: Option<Value>,
    pub(super) code_execution_result: Option<Value>,
    pub(super) tool_call: Option<Value>,
    pub(super) tool_response: Option<Value>,
    /// To be sent back on this very part.
    pub(super) thought_signature: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerBlob {
    #[serde(default)]
    pub(super) mime_type: String,
    #[serde(default)]
    pub(super) data: String,
}

/// Whole, or the first of several pieces (with a name), or a later one (without).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerCall {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) args: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) partial_args: Vec<PartialArg>,
    #[serde(default)]
    pub(super) will_continue: bool,
}

/// A value, or more of a text, at a path as `$.steps[0].name`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartialArg {
    pub(super) json_path: String,
    pub(super) string_value: Option<String>,
    pub(super) number_value: Option<serde_json::Number>,
    pub(super) bool_value: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptFeedback {
    /// Text, but a number where a proxy passes on the enum's value.
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
    pub(super) prompt_tokens_details: Option<Vec<ModalityCount>>,
    pub(super) cache_tokens_details: Option<Vec<ModalityCount>>,
    pub(super) tool_use_prompt_tokens_details: Option<Vec<ModalityCount>>,
    pub(super) candidates_tokens_details: Option<Vec<ModalityCount>>,
}

/// <https://ai.google.dev/api/generate-content#ModalityTokenCount>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModalityCount {
    /// A proxy may pass on the number of the enumeration.
    pub(super) modality: Option<Value>,
    pub(super) token_count: Option<u64>,
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
