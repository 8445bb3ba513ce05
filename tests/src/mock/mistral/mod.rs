//! Mistral: `POST /v1/chat/completions`. <https://docs.mistral.ai/api/endpoint/chat>

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Asked};
use super::embeddings::{AskedVectors, texts};
use super::fault::{Fault, Refusal, bearer, check_credential};
use super::fields::Fields;
use super::json::object;
use super::provider::{Call, Provider};

mod messages;
mod refusal;
mod request;
mod response;

use refusal::{error, in_our_words};

/// The provider itself.
#[derive(Debug)]
pub struct Mistral;

impl Provider for Mistral {
    fn name(&self) -> &'static str {
        "mistral"
    }

    fn call(&self, path: &str) -> Option<Call> {
        (path == "/v1/chat/completions").then(Call::default)
    }

    fn credential(&self, headers: &HeaderMap, _query: &str) -> Result<(), Fault> {
        check_credential(bearer(headers))
    }

    fn read(&self, _call: &Call, body: &Value) -> Result<Asked, Fault> {
        request::read(&Fields::of(body, "")?)
    }

    fn embeds(&self, path: &str) -> Option<Call> {
        (path == "/v1/embeddings").then(Call::default)
    }

    fn read_embeddings(&self, _call: &Call, body: &Value) -> Result<AskedVectors, Fault> {
        const MOST_TOKENS: u64 = 16_384;
        let body = Fields::of(body, "")?;
        body.only(&[&["model", "input", "output_dimension", "output_dtype", "encoding_format", "metadata"]])?;
        let model = body.needed_text("model")?;
        let dimensions = body.count("output_dimension", 1)?;
        if dimensions.is_some() && model.starts_with("mistral-embed") {
            let message = "This model does not support output_dimension.".to_owned();
            return Err(Fault::Value { path: "output_dimension".to_owned(), message });
        }
        let texts = match body.get("input") {
            Some(Value::String(text)) => vec![text.clone()],
            _ => texts(&body, "input", usize::MAX)?,
        };
        let asked = AskedVectors::of_texts(model, texts, dimensions);
        if asked.tokens > MOST_TOKENS {
            let message = "Too many tokens overall, split into more batches.".to_owned();
            return Err(Fault::Value { path: "input".to_owned(), message });
        }
        Ok(asked)
    }

    fn vectors(&self, asked: &AskedVectors, id: u128) -> String {
        let item = |(index, vector)| object! { "object": "embedding", "embedding": vector, "index": index };
        let usage = object! { "prompt_tokens": asked.tokens, "total_tokens": asked.tokens, "completion_tokens": 0_u64 };
        object! {
            "id": format!("{id:032x}"),
            "object": "list",
            "data": (0_u64..).zip(asked.vectors()).map(item).collect::<Vec<_>>(),
            "model": asked.model.as_str(),
            "usage": usage,
        }
        .compact()
    }

    fn refuse(&self, fault: &Fault, _id: u128) -> Refusal {
        let (status, body) = in_our_words(fault);
        let headers = match fault {
            Fault::Asked { status: 429, retry_after_s } => {
                vec![("retry-after", retry_after_s.to_string()), ("x-ratelimit-remaining-req-minute", "0".to_owned())]
            }
            _ => Vec::new(),
        };
        Refusal { status, headers, body: body.compact() }
    }

    fn plain(&self, answer: &Answer) -> String {
        response::plain(answer)
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        response::events(answer)
    }

    fn error_event(&self, _id: u128) -> String {
        format!("data: {}\n\n", error("Service unavailable.", "internal_server_error", "1000").compact())
    }

    fn headers(&self, id: u128) -> Vec<(&'static str, String)> {
        [
            ("mistral-correlation-id", format!("{id:032x}")),
            ("x-kong-request-id", format!("{id:032x}")),
            ("x-ratelimit-limit-req-minute", "60".to_owned()),
            ("x-ratelimit-remaining-req-minute", "59".to_owned()),
            ("x-ratelimit-limit-tokens-minute", "2000000".to_owned()),
            ("x-ratelimit-remaining-tokens-minute", "1999000".to_owned()),
        ]
        .into()
    }
}
