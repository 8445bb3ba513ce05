//! `GET /v1/models` and `/v1/models/{id}`.

use serde::Serialize;

/// The list.
#[derive(Debug, Serialize)]
pub struct ModelList {
    /// Always `list`.
    pub object: &'static str,
    /// Every model the caller may name.
    pub data: Vec<Model>,
}

/// One model. Beyond OpenAI's four fields: the limits in tokens, the prices in US dollars per million tokens, the day it goes away.
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
    /// RFC 3339 date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated_on: Option<&'static str>,
    /// What it costs.
    pub pricing: ModelPricing,
}

/// US dollars per million tokens.
#[derive(Debug, Clone, Serialize)]
pub struct ModelPricing {
    /// Prompt.
    pub input_usd: f64,
    /// Answer.
    pub output_usd: f64,
    /// Prompt read from the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_usd: Option<f64>,
    /// Prompt written to the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_usd: Option<f64>,
}
