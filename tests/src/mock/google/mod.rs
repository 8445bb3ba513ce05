//! Google: `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`. <https://ai.google.dev/api/generate-content>

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::answer::{Answer, Asked};
use super::embeddings::AskedVectors;
use super::fault::{Fault, Refusal, bearer, check_credential};
use super::fields::Fields;
use super::json::{Json, object};
use super::provider::{Call, Provider};

mod config;
mod contents;
mod names;
mod refusal;
mod request;
mod response;
mod tools;

use names::in_camel_case;
use refusal::{error, in_our_words};

/// The provider itself.
#[derive(Debug)]
pub struct Google;

impl Provider for Google {
    fn name(&self) -> &'static str {
        "google"
    }

    fn call(&self, path: &str) -> Option<Call> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (model, method) = path.strip_prefix("/v1beta/models/")?.split_once(':')?;
        if model.is_empty() || model.contains('/') || !matches!(method, "generateContent" | "streamGenerateContent") {
            return None;
        }
        let model = percent_decode_str(model).decode_utf8().ok()?.into_owned();
        let streamed = method == "streamGenerateContent";
        Some(Call { model: Some(model), streamed, sse: query.split('&').any(|pair| pair == "alt=sse") })
    }

    fn credential(&self, headers: &HeaderMap, query: &str) -> Result<(), Fault> {
        let own = headers.get("x-goog-api-key").and_then(|value| value.to_str().ok());
        let in_query = query.split('&').find_map(|pair| pair.strip_prefix("key="));
        check_credential(own.or(in_query).or_else(|| bearer(headers)))
    }

    fn read(&self, call: &Call, body: &Value) -> Result<Asked, Fault> {
        request::read(call, &Fields::of(&in_camel_case(body), "")?)
    }

    fn embeds(&self, path: &str) -> Option<Call> {
        let model = path.strip_prefix("/v1beta/models/")?.strip_suffix(":batchEmbedContents")?;
        Some(Call { model: Some(model.to_owned()), ..Call::default() })
    }

    fn read_embeddings(&self, call: &Call, body: &Value) -> Result<AskedVectors, Fault> {
        const MOST: usize = 100;
        let body = &in_camel_case(body);
        let body = Fields::of(body, "")?;
        body.only(&[&["requests"]])?;
        let requests = body.needed_list("requests")?;
        let wrong = |path: String, message: &str| Fault::Value { path, message: message.to_owned() };
        if requests.len() > MOST {
            return Err(wrong("requests".to_owned(), "at most 100 requests can be in one batch"));
        }
        let model = call.model.clone().unwrap_or_default();
        let (mut texts, mut dimensions) = (Vec::new(), None);
        for (index, request) in requests.iter().enumerate() {
            let request = Fields::of(request, &format!("requests[{index}]"))?;
            request.only(&[&["content", "model", "outputDimensionality", "taskType", "title"]])?;
            if request.needed_text("model")? != format!("models/{model}") {
                return Err(wrong(request.path("model"), "must be the model of the path"));
            }
            let content = request.get("content").ok_or_else(|| Fault::Missing(request.path("content")))?;
            texts.push(contents::texts(&Fields::of(content, &request.path("content"))?)?.concat());
            dimensions = request.count("outputDimensionality", 1)?;
        }
        Ok(AskedVectors::of_texts(model, texts, dimensions))
    }

    /// No count of tokens, as the real one.
    fn vectors(&self, asked: &AskedVectors, _id: u128) -> String {
        let embeddings = asked.vectors().into_iter().map(|vector| object! { "values": vector });
        object! { "embeddings": embeddings.collect::<Vec<_>>() }.pretty() + "\n"
    }

    fn refuse(&self, fault: &Fault, _id: u128) -> Refusal {
        let (code, status, message, details) = in_our_words(fault);
        let body = object! { "error": error(code, &message, status, details) };
        Refusal { status: code, headers: Vec::new(), body: body.pretty() + "\n" }
    }

    fn plain(&self, answer: &Answer) -> String {
        response::plain(answer)
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        response::events(answer)
    }

    fn error_event(&self, _id: u128) -> String {
        let error = error(503, "The model is overloaded. Please try again later.", "UNAVAILABLE", Json::Null);
        format!("data: {}\r\n\r\n", object! { "error": error }.google_line())
    }

    fn headers(&self, _id: u128) -> Vec<(&'static str, String)> {
        // Google sends no request id: the only one is `responseId` in the body.
        vec![("vary", "Origin, X-Origin, Referer".to_owned()), ("server-timing", "gfet4t7; dur=5".to_owned())]
    }

    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }

    fn json_type(&self) -> &'static str {
        "application/json; charset=UTF-8"
    }
}
