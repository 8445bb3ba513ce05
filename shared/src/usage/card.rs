//! A model as its provider's price list has it. `build.rs` writes these from `providers/<vendor>/prices.toml`.

use super::Terms;
use std::{borrow::Cow, ops::Deref, sync::Arc};

/// What a model makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// Answers.
    Chat,
    /// Vectors.
    Embedding,
}

/// A kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modality {
    /// Text.
    Text,
    /// Images.
    Image,
    /// Documents.
    File,
    /// Sound.
    Audio,
    /// Films.
    Video,
}

impl Modality {
    /// As a model's description has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::File => "file",
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// A model's card at the price that holds for a caller. One at a price of somebody's own lives as long as who holds it.
#[derive(Debug, Clone)]
pub enum Card {
    /// Of the lists that are compiled in.
    Listed(&'static ModelCard),
    /// At a price of the deployment's or a tenant's own.
    Own(Arc<ModelCard>),
}

impl Deref for Card {
    type Target = ModelCard;

    fn deref(&self) -> &ModelCard {
        match self {
            Self::Listed(card) => card,
            Self::Own(card) => card,
        }
    }
}

/// A model as its provider's price list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// The provider's name for it.
    pub id: Cow<'static, str>,
    /// What it makes.
    pub kind: ModelKind,
    /// The longest prompt, in tokens.
    pub context_tokens: Option<u32>,
    /// The longest answer, in tokens.
    pub max_output_tokens: Option<u32>,
    /// The day the provider withdraws it, as `2026-06-15`.
    pub deprecated_on: Option<&'static str>,
    /// What a prompt may hold.
    pub takes: &'static [Modality],
    /// What an answer may hold.
    pub gives: &'static [Modality],
    /// Whether it calls functions.
    pub calls_functions: bool,
    /// The list prices.
    pub rates: Rates,
    /// Prices for long prompts, by ascending threshold.
    pub tiers: &'static [Tier],
    /// Prices of service tiers other than the default.
    pub lanes: &'static [Lane],
    /// What a search of the web costs; none: it does not search, or nobody published a price.
    pub web_search: Option<WebSearch>,
    /// A minute of sound in the prompt, in pico-dollars, where sound is billed by its length and not by its tokens.
    pub audio_minute: Option<u64>,
    /// What tokens cost in per cent where they are promised to stay in the United States.
    pub us_percent: Option<u16>,
    /// Names these prices: another price in the list makes another name.
    pub price_version: Cow<'static, str>,
}

/// Prices in pico-dollars per token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// A token of the prompt.
    pub input: u64,
    /// A token of the answer, reasoning included.
    pub output: u64,
    /// A prompt token read from the provider's cache; none: as `input`.
    pub cached_input: Option<u64>,
    /// A prompt token written to the provider's cache for five minutes; none: as `input`.
    pub cache_write: Option<u64>,
    /// The same for an hour; none: as `cache_write`.
    pub cache_write_1h: Option<u64>,
    /// A prompt token of sound; none: sound has no price.
    pub audio_input: Option<u64>,
    /// A prompt token of sound read from the provider's cache; none: as `cached_input`.
    pub cached_audio_input: Option<u64>,
    /// An answer token of sound; none: sound has no price.
    pub audio_output: Option<u64>,
    /// An answer token of film; none: as `output`.
    pub video_output: Option<u64>,
    /// An answer token that was thought, not said; none: as `output`.
    pub reasoning: Option<u64>,
}

/// The prices of a request whose prompt is longer than a threshold; they hold for all of its tokens.
#[derive(Debug, PartialEq, Eq)]
pub struct Tier {
    /// In prompt tokens, cached ones included.
    pub above_input_tokens: u32,
    /// The prices above it.
    pub rates: Rates,
}

