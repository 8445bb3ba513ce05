//! Mistral by chat completions, which are OpenAI's in outline: <https://docs.mistral.ai/api/endpoint/chat>.

mod embeddings;
mod failure;
mod ids;
mod messages;
mod reasoning;
mod request;
mod response;
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

static MODELS: &[ModelCard] = include!(concat!(env!("OUT_DIR"), "/mistral_prices.rs"));

/// See the module.
pub(super) struct Mistral;

impl Provider for Mistral {
    fn id(&self) -> &'static str {
        "mistral"
    }

    fn default_base_url(&self) -> &'static str {
        "https://api.mistral.ai"
    }

    fn key_variable(&self) -> &'static str {
        "MISTRAL_API_KEY"
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
        Some(&embeddings::MistralEmbeddings)
    }

    fn request_id_header(&self) -> &'static str {
        "mistral-correlation-id"
    }

    fn failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::read(status, body)
    }
}

#[cfg(test)]
mod tests;
