//! A proxy between the function and its provider that notes when each piece of a stream passed, on the clock that also times the
//! caller's end. Not used where CPU is measured.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use futures_util::StreamExt;
use tokio::net::TcpListener;

use crate::streams::Piece;

pub struct Tap {
    url: String,
    pieces: Pieces,
}

type Pieces = Arc<Mutex<Vec<Piece>>>;

#[derive(Clone)]
struct Wire {
    upstream: String,
    client: reqwest::Client,
    pieces: Pieces,
}

impl Tap {
    /// Stands in for `upstream`, a base URL.
    pub async fn start(upstream: &str) -> Self {
        let pieces = Pieces::default();
        let wire = Wire { upstream: upstream.to_owned(), client: reqwest::Client::new(), pieces: pieces.clone() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let listener = listener.tap_io(|socket| socket.set_nodelay(true).expect("a socket option"));
        let app = Router::new().fallback(forward).with_state(wire);
        tokio::spawn(async { axum::serve(listener, app).await.expect("the tap") });
        Self { url, pieces }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// What has passed since the last time.
    pub fn take(&self) -> Vec<Piece> {
        std::mem::take(&mut *self.pieces.lock().expect("pieces"))
    }
}

async fn forward(State(wire): State<Wire>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a request");
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut call = wire.client.request(head.method, format!("{}{path}", wire.upstream)).body(body);
    for name in [AUTHORIZATION, CONTENT_TYPE] {
        if let Some(value) = head.headers.get(&name) {
            call = call.header(name, value);
        }
    }
    let reply = call.send().await.expect("the mock upstream");
    let status = reply.status();
    let content_type = reply.headers().get(CONTENT_TYPE).cloned();
    let pieces = wire.pieces;
    let body = reply.bytes_stream().inspect(move |piece| {
        if let Ok(piece) = piece {
            pieces.lock().expect("pieces").push((Instant::now(), piece.clone()));
        }
    });
    let headers = axum::response::AppendHeaders(content_type.map(|value| (CONTENT_TYPE, value)));
    (status, headers, Body::from_stream(body)).into_response()
}
