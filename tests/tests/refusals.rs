//! What is refused, with which status, and before any money is spent.

use futures_util::StreamExt;
use http::StatusCode;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use supergate::{
    clock::SystemClock,
    error::GatewayError,
    gateway::{
        after_response::AfterResponse,
        call::{Call, Reply},
    },
    web::{self, Function},
};
use supergate_tests::app::{Answer, App, MODELS};

fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn a_caller_without_a_good_key_is_a_401_whatever_is_wrong_with_it() {
    let app = App::start().await;
    let body = ask(MODELS[0], "hello").to_string();
    let other = App::start().await;
    let mut answers: Vec<(&str, Answer)> = Vec::new();
    for (why, authorization) in [
        ("no header", None),
        ("another scheme", Some(format!("Basic {}", app.api_key))),
        ("no key", Some("Bearer ".to_owned())),
        ("malformed", Some("Bearer sk-abc".to_owned())),
        ("a key of another deployment", Some(format!("Bearer {}", other.api_key))),
        ("one character off", Some(format!("Bearer {}0", app.api_key))),
    ] {
        let mut request = app.chat_request(body.as_str());
        match authorization {
            None => drop(request.headers_mut().remove("authorization")),
            Some(value) => drop(request.headers_mut().insert("authorization", value.parse().expect("a header"))),
        }
        answers.push((why, app.send(request).await));
    }
    for (why, change) in
        [("revoked", "revoked_at = now()"), ("expired", "revoked_at = null, expires_at = now() - interval '1 second'")]
    {
        app.database
            .superuser()
            .await
            .batch_execute(&format!("update api_keys set {change}"))
            .await
            .expect("an update");
        answers.push((why, app.chat_raw(body.as_str()).await));
    }
    let suspend = "update api_keys set revoked_at = null, expires_at = null; update tenants set status = 'suspended'";
    app.database.superuser().await.batch_execute(suspend).await.expect("an update");
    answers.push(("a suspended tenant's", app.chat_raw(body.as_str()).await));

    let first = answers[0].1.text();
    for (why, answer) in &answers {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{why}");
        assert_eq!(answer.text(), first, "{why}: indistinguishable");
        assert_eq!(answer.error_code(), "invalid_api_key", "{why}");
        let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(answer), names(&answers[0].1), "{why}");
    }
    assert!(app.mock.bill().is_empty() && app.usage_events().await.is_empty(), "no provider was called");
}

#[tokio::test]
async fn a_revoked_key_works_for_at_most_thirty_seconds() {
    let app = App::start().await;
    assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 200);
    app.database.superuser().await.batch_execute("update api_keys set revoked_at = now()").await.expect("an update");
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 401);
}

#[tokio::test]
async fn a_viewer_may_not_ask_a_model() {
    let app = App::start().await;
    app.database.superuser().await.batch_execute("update api_keys set role = 'viewer'").await.expect("an update");
    let answer = app.chat(&ask(MODELS[0], "hello")).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (403, "permission_denied"));
    assert!(answer.text().contains("inference.create"), "it names the permission: {}", answer.text());
    assert!(app.mock.bill().is_empty());
}

