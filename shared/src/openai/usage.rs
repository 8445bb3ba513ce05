//! What a request used, in OpenAI's terms.

use serde::Serialize;

/// `usage` of an answer, or of a stream's last chunk. Prompt tokens include those read from and written to a provider's prompt cache;
/// completion tokens include reasoning.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Usage {
    /// All tokens of the prompt.
    pub prompt_tokens: u64,
    /// All tokens of the answer.
    pub completion_tokens: u64,
    /// Their sum.
    pub total_tokens: u64,
    /// Absent where the provider says nothing: unknown is not zero.
    #[serde(skip_serializing_if = "PromptDetails::is_empty")]
    pub prompt_tokens_details: PromptDetails,
    /// Absent where the provider says nothing.
    #[serde(skip_serializing_if = "CompletionDetails::is_empty")]
    pub completion_tokens_details: CompletionDetails,
    /// Tools that the provider ran. An extension of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_tool_use: Option<ServerToolUse>,
    /// US dollars. An extension of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// How the cost came about. An extension of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_details: Option<CostDetails>,
}

/// Parts of the prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PromptDetails {
    /// Read from the provider's prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Written to the provider's prompt cache. An extension of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// Sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// What tools brought that the provider ran. An extension of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_use_tokens: Option<u64>,
}

impl PromptDetails {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Parts of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CompletionDetails {
    /// Thought, not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// Of the caller's prediction: what the answer has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_prediction_tokens: Option<u64>,
    /// Of the caller's prediction: what it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_prediction_tokens: Option<u64>,
}

impl CompletionDetails {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Tools that the provider ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerToolUse {
    /// Searches of the web.
    pub web_search_requests: u64,
}

/// The cost by kind, in US dollars, exact to the nano-dollar. The kinds exclude one another; what is absent cost nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostDetails {
    /// Prompt tokens at the full price.
    pub input_cost: f64,
    /// Prompt tokens read from a cache.
    pub cached_input_cost: f64,
    /// Prompt tokens written to a cache.
    pub cache_write_cost: f64,
    /// Sound in the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_input_cost: Option<f64>,
    /// Answer tokens.
    pub output_cost: f64,
    /// Sound in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_output_cost: Option<f64>,
    /// Tools that the provider ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools_cost: Option<f64>,
}
