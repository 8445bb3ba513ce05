//! The docs function in the test's own process. It needs nothing.

use crate::app::{Answer, TestClock};
use futures_util::StreamExt;
use http::{Method, Request};
use serde_json::Value;
use std::sync::Arc;
use supergate::{
    gateway::{after_response::AfterResponse, docs},
    web::{self, Function},
};

/// Sends a request to it.
pub async fn send(request: Request<lambda_http::Body>) -> Answer {
    let handler = |call| async move { docs::answer(&call) };
    let clock = Arc::new(TestClock::default());
    let function = Function { name: "docs", methods: &[web::GET, web::HEAD], clock, handler };
    let (parts, body) = function.answer(request, AfterResponse::default()).await.into_parts();
    Answer { status: parts.status, headers: parts.headers, pieces: body.collect().await }
}

/// Fetches one of its paths.
pub async fn fetch(method: Method, path: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).body(lambda_http::Body::Empty);
    send(request.expect("a request")).await
}

/// The description of the API.
pub async fn description() -> Value {
    fetch(Method::GET, "/openapi.json").await.json()
}
