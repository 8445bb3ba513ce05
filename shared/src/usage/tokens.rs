//! What a request used, as its provider counts it.

use super::{Cost, SearchContext, ServiceTier};
use crate::openai::usage::{CompletionDetails, PromptDetails, ServerToolUse, Usage};
use serde::{Deserialize, Serialize};

/// What a request used. `input` is the whole prompt and `output` the whole answer; the rest are parts of the two, and none where the
/// provider says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// The whole prompt: fresh, read from a cache and written to one.
    pub input: u64,
    /// The whole answer, reasoning included.
    pub output: u64,
    /// Prompt tokens read from the provider's cache.
    pub cached_input: Option<u64>,
    /// Prompt tokens written to the provider's cache for five minutes.
    pub cache_write: Option<u64>,
    /// Prompt tokens written to the provider's cache for an hour.
    pub cache_write_1h: Option<u64>,
    /// Prompt tokens of sound. Mistral's are not in `input`: it bills sound by its length.
    pub audio_input: Option<u64>,
    /// Those of them that were read from the provider's cache.
    pub cached_audio_input: Option<u64>,
    /// How long the sound in the prompt was, where that is what is billed.
    pub audio_seconds: Option<u64>,
    /// Prompt tokens that came from tools which the provider runs.
    pub tool_input: Option<u64>,
    /// Answer tokens that were thought, not said.
    pub reasoning: Option<u64>,
    /// Answer tokens of sound.
    pub audio_output: Option<u64>,
    /// Answer tokens of film.
    pub video_output: Option<u64>,
    /// Tokens of the caller's prediction that the answer has.
    pub accepted_prediction: Option<u64>,
    /// Tokens of the caller's prediction that it has not; they are in `output` all the same.
    pub rejected_prediction: Option<u64>,
    /// Searches of the web that the provider ran.
    pub web_searches: Option<u64>,
    /// What the provider bills where that is not what it counts (Cohere bills fewer input tokens than it processes).
    pub billed: Option<Billed>,
    /// What the prices depend on besides.
    pub terms: Terms,
}

/// Tokens as billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    /// Of the prompt.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

/// What the prices of a request depend on besides its counts: as the provider says it was served, or where it says nothing, as it was
/// asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// How fast.
    pub tier: Option<ServiceTier>,
    /// Whether all of it stayed in the United States.
    pub us_only: Option<bool>,
    /// How much a search gives the model to read.
    pub search_context: Option<SearchContext>,
}

impl Terms {
    /// These, and what they leave open from others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            tier: self.tier.or(other.tier),
            us_only: self.us_only.or(other.us_only),
            search_context: self.search_context.or(other.search_context),
        }
    }
}

impl Tokens {
    /// Prompt tokens written to the provider's cache, for however long.
    pub fn cache_written(&self) -> Option<u64> {
        match (self.cache_write, self.cache_write_1h) {
            (None, None) => None,
            (short, long) => Some(short.unwrap_or(0).saturating_add(long.unwrap_or(0))),
        }
    }

    /// The same in OpenAI's terms, with its cost if it is known.
    pub fn to_usage(self, cost: Option<&Cost>) -> Usage {
        Usage {
            prompt_tokens: self.input,
            completion_tokens: self.output,
            total_tokens: self.input.saturating_add(self.output),
            prompt_tokens_details: PromptDetails {
                cached_tokens: self.cached_input,
                cache_write_tokens: self.cache_written(),
                audio_tokens: self.audio_input,
                tool_use_tokens: self.tool_input,
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: self.reasoning,
                audio_tokens: self.audio_output,
                accepted_prediction_tokens: self.accepted_prediction,
                rejected_prediction_tokens: self.rejected_prediction,
            },
            server_tool_use: self.web_searches.map(|searches| ServerToolUse { web_search_requests: searches }),
            cost: cost.map(|cost| cost.total.as_usd()),
            cost_details: cost.map(Cost::details),
        }
    }
}
