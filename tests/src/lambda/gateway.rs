//! An HTTP port in front of functions, so that real clients can call the real binaries.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::event::{Version, http_event};
use super::function::Function;
use super::reply::InvokeError;

/// How long a function may take; more than any test needs, less than a person waits.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(60);

/// Listens on a loopback port until it is dropped.
pub struct Gateway {
    address: SocketAddr,
    server: AbortHandle,
}

impl Gateway {
    /// Serves these functions under the routes of the workspace's watch router. Several of one name are instances of one function: a
    /// request goes to the one with the least to do, so parallel requests to a classic function wait only when all are busy. Routes of
    /// functions that are not given answer 404.
    pub async fn start(functions: impl IntoIterator<Item = Function>) -> Self {
        let mut instances = HashMap::<String, Vec<Function>>::new();
        for function in functions {
            instances.entry(function.name().to_owned()).or_default().push(function);
        }
        let mut router = Router::new().fallback(async || message(StatusCode::NOT_FOUND, "Not Found"));
        for (route, name) in routes() {
            if let Some(instances) = instances.get(&name).cloned() {
                router = router.route(&route, any(async move |request: Request| forward(&instances, request).await));
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("its address");
        let listener = listener.tap_io(|socket| socket.set_nodelay(true).expect("a socket option"));
        let server = tokio::spawn(async { axum::serve(listener, router).await.expect("the gateway") });
        Self { address, server: server.abort_handle() }
    }

    /// Where to call it, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Route → function, from the workspace's Cargo.toml: the table that `cargo lambda watch` serves too, whose patterns are axum's.
fn routes() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let text = std::fs::read_to_string(&path).expect("the workspace's Cargo.toml");
    let cargo: toml::Table = text.parse().expect("TOML");
    let router = ["metadata", "lambda", "watch", "router"]
        .iter()
        .try_fold(&cargo["workspace"], |table, key| table.get(key))
        .and_then(toml::Value::as_table)
        .expect("[workspace.metadata.lambda.watch.router]");
    let name = |value: &toml::Value| value.as_str().expect("the name of a function").to_owned();
    router.iter().map(|(route, function)| (route.clone(), name(function))).collect()
}

async fn forward(instances: &[Function], request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 10 << 20).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"); // API Gateway's limit of 10 MB
    };
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let headers: Vec<(&str, &str)> =
        head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let event = http_event(head.method.as_str(), path, &headers, &body, Version::V2);
    let function = instances.iter().min_by_key(|function| function.load()).expect("at least one instance");
    match function.try_invoke(&event, FUNCTION_TIMEOUT).await {
        Ok(reply) => {
            let (status, headers) = (reply.status, reply.headers.clone());
            (status, headers, Body::from_stream(reply.into_stream())).into_response()
        }
        Err(InvokeError::TimedOut) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        Err(why) => {
            // API Gateway says no more than this either; the reason is for whoever reads the test's output.
            eprintln!("{} {path}: {why}", head.method);
            message(StatusCode::BAD_GATEWAY, "Internal server error")
        }
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"message": text}))).into_response()
}
