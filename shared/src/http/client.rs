//! The one upstream client. It follows no redirect, keeps no cookie, asks no proxy and adds no header of its own: what a provider sees
//! is what its translator wrote.

use super::tls;
use crate::{causes::BoxError, providers::Prepared};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Duration;
use url::Url;

/// The longest whole answer that is read.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Below what providers keep idle connections open for, so that a request does not meet a closing one.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// Sends requests to providers.
#[expect(clippy::disallowed_types, reason = "this is the one place that holds the client")]
pub struct Upstream {
    client: reqwest::Client,
    head_timeout: Duration,
}

/// Why there is no answer, in terms of whether the provider may have billed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nothing was sent.
    #[error("no connection")]
    Connect(#[source] BoxError),
    /// The request was sent and nothing came back in time; the provider may have billed.
    #[error("no answer in time")]
    Timeout,
    /// The request was sent, at least in part, and the connection broke.
    #[error("the connection broke")]
    Broken(#[source] BoxError),
}

/// The body of an answer broke off, or is too long.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection broke.
    #[error("the connection broke in the answer")]
    Broken(#[source] BoxError),
    /// Longer than what is read.
    #[error("the answer is too long")]
    TooLong,
}

/// The head of an answer, and its body to come.
pub struct UpstreamAnswer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    response: reqwest::Response,
}

impl Upstream {
    /// A client; no connection is opened yet.
    ///
    /// # Errors
    /// When TLS cannot be set up, which would be a fault of the build.
    pub fn new(head_timeout: Duration) -> Result<Self, BoxError> {
        let client = builder()?.connect_timeout(CONNECT_TIMEOUT).pool_idle_timeout(POOL_IDLE).build()?;
        Ok(Self { client, head_timeout })
    }

    /// Posts a prepared request and waits for the head of the answer, for the configured time or the time left if that is less.
    ///
    /// # Errors
    /// [`SendError`]; its text names no URL.
    pub async fn post(
        &self,
        base_url: &str,
        (name, value): (HeaderName, HeaderValue),
        request: Prepared,
        time_left: Duration,
    ) -> Result<UpstreamAnswer, SendError> {
        let mut headers: HeaderMap = request.headers.into_iter().collect();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(name, value);
        let request = self.client.post(format!("{base_url}{}", request.path)).headers(headers).body(request.body);
        self.send(request, time_left).await
    }

    /// Gets a JSON document of the configuration's choice, as an identity provider's keys, and waits for the head of the answer.
    ///
    /// # Errors
    /// [`SendError`]; its text names no URL.
    pub async fn get(&self, url: &Url, patience: Duration) -> Result<UpstreamAnswer, SendError> {
        let request = self.client.get(url.clone()).header(header::ACCEPT, HeaderValue::from_static("application/json"));
        self.send(request, patience).await
    }

    async fn send(&self, request: reqwest::RequestBuilder, time_left: Duration) -> Result<UpstreamAnswer, SendError> {
        let response = match tokio::time::timeout(self.head_timeout.min(time_left), request.send()).await {
            Err(_) => return Err(SendError::Timeout),
            Ok(Err(error)) if error.is_connect() || error.is_builder() => {
                return Err(SendError::Connect(error.without_url().into()));
            }
            Ok(Err(error)) => return Err(SendError::Broken(error.without_url().into())),
            Ok(Ok(response)) => response,
        };
        Ok(UpstreamAnswer { status: response.status().as_u16(), headers: response.headers().clone(), response })
    }
}

/// What every client of ours has in common. Nagle's algorithm would hold a small chunk back until the last one was acknowledged,
/// which the other side delays by up to 40 ms.
#[expect(clippy::disallowed_types, reason = "this is the one place that builds clients")]
pub(super) fn builder() -> Result<reqwest::ClientBuilder, BoxError> {
    let tls = tls::client_config(tls::public_roots())?;
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true))
}

impl UpstreamAnswer {
    /// A good answer with this body.
    #[cfg(test)]
    pub(crate) fn of(chunks: impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static) -> Self {
        let response = http::Response::new(reqwest::Body::wrap_stream(chunks)).into();
        Self { status: 200, headers: HeaderMap::new(), response }
    }

    /// The whole body, of at most so many bytes.
    ///
    /// # Errors
    /// [`BodyError`].
    pub async fn whole(self, max_bytes: usize) -> Result<Bytes, BodyError> {
        let mut chunks = std::pin::pin!(self.chunks());
        let mut body = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            if body.len() + chunk.len() > max_bytes {
                return Err(BodyError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The body as it comes.
    pub fn chunks(self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + use<> {
        self.response.bytes_stream().map(|chunk| chunk.map_err(|error| BodyError::Broken(error.without_url().into())))
    }
}
