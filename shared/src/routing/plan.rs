//! The candidates for a request, in order. So far the one that the caller names; fallbacks become further ones.

use crate::{
    openai::Invalid,
    providers::{self, Provider},
    usage::{Card, ModelCard, ModelKind, Price, PriceList, ServedWith},
};
use time::OffsetDateTime;

/// How alike two names must be for one to be suggested for the other, from 0 to 1.
const ALIKE: f64 = 0.75;
const MAX_SUGGESTIONS: usize = 3;

/// A provider and one of its models.
#[derive(Clone)]
pub struct Candidate {
    /// Who.
    pub provider: &'static dyn Provider,
    /// Which.
    pub model: Card,
}

/// No model of that name; the message suggests near ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownModel(pub String);

/// Resolves `provider/model`, or a bare model name where one provider has it.
///
/// # Errors
/// [`UnknownModel`] with near names.
pub fn resolve(name: &str) -> Result<Candidate, UnknownModel> {
    let of = |provider: &&'static dyn Provider, name: &str| {
        Some(Candidate::listed(*provider, providers::model(*provider, name)?))
    };
    let found = match name.split_once('/') {
        Some((vendor, model)) => {
            providers::ALL.iter().find(|provider| provider.id() == vendor).and_then(|provider| of(provider, model))
        }
        None => providers::ALL.iter().find_map(|provider| of(provider, name)),
    };
    found.ok_or_else(|| unknown(name))
}

/// Why a name is no model that could be asked.
pub enum Unresolved {
    /// There is none of that name.
    Unknown(UnknownModel),
    /// There is, and nobody knows what it costs now.
    NotPriced {
        /// As `provider/model`.
        name: String,
        /// The listed model that it is based on, if there still is one of that name.
        like: Option<Candidate>,
    },
}

/// Resolves a name at the prices that hold for a caller at that moment, those of models that no list has among them. `served` says whose key
/// of a provider serves.
///
/// # Errors
/// [`Unresolved`].
pub fn resolve_at(
    name: &str,
    prices: &PriceList,
    served: impl Fn(&str) -> ServedWith,
    now: OffsetDateTime,
) -> Result<Candidate, Unresolved> {
    match resolve(name) {
        Ok(listed) => Ok(listed.at(prices, &served, now)),
        Err(unknown) => unlisted(name, prices, &served, now).unwrap_or(Err(Unresolved::Unknown(unknown))),
    }
}

/// A model that no list has, if there is one of that name.
fn unlisted(
    name: &str,
    prices: &PriceList,
    served: impl Fn(&str) -> ServedWith,
    now: OffsetDateTime,
) -> Option<Result<Candidate, Unresolved>> {
    let named = |price: &&Price| {
        price.based_on.is_some()
            && (price.model == name
                || name.split_once('/').is_some_and(|full| full == (&*price.provider, &*price.model)))
    };
    let one = prices.all().iter().find(named)?;
    let provider = providers::provider(&one.provider)?;
    let base = one.based_on.as_deref().and_then(|base| providers::model(provider, base));
    let like = base.map(|base| Candidate::listed(provider, base));
    let now = prices.at(&one.provider, &one.model, served(&one.provider), now);
    // Each price may be based on another model.
    let base = now.and_then(|price| providers::model(provider, price.based_on.as_deref()?));
    let card = now.zip(base).and_then(|(price, base)| price.card(base));
    let name = format!("{}/{}", one.provider, one.model);
    Some(card.map(|model| Candidate { provider, model }).ok_or(Unresolved::NotPriced { name, like }))
}

/// The models that no list has and that have a price at that moment.
pub fn unlisted_at(prices: &PriceList, served: impl Fn(&str) -> ServedWith, now: OffsetDateTime) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for price in prices.all().iter().filter(|price| price.based_on.is_some()) {
        let name = format!("{}/{}", price.provider, price.model);
        if let Some(Ok(candidate)) = unlisted(&name, prices, &served, now)
            && !found.iter().any(|one| one.name() == name)
        {
            found.push(candidate);
        }
    }
    found
}

/// Every model that can be named, as `provider/model`.
pub fn catalogue() -> impl Iterator<Item = Candidate> {
    providers::ALL.iter().flat_map(|provider| provider.models().iter().map(|model| Candidate::listed(*provider, model)))
}

impl Candidate {
    /// At the price of the list.
    pub fn listed(provider: &'static dyn Provider, model: &'static ModelCard) -> Self {
        Self { provider, model: Card::Listed(model) }
    }

    /// The same at the price that holds for a caller at that moment.
    pub fn at(self, prices: &PriceList, served: impl Fn(&str) -> ServedWith, now: OffsetDateTime) -> Self {
        let provider = self.provider.id();
        let own = prices.at(provider, &self.model.id, served(provider), now).and_then(|price| price.card(&self.model));
        match own {
            Some(model) => Self { model, ..self },
            None => self,
        }
    }

