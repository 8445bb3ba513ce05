//! The models that stand for their providers, and how they are asked.

use serde_json::Value;
use supergate::{
    openai::{ChatRequest, EmbeddingsRequest, Invalid},
    providers::{self, Prepared, Provider},
    usage::ModelCard,
};

/// A provider, and models of it between which answers to "what becomes of this field?" differ. The first is the usual one.
pub(crate) type Column = (&'static str, &'static [&'static str]);

/// Who answers chats.
pub(crate) const CHAT: &[Column] = &[
    ("openai", &["gpt-4o-mini", "gpt-5-mini", "gpt-5.4", "gpt-5.6", "o4-mini", "gpt-audio", "gpt-4o-search-preview"]),
    ("anthropic", &["claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-5"]),
    ("google", &["gemini-2.5-flash", "gemini-3.1-pro-preview", "gemini-3.6-flash"]),
    ("cohere", &["command-a-03-2025"]),
    ("mistral", &["mistral-large-latest", "mistral-small-latest", "magistral-medium-latest", "voxtral-small-latest"]),
];

/// Who makes vectors.
pub(crate) const EMBEDDINGS: &[Column] = &[
    ("openai", &["text-embedding-3-small", "text-embedding-ada-002"]),
    ("google", &["gemini-embedding-001", "gemini-embedding-2"]),
    ("cohere", &["embed-v4.0", "embed-multilingual-v3.0"]),
    ("mistral", &["codestral-embed", "mistral-embed"]),
];

/// What the two routes have in common.
pub(crate) type Ask = fn(&dyn Provider, &ModelCard, &[u8]) -> Result<Prepared, Invalid>;

/// As `POST /v1/chat/completions` does it, up to the sending.
pub(crate) fn chat(provider: &dyn Provider, card: &ModelCard, body: &[u8]) -> Result<Prepared, Invalid> {
    let request = ChatRequest::parse(body)?;
    Ok(providers::prepare_chat(provider, card, &request)?.0)
}

/// As `POST /v1/embeddings` does it, with all inputs in one call.
pub(crate) fn embeddings(provider: &dyn Provider, card: &ModelCard, body: &[u8]) -> Result<Prepared, Invalid> {
    let request = EmbeddingsRequest::parse(body)?;
    let embedder = provider.embeddings().expect("a provider of embeddings");
    providers::prepare_embeddings(provider, embedder, card, &request, &request.input)
}

/// A provider and its card of a model.
pub(crate) fn find(provider: &str, model: &str) -> (&'static dyn Provider, &'static ModelCard) {
    let found = providers::ALL.iter().find(|candidate| candidate.id() == provider);
    let provider = *found.unwrap_or_else(|| panic!("no provider {provider}"));
    let card = providers::model(provider, model);
    (provider, card.unwrap_or_else(|| panic!("{model} is withdrawn: choose another model to stand for its kind")))
}

/// The body as JSON; every provider's is.
pub(crate) fn body_of(prepared: &Prepared) -> Value {
    serde_json::from_slice(&prepared.body).expect("a body is JSON")
}
