//! OpenAI: `POST /v1/chat/completions`. <https://platform.openai.com/docs/api-reference/chat>

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Asked};
use super::embeddings::{AskedVectors, texts};
use super::fault::{Fault, Refusal, bearer, check_credential};
use super::fields::Fields;
use super::json::object;
use super::provider::{Call, Provider};

mod messages;
mod models;
mod refusal;
mod request;
mod response;
mod schemas;

use refusal::in_our_words;

/// The provider itself.
#[derive(Debug)]
pub struct OpenAi;

impl Provider for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
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
        const MOST: usize = 2048;
        let body = Fields::of(body, "")?;
        body.only(&[&["model", "input", "dimensions", "encoding_format", "user"]])?;
        let model = body.needed_text("model")?;
        let tokens =
            |value: &Value| Some(value.as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<_>>>()?.len());
        let input = body.get("input").unwrap_or(&Value::Null);
        let lists: Vec<&Value> = match input.as_array() {
            Some(items) if items.first().is_some_and(Value::is_array) => items.iter().collect(),
            Some(items) if items.first().is_some_and(Value::is_number) => vec![input],
            _ => Vec::new(),
        };
        let mut asked = match (input, lists.is_empty()) {
            (Value::String(text), _) => AskedVectors::of_texts(model, vec![text.clone()], None),
            (_, true) => AskedVectors::of_texts(model, texts(&body, "input", MOST)?, None),
            (_, false) => {
                let wrong = || Fault::Type { path: "input".to_owned(), expected: "an array of tokens" };
                let count = lists.iter().map(|list| tokens(list)).sum::<Option<usize>>().ok_or_else(wrong)?;
                let texts = lists.iter().map(ToString::to_string).collect();
                AskedVectors { tokens: count as u64, ..AskedVectors::of_texts(model, texts, None) }
            }
        };
        asked.dimensions = body.count("dimensions", 1)?;
        asked.base64 = body.text("encoding_format")? == Some("base64");
        Ok(asked)
    }

    fn vectors(&self, asked: &AskedVectors, _id: u128) -> String {
        let item = |(index, vector)| object! { "object": "embedding", "index": index, "embedding": vector };
        object! {
            "object": "list",
            "data": (0_u64..).zip(asked.vectors()).map(item).collect::<Vec<_>>(),
            "model": asked.model.as_str(),
            "usage": object! { "prompt_tokens": asked.tokens, "total_tokens": asked.tokens },
        }
        .pretty()
    }

    fn refuse(&self, fault: &Fault, _id: u128) -> Refusal {
        let (status, message, kind, param, code) = in_our_words(fault);
        let error = object! { "message": message, "type": kind, "param": param, "code": code };
        let mut headers = Vec::new();
        if let Fault::Asked { status: 429, retry_after_s } = fault {
            headers.push(("retry-after", retry_after_s.to_string()));
            headers.push(("retry-after-ms", (retry_after_s * 1000).to_string()));
            headers.push(("x-ratelimit-remaining-tokens", "0".to_owned()));
            headers.push(("x-ratelimit-reset-tokens", format!("{retry_after_s}s")));
        }
        Refusal { status, headers, body: object! { "error": error }.pretty() }
    }

    fn plain(&self, answer: &Answer) -> String {
        response::plain(answer)
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        response::events(answer)
    }

    fn error_event(&self, _id: u128) -> String {
        let fault = Fault::Asked { status: 500, retry_after_s: 0 };
        let (_, message, kind, param, code) = in_our_words(&fault);
        let error = object! { "message": message, "type": kind, "param": param, "code": code };
        format!("data: {}\n\n", object! { "error": error }.compact())
    }

    fn headers(&self, id: u128) -> Vec<(&'static str, String)> {
        [
            ("x-request-id", format!("req_{id:032x}")),
            ("openai-processing-ms", "5".to_owned()),
            ("openai-version", "2020-10-01".to_owned()),
            ("openai-organization", "org-mock".to_owned()),
            ("x-ratelimit-limit-requests", "10000".to_owned()),
            ("x-ratelimit-limit-tokens", "2000000".to_owned()),
            ("x-ratelimit-remaining-requests", "9999".to_owned()),
            ("x-ratelimit-remaining-tokens", "1999990".to_owned()),
            ("x-ratelimit-reset-requests", "6ms".to_owned()),
            ("x-ratelimit-reset-tokens", "0s".to_owned()),
        ]
        .into()
    }
}
