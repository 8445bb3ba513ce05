//! Prices of a deployment's and its tenants' own: in the place of the list's, or for models that no list has. Each holds from a moment on,
//! until the next one of the same model does.

use super::{Card, ModelCard, Rates};
use crate::tenancy::PriceId;
use std::sync::Arc;
use time::OffsetDateTime;

/// How many prices a tenant has at most, and the platform. The same as the trigger's in the database.
pub const MAX_PRICES: usize = 500;

/// The prices that could hold for one caller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceList(Vec<Price>);

/// What a model costs from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Which; the ledger names it.
    pub id: PriceId,
    /// Who says so.
    pub set_by: PriceSetter,
    /// The provider's id.
    pub provider: String,
    /// The provider's name of the model.
    pub model: String,
    /// For a model that no list has: one of the same provider that it is like in everything but its price.
    pub based_on: Option<String>,
    /// From when on.
    pub starts_at: OffsetDateTime,
    /// What it costs; none: from then on what the list says, and for a model that no list has no price at all.
    pub rates: Option<Rates>,
}

/// Who set a price, the most particular last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PriceSetter {
    /// The operators, for everybody who is served with the platform's keys.
    Platform,
    /// The tenant itself, for what is served with its own keys.
    Tenant,
    /// The operators, for this tenant.
    Operator,
}

/// Whose key of a provider serves a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServedWith {
    /// The tenant's own: it has its own contract with the provider.
    OwnKey,
    /// The platform's.
    PlatformKey,
}

impl PriceSetter {
    /// Whether such a price counts for what is served so. Who pays the provider knows what it costs: a tenant cannot make the platform's
    /// keys cheap, nor do the platform's contracts say what a tenant pays.
    pub fn counts(self, served: ServedWith) -> bool {
        match self {
            Self::Operator => true,
            Self::Tenant => served == ServedWith::OwnKey,
            Self::Platform => served == ServedWith::PlatformKey,
        }
    }
}

impl PriceList {
    /// Of these.
    pub fn new(prices: Vec<Price>) -> Self {
        Self(prices)
    }

    /// All of them.
    pub fn all(&self) -> &[Price] {
        &self.0
    }

    /// The price of a model that holds at that moment, if one of these does.
    pub fn at(&self, provider: &str, model: &str, served: ServedWith, now: OffsetDateTime) -> Option<&Price> {
        let fits = |price: &&Price| price.provider == provider && price.model == model && price.set_by.counts(served);
        let begun = self.0.iter().filter(fits).filter(|price| price.starts_at <= now);
        begun.max_by_key(|price| (price.set_by, price.starts_at))
    }

    /// Whether a model is one of these at all, be it that no price of it holds now.
    pub fn knows(&self, provider: &str, model: &str) -> bool {
        self.0.iter().any(|price| price.provider == provider && price.model == model)
    }
}

impl Price {
    /// The card of the model at this price; none where it has no price of its own. A price for the default service tier, whatever the
    /// prompt's length; what sound, film, searches and other service tiers cost stays as the base's list says, but not for a model that no
    /// list has.
    pub fn card(&self, base: &ModelCard) -> Option<Card> {
        let rates = self.rates?;
        let is_listed = self.based_on.is_none();
        let list = base.rates;
        Some(Card::Own(Arc::new(ModelCard {
            id: if is_listed { base.id.clone() } else { self.model.clone().into() },
            deprecated_on: if is_listed { base.deprecated_on } else { None },
            rates: Rates {
                audio_input: list.audio_input,
                cached_audio_input: list.cached_audio_input,
                audio_output: list.audio_output,
                video_output: list.video_output,
                reasoning: None,
                ..rates
            },
            tiers: &[],
            lanes: if is_listed { base.lanes } else { &[] },
            price_version: self.id.to_string().into(),
            ..base.clone()
        })))
    }
}

#[cfg(test)]
mod tests;