#[tokio::test]
async fn a_bad_request_is_refused_before_any_provider_is_called() {
    let app = App::start().await;
    let message = r#"{"role":"user","content":"hi"}"#;
    let with = |extra: &str| format!(r#"{{"model":"openai/gpt-4o-mini","messages":[{message}]{extra}}}"#);
    let messages = |text: &str| format!(r#"{{"model":"openai/gpt-4o-mini","messages":{text}}}"#);
    let deep = with(&format!(r#","metadata":{}1{}"#, "[".repeat(80), "]".repeat(80)));
    let large = with(&format!(r#","user":"{}""#, "x".repeat(6 * 1024 * 1024)));
    #[rustfmt::skip]
    let table = [
        ("not json".to_owned(),                         400, "invalid_json",      "",                    "not JSON"),
        (String::new(),                                 400, "invalid_json",      "",                    "no body"),
        ("[]".to_owned(),                               400, "invalid_json",      "",                    "no object"),
        (with(r#","model":"openai/gpt-4o""#),           400, "invalid_json",      "",                    "a duplicate key"),
        (with(r#","metadata":{"a":{"b":1,"b":2}}"#),    400, "invalid_json",      "",                    "a duplicate key, deep"),
        (deep,                                          400, "invalid_json",      "",                    "nested too deep"),
        (with(r#","temperature":NaN"#),                 400, "invalid_json",      "",                    "no number"),
        (with(r#","temperature":1e999"#),               400, "invalid_json",      "",                    "an infinite number"),
        (with(r#","temperature":"NaN""#),               400, "invalid_value",     "temperature",         "a number as text"),
        (messages("[]"),                                400, "invalid_value",     "messages",            "no messages"),
        (messages(r#"[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"user","content":3}]"#),
                                                        400, "invalid_value",     "messages[2].content", "a wrong type"),
        (messages(r#"[{"role":"wizard","content":"a"}]"#), 400, "invalid_value",  "messages[0].role",    "an unknown role"),
        (messages(r#"[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]"#),
                                                        400, "unsupported_parameter", "messages[0].content[0]", "a price of its own"),
        (with(r#","n":0"#),                             400, "invalid_value",     "n",                   "n out of range"),
        (with(r#","n":1000"#),                          400, "invalid_value",     "n",                   "n out of range"),
        (large,                                         413, "request_too_large", "",                    "more than 6 MB"),
    ];
    for (body, status, code, param, why) in table {
        let answer = app.chat_raw(body).await;
        let error = &answer.json()["error"];
        assert_eq!(answer.status, status, "{why}: {error}");
        assert_eq!(error["code"], code, "{why}: {error}");
        assert_eq!(error["param"].as_str().unwrap_or_default(), param, "{why}: {error}");
        assert_eq!(error["type"], "invalid_request_error", "{why}");
    }
    assert!(app.mock.bill().is_empty() && app.usage_events().await.is_empty(), "nothing was spent");
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_a_415() {
    let app = App::start().await;
    for content_type in [Some("text/plain"), Some("application/x-www-form-urlencoded"), None] {
        let mut request = app.chat_request(ask(MODELS[0], "hello").to_string());
        request.headers_mut().remove("content-type");
        if let Some(content_type) = content_type {
            request.headers_mut().insert("content-type", content_type.parse().expect("a header"));
        }
        assert_eq!(app.send(request).await.status, 415, "{content_type:?}");
    }
    let mut request = app.chat_request(ask(MODELS[0], "hello").to_string());
    request.headers_mut().insert("content-type", "Application/JSON; charset=utf-8".parse().expect("a header"));
    assert_eq!(app.send(request).await.status, 200);
}

#[tokio::test]
async fn an_unknown_model_is_a_404_that_suggests_near_names() {
    let app = App::start().await;
    for (model, near) in
        [("openai/gpt-4o-mni", "openai/gpt-4o-mini"), ("claude-haiku-45", "anthropic/claude-haiku-4-5")]
    {
        let answer = app.chat(&ask(model, "hello")).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (404, "model_not_found"));
        assert!(answer.text().contains(near), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_a_503_and_never_a_401() {
    let app = App::start_with(&[("DATABASE_URL", "postgresql://supergate_app@127.0.0.1:1/none?sslmode=disable")]).await;
    for answer in [app.chat(&ask(MODELS[0], "hello")).await, app.get("/v1/models").await] {
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (503, "unavailable"));
        assert!(!answer.text().contains("127.0.0.1"), "causes go to the log: {}", answer.text());
    }
    assert!(app.mock.bill().is_empty());
}

#[tokio::test]
async fn a_provider_without_a_key_is_refused_by_name() {
    let app = App::start_with(&[("CO_API_KEY", "none")]).await;
    let answer = app.chat(&ask("cohere/command-a-03-2025", "hello")).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (403, "byok_required"));
    assert!(answer.text().contains("cohere"));
}

#[tokio::test]
async fn another_method_is_a_405() {
    let app = App::start().await;
    let mut request = app.chat_request("{}");
    *request.method_mut() = http::Method::PUT;
    assert_eq!(app.send(request).await.status, 405);
}

#[tokio::test]
async fn a_handler_that_panics_is_a_500_with_a_request_id() {
    async fn broken(_: Call) -> Result<Reply, GatewayError> {
        panic!("a fault of ours")
    }
    let function = Function { name: "broken", methods: &[web::POST], clock: Arc::new(SystemClock), handler: broken };
    let request = http::Request::post("/v1/chat/completions").body(lambda_http::Body::Empty).expect("a request");
    let response = function.answer(request, AfterResponse::default()).await;
    assert_eq!(response.status(), 500);
    assert!(response.headers()["x-request-id"].to_str().is_ok_and(|id| id.starts_with("req_")));
    let body = response.into_body().collect::<Vec<_>>().await.concat();
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["error"]["code"], "internal_error");
    assert!(!body.to_string().contains("fault of ours"), "causes go to the log: {body}");
}

#[tokio::test]
async fn models_want_a_key_and_no_more() {
    let app = App::start().await;
    let mut request = app.chat_request("");
    *request.method_mut() = http::Method::GET;
    *request.uri_mut() = http::Uri::from_static("/v1/models");
    request.headers_mut().remove("authorization");
    assert_eq!(app.send(request).await.status, 401);
    app.database.superuser().await.batch_execute("update api_keys set role = 'viewer'").await.expect("an update");
    assert_eq!(app.get("/v1/models").await.status, 200, "a viewer may look");
}
