//! Sends streamed responses to the Lambda Runtime API.
//!
//! `lambda_runtime` 1.5 does this itself, over a connection with Nagle's algorithm on: every small chunk waits until the one before it
//! was acknowledged, up to 40 ms in every stream (docs/adr/0003-own-responder.md). So it polls for invocations, and the response goes
//! this way. The format: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>.

use super::client;
use crate::causes::BoxError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lambda_runtime::MetadataPrelude;
use std::{convert::Infallible, time::Duration};

/// Ends the prelude.
static DELIMITER: [u8; 8] = [0; 8];
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// The Runtime API of this process.
#[derive(Clone)]
#[expect(clippy::disallowed_types, reason = "a second client, because this peer is not a provider")]
pub struct RuntimeApi {
    client: reqwest::Client,
    base: String,
}

/// Which invocation a response belongs to.
pub struct Invocation {
    request_id: String,
    /// Guards against a response that comes so late that another invocation has begun.
    invocation_id: Option<HeaderValue>,
}

impl Invocation {
    /// From the headers that came with the event.
    pub fn new(request_id: String, headers: &HeaderMap) -> Self {
        Self { request_id, invocation_id: headers.get(INVOCATION_ID).cloned() }
    }
}

impl RuntimeApi {
    /// A client for `AWS_LAMBDA_RUNTIME_API`: a host and a port on Lambda, a whole URL with `cargo lambda watch`.
    ///
    /// # Errors
    /// When TLS cannot be set up, which would be a fault of the build; the API itself is plain HTTP.
    pub fn new(address: &str) -> Result<Self, BoxError> {
        // The process is frozen between invocations, so an idle connection has no age that could be measured.
        let client = client::builder()?.pool_idle_timeout(None::<Duration>).build()?;
        Ok(Self { client, base: base_url(address) })
    }

    /// Sends a response as it comes, and returns when the last byte was taken. `begun` is what is there already: it goes out with the
    /// prelude in one write, though as a chunk of its own: `cargo lambda watch` reads prelude, delimiter and body by chunks.
    ///
    /// # Errors
    /// When the connection breaks or the API refuses the response.
    pub async fn respond(
        &self,
        invocation: &Invocation,
        status: StatusCode,
        headers: HeaderMap,
        begun: Bytes,
        body: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<(), BoxError> {
        let prelude = MetadataPrelude { status_code: status, headers, cookies: Vec::new() };
        let head = [Bytes::from(serde_json::to_vec(&prelude)?), Bytes::from_static(&DELIMITER), begun];
        let head = head.into_iter().filter(|chunk| !chunk.is_empty());
        let body = stream::iter(head).chain(body).map(Ok::<_, Infallible>);
        let mut request = self
            .client
            .post(format!("{}/{}/response", self.base, invocation.request_id))
            .header("lambda-runtime-function-response-mode", "streaming")
            .header(header::CONTENT_TYPE, "application/vnd.awslambda.http-integration-response")
            .body(reqwest::Body::wrap_stream(body));
        if let Some(id) = &invocation.invocation_id {
            request = request.header(INVOCATION_ID, id);
        }
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        if !answer.status().is_success() {
            return Err(format!("the Runtime API refused the response with status {}", answer.status()).into());
        }
        // Read to its end, so that the connection can be used again.
        answer.bytes().await.map_err(reqwest::Error::without_url)?;
        Ok(())
    }
}

fn base_url(address: &str) -> String {
    let scheme = if address.contains("://") { "" } else { "http://" };
    format!("{scheme}{}/2018-06-01/runtime/invocation", address.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::base_url;

    #[test]
    fn the_address_is_a_host_on_lambda_and_a_url_under_the_watch() {
        #[rustfmt::skip]
        let table = [
            ("127.0.0.1:9001",                      "http://127.0.0.1:9001/2018-06-01/runtime/invocation"),
            ("http://127.0.0.1:9000/.rt/chat",      "http://127.0.0.1:9000/.rt/chat/2018-06-01/runtime/invocation"),
            ("http://127.0.0.1:9000/.rt/chat/",     "http://127.0.0.1:9000/.rt/chat/2018-06-01/runtime/invocation"),
        ];
        for (address, url) in table {
            assert_eq!(base_url(address), url);
        }
    }
}
