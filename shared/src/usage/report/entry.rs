//! A row of the ledger, as it is shown. There is no prompt and no answer in it, because the ledger has none.

use crate::{
    tenancy::{KeyId, PersonId, RequestId},
    usage::Nanos,
};

/// One attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which request.
    pub request: RequestId,
    /// From 1.
    pub attempt: i16,
    /// What the caller got.
    pub status: i16,
    /// How it ended.
    pub ended: String,
    /// What the caller was told, if it was an error.
    pub error_code: Option<String>,
    /// The provider's id.
    pub provider: String,
    /// The model as the catalogue names it.
    pub model: String,
    /// As the caller named it.
    pub model_requested: String,
    /// As the provider named it.
    pub model_served: Option<String>,
    /// Whether the caller asked for events.
    pub streamed: bool,
    /// The key; none where a person called without one.
    pub key: Option<KeyId>,
    /// The key's name.
    pub key_name: Option<String>,
    /// The person on whom it is booked.
    pub member: Option<PersonId>,
    /// Whom the caller served, by its own word.
    pub end_user: Option<String>,
    /// The key's, and those of the request.
    pub tags: Vec<String>,
    /// The whole prompt.
    pub input_tokens: i64,
    /// The whole answer.
    pub output_tokens: i64,
    /// Of the prompt, read from the provider's cache.
    pub cached_input_tokens: Option<i64>,
    /// Of the prompt, written to the provider's cache.
    pub cache_write_tokens: Option<i64>,
    /// Of the answer, thought and not said.
    pub reasoning_tokens: Option<i64>,
    /// Of the prompt, sound.
    pub audio_input_tokens: Option<i64>,
    /// Of the answer, sound.
    pub audio_output_tokens: Option<i64>,
    /// Searches of the web that the provider ran.
    pub web_searches: Option<i64>,
    /// Who says what was used.
    pub usage_source: String,
    /// The tier in which it was served.
    pub service_tier: Option<String>,
    /// What it cost.
    pub cost: Nanos,
    /// By which prices.
    pub price_version: Option<String>,
    /// What our cache did.
    pub cache: Option<String>,
    /// What it would have cost, had the cache not answered.
    pub saved: Nanos,
    /// Until the first piece of content.
    pub first_token_ms: Option<i32>,
    /// Until the end.
    pub latency_ms: i32,
}
