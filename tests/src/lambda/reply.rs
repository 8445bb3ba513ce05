//! What a function answers, as the caller of API Gateway would see it.

use std::fmt;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;
use tokio::sync::mpsc;

/// The pieces of a body in the order and size in which the function sent them.
pub(super) type Pieces = mpsc::UnboundedReceiver<Result<Bytes, InvokeError>>;

/// Status and headers are there; the body may still be arriving.
#[derive(Debug)]
pub struct Reply {
    /// The status for the HTTP caller.
    pub status: StatusCode,
    /// The headers for the HTTP caller, cookies included.
    pub headers: HeaderMap,
    /// Whether the function streamed (and did not hand over one JSON document).
    pub streamed: bool,
    body: Pieces,
}

/// Why there is no reply, or no whole one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvokeError {
    /// The function reported an error instead of a response.
    Function {
        /// The error's type, as `Runtime.ExitError`.
        kind: String,
        /// The error's text.
        message: String,
    },
    /// The deadline passed; the process was killed, as Lambda does.
    TimedOut,
    /// The test killed the process.
    Killed,
    /// The process ended, with this status.
    Exited(String),
    /// The connection broke while the response was being sent, because the test asked for that or because the function left.
    Broken,
}

impl fmt::Display for InvokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function { kind, message } => write!(f, "the function failed: {kind}: {message}"),
            Self::TimedOut => write!(f, "the function's deadline passed"),
            Self::Killed => write!(f, "the function's process was killed"),
            Self::Exited(status) => write!(f, "the function's process ended: {status}"),
            Self::Broken => write!(f, "the response broke off"),
        }
    }
}

impl std::error::Error for InvokeError {}

impl Reply {
    /// The next piece of the body; `None` after the last.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, InvokeError>> {
        self.body.recv().await
    }

    /// The whole body, or why it is not whole.
    pub async fn bytes(mut self) -> Result<Vec<u8>, InvokeError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.chunk().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }

    /// The whole body as text.
    ///
    /// # Panics
    /// If the body broke off or is not UTF-8.
    pub async fn text(self) -> String {
        let bytes = self.bytes().await.unwrap_or_else(|error| panic!("reading a reply: {error}"));
        String::from_utf8(bytes).expect("a reply that is text")
    }

    /// The whole body as JSON.
    ///
    /// # Panics
    /// If the body broke off or is not JSON.
    pub async fn json(self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("a reply that is not JSON ({error}): {text}"))
    }

    /// One header's value, if there is one that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as a stream, to hand on.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, InvokeError>> + Send + 'static {
        futures_util::stream::unfold(self.body, async |mut body| body.recv().await.map(|piece| (piece, body)))
    }

    /// A streamed reply: `prelude` is the JSON document before the eight NUL bytes.
    pub(super) fn from_prelude(prelude: &[u8], body: Pieces) -> Result<Self, InvokeError> {
        let prelude: Value = serde_json::from_slice(prelude).map_err(malformed)?;
        let status = status(&prelude).ok_or_else(|| malformed("a prelude without a statusCode"))?;
        Ok(Self { status, headers: headers(&prelude)?, streamed: true, body })
    }

    /// A reply in one document. What is not `{statusCode, …}` becomes the body of a 200, as with an HTTP API; that is also how a
    /// function that is not called over HTTP answers.
    pub(super) fn from_document(document: &[u8]) -> Result<Self, InvokeError> {
        let parsed: Value = serde_json::from_slice(document).map_err(malformed)?;
        let (sender, body) = mpsc::unbounded_channel();
        let Some(status) = status(&parsed) else {
            drop(sender.send(Ok(Bytes::copy_from_slice(document))));
            let json = HeaderValue::from_static("application/json");
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
            return Ok(Self { status: StatusCode::OK, headers, streamed: false, body });
        };
        let text = parsed["body"].as_str().unwrap_or_default();
        let encoded = parsed["isBase64Encoded"].as_bool().unwrap_or(false);
        let decoded = lambda_http::Body::from_maybe_encoded(encoded, text);
        if !decoded.is_empty() {
            drop(sender.send(Ok(Bytes::copy_from_slice(&decoded))));
        }
        Ok(Self { status, headers: headers(&parsed)?, streamed: false, body })
    }
}

fn status(answer: &Value) -> Option<StatusCode> {
    StatusCode::from_u16(u16::try_from(answer.get("statusCode")?.as_u64()?).ok()?).ok()
}

/// `headers`, `multiValueHeaders` (which win, as with a REST API) and `cookies`.
fn headers(answer: &Value) -> Result<HeaderMap, InvokeError> {
    let mut headers = HeaderMap::new();
    for field in ["headers", "multiValueHeaders"] {
        for (name, values) in answer[field].as_object().into_iter().flatten() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(malformed)?;
            headers.remove(&name);
            // A prelude writes a header with several values as a list.
            for value in values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice) {
                headers.append(&name, header_value(value)?);
            }
        }
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        headers.append(header::SET_COOKIE, header_value(cookie)?);
    }
    Ok(headers)
}

fn header_value(value: &Value) -> Result<HeaderValue, InvokeError> {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    HeaderValue::from_str(&text).map_err(malformed)
}

/// API Gateway answers a response that it cannot read with 502.
fn malformed(why: impl fmt::Display) -> InvokeError {
    InvokeError::Function { kind: "MalformedResponse".into(), message: why.to_string() }
}
