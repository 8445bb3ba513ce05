//! Cohere: `POST /v2/chat`. <https://docs.cohere.com/reference/chat>

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Asked, Usage};
use super::embeddings::{AskedVectors, texts};
use super::fault::{Fault, Refusal, bearer, check_credential};
use super::fields::Fields;
use super::json::{Json, object};
use super::provider::{Call, Provider};

mod messages;
mod refusal;
mod request;
mod response;

use refusal::in_our_words;
use response::{event, uuid};

/// The provider itself.
#[derive(Debug)]
pub struct Cohere;

impl Provider for Cohere {
    fn name(&self) -> &'static str {
        "cohere"
    }

    fn call(&self, path: &str) -> Option<Call> {
        (path == "/v2/chat").then(Call::default)
    }

    fn credential(&self, headers: &HeaderMap, _query: &str) -> Result<(), Fault> {
        check_credential(bearer(headers))
    }

    fn read(&self, _call: &Call, body: &Value) -> Result<Asked, Fault> {
        request::read(&Fields::of(body, "")?)
    }

    fn embeds(&self, path: &str) -> Option<Call> {
        (path == "/v2/embed").then(Call::default)
    }

    fn read_embeddings(&self, _call: &Call, body: &Value) -> Result<AskedVectors, Fault> {
        const MOST: usize = 96;
        let body = Fields::of(body, "")?;
        body.only(&[&[
            "model",
            "texts",
            "input_type",
            "embedding_types",
            "output_dimension",
            "truncate",
            "max_tokens",
        ]])?;
        let model = body.needed_text("model")?;
        let allowed = &["search_document", "search_query", "classification", "clustering"];
        let given = body.needed_text("input_type")?;
        if !allowed.contains(&given.as_str()) {
            return Err(Fault::NotOneOf { path: "input_type".to_owned(), given, allowed });
        }
        let dimensions = body.count("output_dimension", 1)?;
        Ok(AskedVectors::of_texts(model, texts(&body, "texts", MOST)?, dimensions))
    }

    fn vectors(&self, asked: &AskedVectors, id: u128) -> String {
        let billed = object! { "input_tokens": asked.tokens, "image_tokens": 0_u64 };
        object! {
            "id": uuid(id),
            "texts": asked.texts.iter().map(|text| Json::from(text.as_str())).collect::<Vec<_>>(),
            "embeddings": object! { "float": asked.vectors() },
            "meta": object! { "api_version": object! { "version": "2" }, "billed_units": billed },
            "response_type": "embeddings_by_type",
        }
        .compact()
    }

    fn refuse(&self, fault: &Fault, id: u128) -> Refusal {
        let (status, message) = in_our_words(fault);
        let headers = match fault {
            Fault::Asked { status: 429, retry_after_s } => {
                vec![("retry-after", retry_after_s.to_string()), ("x-trial-endpoint-call-remaining", "0".to_owned())]
            }
            _ => Vec::new(),
        };
        Refusal { status, headers, body: object! { "id": uuid(id), "message": message }.compact() }
    }

    fn plain(&self, answer: &Answer) -> String {
        response::plain(answer)
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        response::events(answer)
    }

    /// A failure is an ordinary `message-end` whose finish reason says so; the stream then ends as if nothing were wrong.
    fn error_event(&self, _id: u128) -> String {
        let delta = object! {
            "finish_reason": "ERROR",
            "usage": Json::Object(Vec::new()),
            "error": "internal server error, this is our fault",
            "error_type": "INTERNAL",
        };
        event("message-end", &object! { "type": "message-end", "delta": delta }) + "data: [DONE]\n\n"
    }

    fn headers(&self, id: u128) -> Vec<(&'static str, String)> {
        [
            ("x-debug-trace-id", format!("{id:032x}")),
            ("x-endpoint-monthly-call-limit", "1000".to_owned()),
            ("x-trial-endpoint-call-limit", "40".to_owned()),
            ("x-trial-endpoint-call-remaining", "39".to_owned()),
        ]
        .into()
    }

    fn billed_input(&self, usage: &Usage) -> u64 {
        usage.prompt_words
    }

    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }
}
