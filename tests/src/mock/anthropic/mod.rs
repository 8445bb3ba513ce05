//! Anthropic: `POST /v1/messages`. <https://docs.claude.com/en/api/messages>

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Asked};
use super::fault::{Fault, Refusal, check_credential};
use super::fields::Fields;
use super::json::{Json, object};
use super::provider::{Call, Provider};

mod blocks;
mod models;
mod order;
mod refusal;
mod request;
mod response;
mod schemas;

use refusal::{error, in_our_words};
use response::{event, request_id};

/// The provider itself.
#[derive(Debug)]
pub struct Anthropic;

impl Provider for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn call(&self, path: &str) -> Option<Call> {
        (path == "/v1/messages").then(Call::default)
    }

    fn credential(&self, headers: &HeaderMap, _query: &str) -> Result<(), Fault> {
        check_credential(headers.get("x-api-key").and_then(|value| value.to_str().ok()))?;
        if headers.contains_key("anthropic-version") {
            return Ok(());
        }
        Err(Fault::Value { path: "anthropic-version".to_owned(), message: "header is required".to_owned() })
    }

    fn read(&self, _call: &Call, body: &Value) -> Result<Asked, Fault> {
        request::read(&Fields::of(body, "")?)
    }

    fn refuse(&self, fault: &Fault, id: u128) -> Refusal {
        let (status, message) = in_our_words(fault);
        let mut headers = vec![("x-should-retry", matches!(status, 408 | 409 | 429 | 500..).to_string())];
        if let Fault::Asked { status: 429 | 503 | 529, retry_after_s } = fault {
            headers.push(("retry-after", retry_after_s.to_string()));
        }
        Refusal { status, headers, body: error(status, message).with("request_id", request_id(id)).compact() }
    }

    fn plain(&self, answer: &Answer) -> String {
        response::plain(answer)
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        response::events(answer)
    }

    fn error_event(&self, _id: u128) -> String {
        let error = object! { "details": Json::Null, "type": "overloaded_error", "message": "Overloaded" };
        event("error", vec![("error", error)])
    }

    fn headers(&self, id: u128) -> Vec<(&'static str, String)> {
        [
            ("request-id", request_id(id)),
            ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000".to_owned()),
            ("anthropic-ratelimit-requests-limit", "4000".to_owned()),
            ("anthropic-ratelimit-requests-remaining", "3999".to_owned()),
            ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z".to_owned()),
            ("anthropic-ratelimit-tokens-limit", "2000000".to_owned()),
            ("anthropic-ratelimit-tokens-remaining", "1999000".to_owned()),
            ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:00Z".to_owned()),
        ]
        .into()
    }
}
