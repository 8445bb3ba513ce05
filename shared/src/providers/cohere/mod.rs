//! Cohere by v2 chat: <https://docs.cohere.com/reference/chat>.

mod embeddings;
mod failure;
mod messages;
mod parts;
mod reasoning;
mod request;
mod response;
mod schema;
mod stream;
mod tools;
mod wire;

use super::{Answer, AnswerError, ChatStream, Embedder, Failure, Prepared, Provider};
use crate::{
    crypto::ProviderKey,
    openai::{ChatRequest, Invalid},
    usage::ModelCard,
};
use http::{HeaderName, HeaderValue, header};

static MODELS: &[ModelCard] = include!(concat!(env!("OUT_DIR"), "/cohere_prices.rs"));

/// See the module.
pub(super) struct Cohere;

impl Provider for Cohere {
    fn id(&self) -> &'static str {
        "cohere"
    }

    fn default_base_url(&self) -> &'static str {
        "https://api.cohere.com"
    }

    fn key_variable(&self) -> &'static str {
        "CO_API_KEY"
    }

    fn key_prefixes(&self) -> &'static [&'static str] {
        &[]
    }

    fn models(&self) -> &'static [ModelCard] {
        MODELS
    }

    fn authorize(&self, key: &ProviderKey) -> Result<(HeaderName, HeaderValue), header::InvalidHeaderValue> {
        Ok((header::AUTHORIZATION, key.header("Bearer ")?))
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
        Some(&embeddings::CohereEmbeddings)
    }

    fn request_id_header(&self) -> &'static str {
        "x-debug-trace-id"
    }

    fn failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::read(status, body)
    }
}

#[cfg(test)]
mod tests;
