//! The local stack's KMS: called directly, and behind a witness that counts what is asked of it and can be cut off.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderName, StatusCode};
use serde_json::Value;
use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{net::TcpListener, task::JoinSet};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Where KMS is not: nothing listens on that port.
pub const NOWHERE: &str = "http://127.0.0.1:1";

/// A server before KMS. It goes away with the value.
pub struct KmsWitness {
    url: String,
    seen: Arc<Seen>,
    _server: JoinSet<()>,
}

struct Seen {
    client: reqwest::Client,
    calls: Mutex<Vec<String>>,
    cut: AtomicBool,
    refusal: Mutex<Option<&'static str>>,
}

impl KmsWitness {
    /// Listens on a free port of the loopback interface.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Seen {
            client: client(),
            calls: Mutex::default(),
            cut: AtomicBool::default(),
            refusal: Mutex::default(),
        });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&seen));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { url, seen, _server: server }
    }

    /// For `AWS_ENDPOINT_URL_KMS`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How often an action was asked for, as `Decrypt`.
    pub fn calls(&self, action: &str) -> usize {
        let calls = self.seen.calls.lock().expect("the calls");
        calls.iter().filter(|call| call.ends_with(&format!(".{action}"))).count()
    }

    /// Waits until KMS was asked so many times, whatever for.
    pub async fn until(&self, calls: usize) {
        while self.seen.calls.lock().expect("the calls").len() < calls {
            tokio::task::yield_now().await;
        }
    }

    /// Answers everything with 503 from now on, or no longer.
    pub fn cut(&self, cut: bool) {
        self.seen.cut.store(cut, Ordering::SeqCst);
    }

    /// Answers everything with an error of KMS's own from now on, as `DisabledException`.
    pub fn refuse(&self, code: &'static str) {
        *self.seen.refusal.lock().expect("the refusal") = Some(code);
    }
}

async fn forward(State(seen): State<Arc<Seen>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = head.headers.get(&TARGET).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    seen.calls.lock().expect("the calls").push(target);
    if seen.cut.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if let Some(code) = *seen.refusal.lock().expect("the refusal") {
        return (StatusCode::BAD_REQUEST, format!(r#"{{"__type":"{code}","message":"the witness says so"}}"#))
            .into_response();
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a request");
    let mut headers = head.headers;
    headers.remove(http::header::HOST);
    let sent = seen.client.post(endpoint()).headers(headers).body(body).send().await.expect("moto");
    let status = sent.status();
    (status, Body::from(sent.bytes().await.expect("an answer"))).into_response()
}

/// Asks KMS as somebody who may do everything.
///
/// # Panics
/// If it refuses.
pub async fn kms(action: &str, body: &Value) -> Value {
    aws("kms", "application/x-amz-json-1.1", &format!("TrentService.{action}"), body).await
}

/// Asks a service of the local stack.
pub(crate) async fn aws(service: &str, content_type: &str, target: &str, body: &Value) -> Value {
    // Nobody checks it; its scope says which service and region is meant. The table is where the functions' environment says.
    let region = std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".into());
    let scope = format!("local/20260101/{region}/{service}/aws4_request");
    let call = client()
        .post(endpoint())
        .header("x-amz-target", target)
        .header("content-type", content_type)
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
        .body(body.to_string());
    let answer = call.send().await.expect("moto");
    let (status, text) = (answer.status(), answer.text().await.expect("an answer"));
    assert!(status.is_success(), "{target}: {status}: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// A new key of KMS; its id.
pub async fn new_key() -> String {
    let made = kms("CreateKey", &Value::Object(serde_json::Map::new())).await;
    made["KeyMetadata"]["KeyId"].as_str().expect("an id").to_owned()
}

fn client() -> reqwest::Client {
    // It wants one though it speaks plain HTTP here; who is second finds the first one's choice.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    reqwest::Client::new()
}

fn endpoint() -> String {
    std::env::var("AWS_ENDPOINT_URL")
        .expect("AWS_ENDPOINT_URL is not set: run the tests with `make test`, which starts moto")
}