    /// `provider/model`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider.id(), self.model.id)
    }

    /// The same, if its model makes that.
    ///
    /// # Errors
    /// [`Invalid`] that names the route for this model, and models for this route: the provider's own, or where it has none others'.
    pub fn of_kind(self, kind: ModelKind) -> Result<Self, Invalid> {
        if self.model.kind == kind {
            return Ok(self);
        }
        let (is, route) = match self.model.kind {
            ModelKind::Chat => ("a chat model", "/v1/chat/completions"),
            ModelKind::Embedding => ("an embedding model", "/v1/embeddings"),
        };
        let wanted = match kind {
            ModelKind::Chat => "chat models",
            ModelKind::Embedding => "embedding models",
        };
        let fits = |one: &Self| one.model.kind == kind && one.model.deprecated_on.is_none();
        let own = catalogue().filter(|one| one.provider.id() == self.provider.id()).filter(fits);
        let mut names: Vec<String> = own.map(|one| one.name()).collect();
        let provider = self.provider.id();
        let other = if names.is_empty() {
            let mut seen = Vec::new();
            let first = |one: &Self| {
                !seen.contains(&one.provider.id()) && {
                    seen.push(one.provider.id());
                    true
                }
            };
            names = catalogue().filter(fits).filter(first).map(|one| one.name()).collect();
            format!("; {provider} has no {wanted}")
        } else {
            names.truncate(MAX_SUGGESTIONS);
            String::new()
        };
        let problem = format!(
            "`{}` is {is}, for POST {route}{other}; {wanted} are `{}` and others of GET /v1/models",
            self.name(),
            names.join("`, `")
        );
        Err(Invalid { code: "model_not_supported", ..Invalid::value("model", problem) })
    }
}

fn unknown(name: &str) -> UnknownModel {
    // The name is the caller's; what is longer than any model's name is not one.
    let shown: String = name.chars().take(100).collect();
    // The provider's name says little about which model was meant, but decides between equals.
    let (vendor, bare) = shown.split_once('/').unwrap_or(("", &shown));
    let mut near: Vec<(f64, String)> = catalogue()
        .map(|candidate| {
            let same_vendor = if candidate.provider.id() == vendor { 0.01 } else { 0.0 };
            (strsim::jaro_winkler(bare, &candidate.model.id) + same_vendor, candidate.name())
        })
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<String> = near.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| format!("`{name}`")).collect();
    UnknownModel(match near.as_slice() {
        [] => format!("there is no model `{shown}`; GET /v1/models lists what there is"),
        near => format!("there is no model `{shown}`; did you mean {}?", near.join(" or ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_with_its_provider_or_without() {
        for name in ["openai/gpt-4o-mini", "gpt-4o-mini"] {
            let candidate = resolve(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(candidate.name(), "openai/gpt-4o-mini");
        }
    }

    #[test]
    fn a_model_of_another_kind_is_told_which_fit() {
        use ModelKind::{Chat, Embedding};
        #[rustfmt::skip]
        let table = [
            ("openai/gpt-4o-mini",            Embedding, "`openai/text-embedding-3-large`", "the provider's own"),
            ("openai/text-embedding-3-small", Chat,      "for POST /v1/embeddings",         "where it belongs"),
            ("anthropic/claude-haiku-4-5",    Embedding, "anthropic has no embedding models", "it has none"),
            ("anthropic/claude-haiku-4-5",    Embedding, "`mistral/codestral-embed`",       "so others' are named"),
        ];
        for (name, kind, says, why) in table {
            let candidate = resolve(name).unwrap_or_else(|error| panic!("{error}"));
            let error = candidate.of_kind(kind).err().expect(why);
            assert!(error.message.contains(says), "{why}: {error}");
            assert_eq!(error.param.as_deref(), Some("model"));
        }
    }

    #[test]
    fn who_has_embedding_models_can_translate_embeddings() {
        for provider in providers::ALL {
            let has_models = provider.models().iter().any(|model| model.kind == ModelKind::Embedding);
            assert_eq!(has_models, provider.embeddings().is_some(), "{}", provider.id());
        }
    }

    #[test]
    fn an_unknown_model_is_told_its_neighbours() {
        #[rustfmt::skip]
        let table = [
            ("gpt-4o-mni",           "`openai/gpt-4o-mini`", "a typo"),
            ("openai/gpt4o-mini",    "`openai/gpt-4o-mini`", "a typo behind a provider"),
            ("anthropic/gpt-4o-mini", "`openai/gpt-4o-mini`", "the wrong provider"),
            ("zzzzzzzz",             "GET /v1/models",       "nothing near"),
            ("",                     "GET /v1/models",       "nothing at all"),
            ("../../etc/passwd",     "GET /v1/models",       "a path is no model"),
        ];
        for (name, says, why) in table {
            let error = resolve(name).err().expect(why);
            assert!(error.0.contains(says), "{why}: {error}");
        }
    }
}
