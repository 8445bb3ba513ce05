//! The candidates for a request, in order. So far the one that the caller names; fallbacks become further ones.

use crate::{
    providers::{self, Provider},
    usage::ModelCard,
};

/// How alike two names must be for one to be suggested for the other, from 0 to 1.
const ALIKE: f64 = 0.75;
const MAX_SUGGESTIONS: usize = 3;

/// A provider and one of its models.
#[derive(Clone, Copy)]
pub struct Candidate {
    /// Who.
    pub provider: &'static dyn Provider,
    /// Which.
    pub model: &'static ModelCard,
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
    let found = match name.split_once('/') {
        Some((vendor, model)) => providers::ALL
            .iter()
            .find(|provider| provider.id() == vendor)
            .and_then(|provider| Some(Candidate { provider: *provider, model: providers::model(*provider, model)? })),
        None => providers::ALL
            .iter()
            .find_map(|provider| Some(Candidate { provider: *provider, model: providers::model(*provider, name)? })),
    };
    found.ok_or_else(|| unknown(name))
}

/// Every model that can be named, as `provider/model`.
pub fn catalogue() -> impl Iterator<Item = Candidate> {
    providers::ALL
        .iter()
        .flat_map(|provider| provider.models().iter().map(|model| Candidate { provider: *provider, model }))
}

impl Candidate {
    /// `provider/model`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider.id(), self.model.id)
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
            (strsim::jaro_winkler(bare, candidate.model.id) + same_vendor, candidate.name())
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
