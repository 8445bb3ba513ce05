//! A request that came in, and the reply that goes out, without a word about how they travel.

use super::after_response::AfterResponse;
use crate::{error::GatewayError, tenancy::RequestId};
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use std::{pin::Pin, time::Duration};

/// The longest body that is read.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The header with the provider's id of the request.
pub(super) const PROVIDER_REQUEST_ID: &str = "x-supergate-provider-request-id";

/// A request.
pub struct Call {
    /// Ours, not the caller's.
    pub request_id: RequestId,
    /// When it came, by the monotonic clock: from here on the time is ours.
    pub received: Duration,
    /// GET, POST …
    pub method: Method,
    /// Without the stage, still percent-encoded.
    pub path: String,
    /// What follows the question mark, still percent-encoded; empty where nothing does.
    pub query: String,
    /// The caller's address as API Gateway saw it; never what a header claims.
    pub address: Option<String>,
    /// As sent.
    pub headers: HeaderMap,
    /// As sent, decoded from the event's base 64 if it came so.
    pub body: Bytes,
    /// When the function is stopped, as time since the Unix epoch.
    pub deadline: Option<Duration>,
    /// Work for after the response.
    pub after: AfterResponse,
}

/// A reply.
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: ReplyBody,
}

/// A reply's body.
pub enum ReplyBody {
    /// All of it.
    Whole(Bytes),
    /// Server-sent events, or a file, piece by piece as they come. It ends, but it never fails: an error is an event, or a last line.
    Events(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

impl Call {
    /// The body, if it is declared as JSON and not too long.
    ///
    /// # Errors
    /// [`GatewayError::NotJson`] or [`GatewayError::TooLarge`].
    pub fn json_body(&self) -> Result<&[u8], GatewayError> {
        let content_type = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" {
            return Err(GatewayError::NotJson);
        }
        if self.body.len() > MAX_BODY_BYTES {
            return Err(GatewayError::TooLarge);
        }
        Ok(&self.body)
    }
}

impl ReplyBody {
    /// Takes what is there already; what is left is still to come.
    pub fn take_whole(&mut self) -> Bytes {
        match self {
            Self::Whole(bytes) => std::mem::take(bytes),
            Self::Events(_) => Bytes::new(),
        }
    }
}

impl Reply {
    /// A JSON reply.
    ///
    /// # Errors
    /// [`GatewayError::Internal`] when the value cannot be written, a fault of ours.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, GatewayError> {
        let body = serde_json::to_vec(value).map_err(|error| GatewayError::Internal(error.into()))?;
        Ok(Self::with_type(status, "application/json", ReplyBody::Whole(body.into())))
    }

    /// A reply of server-sent events.
    pub fn events(events: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        let mut reply =
            Self::with_type(StatusCode::OK, "text/event-stream; charset=utf-8", ReplyBody::Events(Box::pin(events)));
        // No cache and no buffering proxy in between may hold a chunk back.
        reply.set("cache-control", "no-cache");
        reply.set("x-accel-buffering", "no");
        reply
    }

    /// A file to be kept, as it is made.
    pub fn file(content_type: &'static str, name: &str, pieces: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        let mut reply = Self::with_type(StatusCode::OK, content_type, ReplyBody::Events(Box::pin(pieces)));
        reply.set("content-disposition", &format!("attachment; filename=\"{name}\""));
        reply.set("cache-control", "no-store");
        reply
    }

    /// A reply without a body.
    pub fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: ReplyBody::Whole(Bytes::new()) }
    }

    /// A reply that names another address, relative to the one asked for.
    pub fn redirect(status: StatusCode, to: &str) -> Self {
        let mut reply = Self { status, ..Self::empty() };
        reply.set("location", to);
        reply
    }

    /// What an error looks like.
    pub fn error(error: &GatewayError) -> Self {
        let on_the_wire = error.on_the_wire();
        let mut reply = Self::with_type(on_the_wire.status, "application/json", ReplyBody::Whole(error.body().into()));
        if let Some(seconds) = on_the_wire.retry_after_s {
            reply.set("retry-after", &seconds.to_string());
        }
        error.headers().iter().for_each(|(name, value)| reply.set(name, value));
        if matches!(error, GatewayError::IdempotencyNotKept { .. } | GatewayError::NotCached(_)) {
            // OpenAI's SDKs try a 409 and a 504 again, unless this says otherwise.
            reply.set("x-should-retry", "false");
        }
        if let GatewayError::NotCached(said) = error {
            reply.set("x-supergate-cache", said);
        }
        if let Some(id) = error.provider_request_id() {
            reply.set(PROVIDER_REQUEST_ID, id);
        }
        reply
    }

    /// Sets a header; a value that cannot be one (a model's name with a line break) is left out.
    pub fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    fn with_type(status: StatusCode, content_type: &'static str, body: ReplyBody) -> Self {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))].into_iter().collect();
        Self { status, headers, body }
    }
}
