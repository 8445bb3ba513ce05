//! Anthropic by Messages: <https://platform.claude.com/docs/en/api/messages>.

mod citations;
mod failure;
mod format;
mod messages;
mod parts;
mod reasoning;
mod request;
mod response;
mod rules;
mod schema;
mod stream;
mod thinking;
mod tools;
mod wire;

use super::{Answer, AnswerError, ChatStream, Failure, Prepared, Provider};
use crate::{
    crypto::ProviderKey,
    openai::{ChatRequest, Invalid},
    usage::ModelCard,
};
use http::{HeaderName, HeaderValue, header};

static MODELS: &[ModelCard] = include!(concat!(env!("OUT_DIR"), "/anthropic_prices.rs"));

/// See the module.
pub(super) struct Anthropic;

impl Provider for Anthropic {
    fn id(&self) -> &'static str {
        "anthropic"
    }

    fn default_base_url(&self) -> &'static str {
        "https://api.anthropic.com"
    }

    fn key_variable(&self) -> &'static str {
        "ANTHROPIC_API_KEY"
    }

    fn key_prefixes(&self) -> &'static [&'static str] {
        &["sk-ant-"]
    }

    fn models(&self) -> &'static [ModelCard] {
        MODELS
    }

    fn authorize(&self, key: &ProviderKey) -> Result<(HeaderName, HeaderValue), header::InvalidHeaderValue> {
        Ok((HeaderName::from_static("x-api-key"), key.header("")?))
    }

    fn chat_request(&self, model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
        request::prepare(model, request)
    }

    fn chat_answer(&self, body: &[u8]) -> Result<Answer, AnswerError> {
        Ok(response::read_answer(body)?)
    }

    fn chat_stream(&self) -> Box<dyn ChatStream> {
        Box::new(stream::Stream::default())
    }

    fn request_id_header(&self) -> &'static str {
        "request-id"
    }

    fn failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::read(status, body)
    }
}

#[cfg(test)]
mod tests;
