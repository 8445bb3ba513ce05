//! Google by generateContent: <https://ai.google.dev/api/generate-content>.

mod candidate;
mod embeddings;
mod failure;
mod ids;
mod logprobs;
mod media;
mod messages;
mod models;
mod partial;
mod request;
mod response;
mod schema;
mod signatures;
mod sources;
mod stream;
mod thinking;
mod tools;
mod wire;

use super::{Answer, AnswerError, ChatStream, Embedder, Failure, Prepared, Provider};
use crate::{
    crypto::ProviderKey,
    openai::{ChatRequest, Invalid},
    usage::ModelCard,
};
use http::{HeaderName, HeaderValue, header};

static MODELS: &[ModelCard] = include!(concat!(env!("OUT_DIR"), "/google_prices.rs"));

/// See the module.
pub(super) struct Google;

impl Provider for Google {
    fn id(&self) -> &'static str {
        "google"
    }

    fn default_base_url(&self) -> &'static str {
        "https://generativelanguage.googleapis.com"
    }

    fn key_variable(&self) -> &'static str {
        "GEMINI_API_KEY"
    }

    fn key_prefixes(&self) -> &'static [&'static str] {
        &["AIza", "AQ."]
    }

    fn models(&self) -> &'static [ModelCard] {
        MODELS
    }

    fn authorize(&self, key: &ProviderKey) -> Result<(HeaderName, HeaderValue), header::InvalidHeaderValue> {
        Ok((HeaderName::from_static("x-goog-api-key"), key.header("")?))
    }

    fn chat_request(&self, model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
        request::prepare(model, request)
    }

    fn chat_answer(&self, body: &[u8]) -> Result<Answer, AnswerError> {
        response::read_answer(body)
    }

    fn chat_stream(&self) -> Box<dyn ChatStream> {
        Box::new(stream::Stream::default())
    }

    fn embeddings(&self) -> Option<&dyn Embedder> {
        Some(&embeddings::GoogleEmbeddings)
    }

    fn failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::read(status, body)
    }
}

#[cfg(test)]
mod tests;
