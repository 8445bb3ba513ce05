//! The wire format, as far as chat uses it. Unknown fields and unknown types of blocks and events are skipped, as Anthropic asks:
//! <https://platform.claude.com/docs/en/api/versioning>.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};
use std::borrow::Cow;

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    /// Required.
    pub(super) max_tokens: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) system: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<ToolChoice<'a>>,
    pub(super) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_config: Option<OutputConfig>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<&'static str>,
    /// Marks the last block that can be cached, wherever it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<&'a Value>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Vec<Block<'a>>,
}

#[derive(Serialize)]
pub(super) struct Block<'a> {
    #[serde(flatten)]
    pub(super) body: Body<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<&'a Value>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Body<'a> {
    Text {
        text: Cow<'a, str>,
    },
    Image {
        source: Source<'a>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Map<String, Value>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    /// What a tool that Anthropic ran did, sent back as it came.
    #[serde(untagged)]
    Provided(&'a Map<String, Value>),
}

/// Of an image or a document; `text` only of a document.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
    Text { media_type: &'static str, data: String },
}

impl<'a> Block<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::from(Body::Text { text: text.into() })
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(&self.body, Body::Text { text } if text.trim().is_empty())
    }
}

impl<'a> From<Body<'a>> for Block<'a> {
    fn from(body: Body<'a>) -> Self {
        Self { body, cache_control: None }
    }
}

impl<'a> Body<'a> {
    /// Only what a tool of Anthropic's did, under an id that Anthropic could have given: a caller could put anything here.
    pub(super) fn provided(block: &'a Map<String, Value>) -> Option<Self> {
        let ids = ["id", "tool_use_id"].into_iter().filter_map(|name| block.get(name));
        let are_given = ids.into_iter().all(|id| id.as_str().is_some_and(is_id));
        (is_provided(block) && are_given).then_some(Self::Provided(block))
    }

    pub(super) fn is_provided(&self) -> bool {
        matches!(self, Self::Provided(_))
    }

    pub(super) fn is_thought(&self) -> bool {
        matches!(self, Self::Thinking { .. } | Self::RedactedThinking { .. })
    }
}

#[derive(Serialize)]
pub(super) struct Tool<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    pub(super) input_schema: Value,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<&'a Value>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ToolChoice<'a> {
    None,
    Auto {
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        disable_parallel_tool_use: bool,
    },
    Any {
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        disable_parallel_tool_use: bool,
    },
    Tool {
        name: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        disable_parallel_tool_use: bool,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Adaptive {
        display: &'static str,
    },
    Enabled {
        budget_tokens: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
    Disabled,
}

#[derive(Serialize)]
pub(super) struct OutputConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<Format>,
}

#[derive(Serialize)]
pub(super) struct Format {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) schema: Value,
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
    pub(super) stop_details: Option<StopDetails>,
    #[serde(default)]
    pub(super) usage: Usage,
}

#[derive(Deserialize)]
#[serde(remote = "Self", tag = "type", rename_all = "snake_case")]
pub(super) enum AnswerBlock {
    Text {
        #[serde(default)]
        text: String,
        citations: Option<Vec<Value>>,
    },
    Thinking {
        #[serde(default)]
        thinking: String,
        #[serde(default)]
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    /// What tools did that Anthropic runs itself, and what it adds.
    #[serde(skip)]
    Provided(Map<String, Value>),
}

/// Whether Anthropic takes it for the id of a call: `^[a-zA-Z0-9_-]+$`.
pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(is_of_id)
}

/// Whether it may stand in the id of a call.
pub(super) fn is_of_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Whether a block tells what a tool did that Anthropic ran, and is wanted back.
pub(super) fn is_provided(block: &Map<String, Value>) -> bool {
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
    let others = ["server_tool_use", "mcp_tool_use", "container_upload", "compaction"];
    others.contains(&kind) || kind.ends_with("_tool_result")
}

impl<'de> Deserialize<'de> for AnswerBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let block = Map::deserialize(deserializer)?;
        let kind = block.get("type").and_then(Value::as_str).ok_or_else(|| D::Error::missing_field("type"))?;
        match kind {
            "text" | "thinking" | "redacted_thinking" | "tool_use" => {
                // The derived one, which knows these.
                Self::deserialize(Value::Object(block)).map_err(D::Error::custom)
            }
            _ => Ok(Self::Provided(block)),
        }
    }
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
    pub(super) server_tool_use: Option<ServerToolUse>,
    /// `fast` in fast mode.
    pub(super) speed: Option<String>,
    /// Where the model ran, as `us`.
    pub(super) inference_geo: Option<String>,
}

/// What Anthropic ran itself; fetched pages cost nothing but their tokens.
#[derive(Clone, Default, Deserialize)]
pub(super) struct ServerToolUse {
    pub(super) web_search_requests: Option<u64>,
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

/// Of `content_block_delta`, whose `type` says which of the fields it has, and of `message_delta`, which has the last two.
#[derive(Deserialize)]
pub(super) struct Delta {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) text: Option<String>,
    pub(super) thinking: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) partial_json: Option<String>,
    pub(super) citation: Option<Value>,
    pub(super) stop_reason: Option<String>,
    pub(super) stop_details: Option<StopDetails>,
}

/// Why a model refused.
#[derive(Deserialize)]
pub(super) struct StopDetails {
    pub(super) explanation: Option<String>,
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
