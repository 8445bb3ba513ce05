//! `GET /v1/models` and `/v1/models/{id}`.

use serde::Serialize;
use std::borrow::Cow;

/// The list.
#[derive(Debug, Serialize)]
pub struct ModelList<'a> {
    /// Always `list`.
    pub object: &'static str,
    /// Every model the caller may name.
    pub data: Vec<Cow<'a, Model>>,
}

/// One model: OpenAI's four fields, and beyond them the names that OpenRouter has made common.
#[derive(Debug, Clone, Serialize)]
pub struct Model {
    /// `provider/model`.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// Unix seconds; providers do not publish it for every model, so it is the same for all.
    pub created: i64,
    /// The provider.
    pub owned_by: &'static str,
    /// The longest prompt, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u32>,
    /// The longest answer, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// What goes in and what comes out.
    pub architecture: Architecture,
    /// The fields of a request that it honours.
    pub supported_parameters: Vec<&'static str>,
    /// The day its provider withdraws it, as `2026-06-15`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated_on: Option<&'static str>,
    /// What it costs.
    pub pricing: ModelPricing,
}

/// What goes in and what comes out: of `text`, `image`, `file`, `audio`, `video`, `embeddings`.
#[derive(Debug, Clone, Serialize)]
pub struct Architecture {
    /// What a prompt may hold.
    pub input_modalities: Vec<&'static str>,
    /// What an answer may hold.
    pub output_modalities: Vec<&'static str>,
}

/// What a model costs: the prices of the default service tier, and those of others.
#[derive(Debug, Clone, Serialize)]
pub struct ModelPricing {
    /// By the token.
    #[serde(flatten)]
    pub prices: Prices,
    /// A search of the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_search: Option<String>,
    /// A minute of sound in the prompt, where it is not billed by the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_minute: Option<String>,
    /// Other service tiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_tiers: Vec<TierPricing>,
}

/// The prices of a service tier.
#[derive(Debug, Clone, Serialize)]
pub struct TierPricing {
    /// As `service_tier` has it.
    pub service_tier: &'static str,
    /// By the token.
    #[serde(flatten)]
    pub prices: Prices,
}

/// The prices of a prompt of whatever length, and those of longer ones.
#[derive(Debug, Clone, Serialize)]
pub struct Prices {
    /// By the token.
    #[serde(flatten)]
    pub per_token: TokenPrices,
    /// Longer prompts, by ascending threshold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub long_context: Vec<LongPricing>,
}

/// The prices of all tokens of a request whose prompt is longer than a threshold.
#[derive(Debug, Clone, Serialize)]
pub struct LongPricing {
    /// In tokens.
    pub above_prompt_tokens: u32,
    /// By the token.
    #[serde(flatten)]
    pub per_token: TokenPrices,
}

/// US dollars per token, as decimals in text: no reader's floating point can change them. What is absent has no price of its own.
#[derive(Debug, Clone, Serialize)]
pub struct TokenPrices {
    /// Prompt.
    pub prompt: String,
    /// Answer.
    pub completion: String,
    /// Prompt read from the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cache_read: Option<String>,
    /// Prompt written to the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cache_write: Option<String>,
    /// The same for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cache_write_1h: Option<String>,
    /// Sound in the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    /// Sound in the prompt read from the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_audio_cache: Option<String>,
    /// Sound in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<String>,
    /// Film in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_output: Option<String>,
    /// What was thought and not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_reasoning: Option<String>,
}
