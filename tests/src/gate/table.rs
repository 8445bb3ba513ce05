//! Before DynamoDB: whole calls, so that its serial stand-in never waits for the rest of one.

use super::{Latch, Side, Stop};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use http::{HeaderName, StatusCode};
use std::net::Ipv4Addr;
use tokio::{net::TcpListener, task::JoinSet};

/// A gate before DynamoDB. It goes away with the value.
pub struct TableGate {
    url: String,
    latch: Latch,
    _server: JoinSet<()>,
}

#[derive(Clone)]
struct Way {
    latch: Latch,
    client: reqwest::Client,
    to: String,
}

impl TableGate {
    /// Listens on a free loopback port.
    ///
    /// # Panics
    /// If nobody started DynamoDB's stand-in.
    pub async fn start() -> Self {
        let to =
            std::env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL is not set: run the tests with `make test`");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let client = crate::kms::client();
        let latch = Latch::new();
        let way = Way { latch: latch.clone(), client, to };
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, Router::new().fallback(pass).with_state(way)).await.expect("a server")
        });
        Self { url, latch, _server: server }
    }

    /// For `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops who comes here; nobody if none is given.
    pub fn shut(&self, stop: Option<Stop>) {
        self.latch.shut(stop);
    }

    /// Waits until so many are held.
    pub async fn reached(&self, held: usize) {
        self.latch.reached(held).await;
    }
}

async fn pass(State(way): State<Way>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = HeaderName::from_static("x-amz-target");
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut call = head.headers.get(&target).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    call.extend_from_slice(&body);
    way.latch.pass(Side::Before, &call).await;
    let headers = head.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
    let headers = headers.filter(|(name, _)| *name != http::header::HOST && *name != http::header::CONTENT_LENGTH);
    let answer = way.client.post(&way.to).headers(headers.collect()).body(body).send().await;
    way.latch.pass(Side::After, &call).await;
    let mut response = Response::new(Body::empty());
    match answer {
        Ok(answer) => {
            *response.status_mut() = answer.status();
            response.headers_mut().extend(answer.headers().clone());
            response.headers_mut().remove(http::header::TRANSFER_ENCODING);
            response.headers_mut().remove(http::header::CONNECTION);
            *response.body_mut() = Body::from(answer.bytes().await.unwrap_or_default());
        }
        Err(_) => *response.status_mut() = StatusCode::BAD_GATEWAY,
    }
    response
}
