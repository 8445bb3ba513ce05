//! OpenAI by chat completions: <https://platform.openai.com/docs/api-reference/chat>.

mod abilities;
mod calls;
mod embeddings;
mod failure;
mod messages;
mod request;
mod response;
mod stream;
mod tools;
mod wire;
mod wire_answer;

use super::{Answer, AnswerError, ChatStream, Embedder, Failure, Prepared, Provider};
use crate::{
    crypto::ProviderKey,
    openai::{ChatRequest, Invalid},
    usage::ModelCard,
};
use http::{HeaderName, HeaderValue, header};

static MODELS: &[ModelCard] = include!(concat!(env!("OUT_DIR"), "/openai_prices.rs"));

/// See the module.
pub(super) struct OpenAi;

impl Provider for OpenAi {
    fn id(&self) -> &'static str {
        "openai"
    }

    fn default_base_url(&self) -> &'static str {
        "https://api.openai.com"
    }

    fn key_variable(&self) -> &'static str {
        "OPENAI_API_KEY"
    }

    fn key_prefixes(&self) -> &'static [&'static str] {
        &["sk-"]
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
        Some(&embeddings::OpenAiEmbeddings)
    }

    fn failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::read(status, body)
    }
}

#[cfg(test)]
mod tests;
