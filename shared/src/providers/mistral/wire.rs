//! The wire format: <https://docs.mistral.ai/api/endpoint/chat>.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat<'a>>,
    /// `none` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prediction: Option<Prediction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<&'a Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stream: bool,
}

#[derive(Default, Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<ToolCall<'a>>,
    /// Of a tool's result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_call_id: Option<String>,
    /// Of a tool's result: the tool's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    /// Of the last message, an assistant's: the answer goes on from it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) prefix: bool,
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
    Text {
        text: &'a str,
    },
    Thinking {
        thinking: [TextChunk<'a>; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'a str>,
    },
    ImageUrl {
        image_url: ImageUrl<'a>,
    },
    /// Base 64; the format is found in it.
    InputAudio {
        input_audio: &'a str,
    },
    DocumentUrl {
        document_url: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        document_name: Option<&'a str>,
    },
}

#[derive(Serialize)]
pub(super) struct TextChunk<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) text: &'a str,
}

#[derive(Serialize)]
pub(super) struct ImageUrl<'a> {
    pub(super) url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct ToolCall<'a> {
    pub(super) id: String,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
    /// Required.
    pub(super) parameters: &'a Value,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ToolChoice<'a> {
    /// `auto`, `none` or `any`.
    Word(&'static str),
    Function {
        #[serde(rename = "type")]
        kind: &'static str,
        function: Name<'a>,
    },
}

#[derive(Serialize)]
pub(super) struct Name<'a> {
    pub(super) name: &'a str,
}

#[derive(Serialize)]
pub(super) struct ResponseFormat<'a> {
    /// `json_object` or `json_schema`.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) json_schema: Option<JsonSchema<'a>>,
}

#[derive(Serialize)]
pub(super) struct JsonSchema<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    pub(super) schema: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct Prediction {
    /// `content`.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) content: String,
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
    pub(super) tool_calls: Option<Vec<AnswerCall>>,
}

/// A call; whole, also in a stream.
#[derive(Deserialize)]
pub(super) struct AnswerCall {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) index: u64,
    pub(super) function: Option<AnswerFunction>,
}

#[derive(Default, Deserialize)]
pub(super) struct AnswerFunction {
    pub(super) name: Option<String>,
    /// An object as text, or an object.
    pub(super) arguments: Option<Value>,
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
    /// Of a `thinking` chunk: an array of chunks, or a string.
    pub(super) thinking: Option<Value>,
    /// What a `reference` or `tool_reference` chunk says.
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
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
    pub(super) prompt_audio_seconds: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Option<u64>,
    pub(super) audio_tokens: Option<u64>,
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