/// The prices of a service tier.
#[derive(Debug, PartialEq, Eq)]
pub struct Lane {
    /// Which.
    pub tier: ServiceTier,
    /// Its prices.
    pub rates: Rates,
    /// Its prices for long prompts.
    pub tiers: &'static [Tier],
}

/// How fast, and how surely, a request is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    /// As everybody's; at the list prices.
    Default,
    /// Later, or not at all.
    Flex,
    /// Before the others.
    Priority,
    /// By more machines (Anthropic's fast mode).
    Fast,
}

impl ServiceTier {
    /// By the dialect's word, or the one that a provider has for it. A word that is none of these says nothing of the price: `auto` is
    /// a wish, `batch` and `scale` are bought elsewhere.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "default" | "standard" => Some(Self::Default),
            "flex" => Some(Self::Flex),
            "priority" => Some(Self::Priority),
            "fast" => Some(Self::Fast),
            _ => None,
        }
    }

    /// As the dialect and the ledger have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Fast => "fast",
        }
    }
}

/// What a search of the web costs, in pico-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebSearch {
    /// What is counted.
    pub per: SearchUnit,
    /// With little of what was found.
    pub low: u64,
    /// As usual.
    pub medium: u64,
    /// With much of it.
    pub high: u64,
}

/// What is counted of searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchUnit {
    /// Every request: the model cannot but search, and does not say so.
    Request,
    /// A prompt for which there was a search, however many.
    Prompt,
    /// Each search.
    Query,
}

/// How much of what was found a model is given to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchContext {
    /// Little.
    Low,
    /// As usual.
    Medium,
    /// Much.
    High,
}

impl ModelCard {
    /// Whether it has prices for a service tier.
    pub fn sells(&self, tier: ServiceTier) -> bool {
        tier == ServiceTier::Default || self.lane(tier).is_some()
    }

    /// Whether sound in a prompt has a price.
    pub fn prices_audio_input(&self) -> bool {
        self.rates.audio_input.is_some() || self.audio_minute.is_some()
    }

    /// The prices that hold for a prompt of that length on these terms.
    pub fn rates_for(&self, input_tokens: u64, terms: &Terms) -> Rates {
        let standard = at_length(&self.rates, self.tiers, input_tokens);
        let Some(lane) = terms.tier.and_then(|tier| self.lane(tier)) else { return standard };
        let rates = at_length(&lane.rates, lane.tiers, input_tokens);
        // OpenAI serves long prompts in no other tier than its default. Should it ever say that it did, the dearer of the two holds.
        if lane.tiers.is_empty() && standard != self.rates { rates.or_dearer(&standard) } else { rates }
    }

    fn lane(&self, tier: ServiceTier) -> Option<&'static Lane> {
        self.lanes.iter().find(|lane| lane.tier == tier)
    }
}

impl Rates {
    fn or_dearer(self, other: &Self) -> Self {
        Self {
            input: self.input.max(other.input),
            output: self.output.max(other.output),
            cached_input: self.cached_input.max(other.cached_input),
            cache_write: self.cache_write.max(other.cache_write),
            cache_write_1h: self.cache_write_1h.max(other.cache_write_1h),
            audio_input: self.audio_input.max(other.audio_input),
            cached_audio_input: self.cached_audio_input.max(other.cached_audio_input),
            audio_output: self.audio_output.max(other.audio_output),
            video_output: self.video_output.max(other.video_output),
            reasoning: self.reasoning.max(other.reasoning),
        }
    }
}

impl WebSearch {
    /// The price of one.
    pub fn price(&self, context: SearchContext) -> u64 {
        match context {
            SearchContext::Low => self.low,
            SearchContext::Medium => self.medium,
            SearchContext::High => self.high,
        }
    }
}

fn at_length(rates: &Rates, tiers: &[Tier], input_tokens: u64) -> Rates {
    let tier = tiers.iter().rev().find(|tier| input_tokens > u64::from(tier.above_input_tokens));
    tier.map_or(*rates, |tier| tier.rates)
}
