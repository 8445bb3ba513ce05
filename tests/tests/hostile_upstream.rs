//! A provider, or what stands before it, that sends what no honest one would: the caller gets a clear error, the ledger a sound row.

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use supergate_tests::{
    app::{Answer, App},
    canned::{Canned, Then},
};

const MODEL: &str = "openai/gpt-4o-mini";

async fn asked(upstream: &Canned, stream: bool) -> (Answer, Vec<Value>) {
    let app =
        App::start_with(&[("SUPERGATE_OPENAI_URL", &upstream.url()), ("OPENAI_API_KEY", "sk-canary-secret-123456")])
            .await;
    let answer =
        app.chat(&json!({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "hello"}]})).await;
    let rows = app.usage_events().await;
    (answer, rows)
}

fn completion(extra: &Value) -> String {
    let mut body = json!({
        "id": "a", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    });
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    body.to_string()
}

#[tokio::test]
async fn an_error_whose_body_never_ends_is_answered_by_its_status() {
    let stalled = b"HTTP/1.1 500 X\r\ncontent-length: 100\r\n\r\n{".to_vec();
    let upstream = Canned::start(stalled, Then::Wait).await;
    let begun = Instant::now();
    let (answer, rows) = asked(&upstream, false).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (502, "provider_error"));
    assert!(begun.elapsed() < Duration::from_secs(20), "a sentence of an error is not worth more");
    assert_eq!((rows.len(), &rows[0]["cost_nanos"]), (1, &json!(0)));
}

#[tokio::test]
async fn megabytes_that_are_no_answer_are_not_charged_as_one() {
    let page = format!("<html>{}</html>", "x".repeat(8 << 20));
    for stream in [false, true] {
        let upstream = Canned::answer(200, "text/html", &page).await;
        let (answer, rows) = asked(&upstream, stream).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (502, "provider_error"));
        assert_eq!((rows.len(), &rows[0]["output_tokens"]), (1, &json!(0)), "{}", rows[0]);
        assert!(rows[0]["cost_nanos"].as_i64() < Some(10_000), "{}", rows[0]);
    }
}

#[tokio::test]
async fn a_name_that_no_table_can_hold_does_not_lose_the_row() {
    for model in ["gpt\u{0}x".to_owned(), "x".repeat(1 << 20)] {
        let upstream = Canned::answer(200, "application/json", completion(&json!({"model": model, "id": model}))).await;
        let (answer, rows) = asked(&upstream, false).await;
        assert_eq!(answer.status, 200);
        assert_eq!(rows.len(), 1, "exactly one row");
        assert!(answer.bytes().len() < 4096, "what is no name is not passed on");
    }
}

#[tokio::test]
async fn counts_that_cannot_be_right_are_not_believed() {
    let huge = 1_u64 << 63;
    for usage in [
        json!({"prompt_tokens": u64::MAX, "completion_tokens": u64::MAX}),
        json!({"prompt_tokens": 1, "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": huge, "cache_write_tokens": huge}}),
    ] {
        let upstream = Canned::answer(200, "application/json", completion(&json!({"usage": usage}))).await;
        let (answer, rows) = asked(&upstream, false).await;
        assert_eq!(answer.status, 200);
        assert_eq!((rows.len(), &rows[0]["usage_source"]), (1, &json!("counted")), "{usage}");
        assert!(rows[0]["cost_nanos"].as_i64() < Some(10_000), "{usage}: {}", rows[0]);
    }
}

#[tokio::test]
async fn a_stream_without_a_finish_reason_has_not_finished() {
    let chunk = |delta: Value| {
        format!("data: {}\n\n", json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": delta}]}))
    };
    for events in [String::new(), chunk(json!({"role": "assistant"})), chunk(json!({"content": "hello"}))] {
        let upstream = Canned::answer(200, "text/event-stream", format!("{events}data: [DONE]\n\n")).await;
        let (answer, rows) = asked(&upstream, true).await;
        let stream = answer.stream();
        assert!(!stream.done, "{}", answer.text());
        assert_eq!(stream.error["code"], "provider_stream_truncated");
        assert_eq!((rows.len(), &rows[0]["ended"]), (1, &json!("truncated")));
    }
}

#[tokio::test]
async fn a_provider_that_quotes_the_credential_is_not_repeated() {
    let error = json!({"error": {
        "message": "bad key Bearer sk-canary-secret-123456", "type": "invalid_request_error",
        "code": "sk-canary-secret-123456", "param": "sk-canary-secret-123456",
    }});
    for status in [400, 401, 429, 500] {
        for stream in [false, true] {
            let upstream = Canned::answer(status, "application/json", error.to_string()).await;
            let (answer, _) = asked(&upstream, stream).await;
            assert!(!answer.text().contains("canary"), "{status}: {}", answer.text());
        }
    }
    let upstream = Canned::answer(200, "text/event-stream", format!("data: {error}\n\n")).await;
    let (answer, _) = asked(&upstream, true).await;
    assert!(!answer.text().contains("canary"), "{}", answer.text());
}

#[tokio::test]
async fn a_plain_answer_that_breaks_off_says_truncated_in_the_ledger() {
    let half = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"id\":".to_vec();
    let upstream = Canned::start(half, Then::Close).await;
    let (answer, rows) = asked(&upstream, false).await;
    assert_eq!(answer.status, 502);
    assert_eq!((rows.len(), &rows[0]["ended"]), (1, &json!("truncated")));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Canned::answer(200, "application/json", completion(&json!({}))).await;
    let redirect = format!("HTTP/1.1 307 X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
    let upstream = Canned::start(redirect.into_bytes(), Then::Close).await;
    let (answer, _) = asked(&upstream, false).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (502, "provider_error"));
}

#[tokio::test]
async fn a_database_that_takes_connections_and_says_nothing_is_a_503() {
    let silent = Canned::start(Vec::new(), Then::Wait).await;
    let url = silent.url().replace("http://", "postgresql://supergate_app@") + "/none?sslmode=disable";
    let app = App::start_with(&[("DATABASE_URL", &url), ("DATABASE_CONNECT_TIMEOUT_S", "1")]).await;
    let answer = app.get("/v1/models").await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (503, "unavailable"));
}

#[tokio::test]
async fn a_field_name_that_no_header_can_hold_is_still_named() {
    let app = App::start().await;
    let name = format!("\u{e9}\r\nx{}", "y".repeat(9000));
    let mut body = json!({"model": "cohere/command-a-03-2025", "messages": [{"role": "user", "content": "hello"}]});
    body[name.as_str()] = json!(1);
    body["user"] = json!("someone");
    let ignored = app.chat(&body).await.header("x-supergate-ignored-params").to_owned();
    assert!(ignored.contains("user") && ignored.contains("???x") && ignored.len() < 200, "{ignored}");
}

#[tokio::test]
async fn of_two_credentials_neither_counts() {
    let app = App::start().await;
    for name in ["authorization", "x-api-key", "api-key", "x-goog-api-key"] {
        let mut request =
            app.chat_request(json!({"model": MODEL, "messages": [{"role": "user", "content": "a"}]}).to_string());
        request.headers_mut().append(name, "Bearer other".parse().expect("a header"));
        let answer = app.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (400, "several_credentials"), "{name}");
    }
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive_by_comments() {
    let app = App::start_with(&[("STREAM_KEEP_ALIVE_S", "1")]).await;
    let body =
        json!({"model": MODEL, "stream": true, "messages": [{"role": "user", "content": "mock:chunk_delay=1300 hi"}]});
    let answer = app.chat(&body).await;
    assert!(answer.text().contains(": keep-alive\n\n"), "{}", answer.text());
    assert!(answer.stream().done, "and it goes on");
}

#[tokio::test]
async fn a_provider_that_repeats_the_prompt_is_not_repeated() {
    const PROMPT: &str = "the canary sings of the merger on Tuesday";
    let table = [
        format!("Invalid value: '{PROMPT}'."),
        format!("could not read {PROMPT} as JSON"),
        "messages.0.content: the canary sings of the mer... is too odd".to_owned(),
        format!("1 validation error [type=string, input_value='{PROMPT}', input_type=str]"),
    ];
    for message in table {
        let error = json!({"error": {"message": message, "type": "invalid_request_error", "code": "invalid_value"}});
        let upstream = Canned::answer(400, "application/json", error.to_string()).await;
        let app = App::start_with(&[("SUPERGATE_OPENAI_URL", &upstream.url()), ("OPENAI_API_KEY", "sk-canary")]).await;
        let answer = app.chat(&json!({"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]})).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (400, "invalid_value"));
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
}

#[tokio::test]
async fn the_providers_id_of_a_request_is_told_with_an_answer_and_with_an_error() {
    let refusal = json!({"error": {"message": "no", "type": "invalid_request_error", "code": null}}).to_string();
    let chunk =
        json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]});
    let events = format!("data: {chunk}\n\ndata: [DONE]\n\n");
    let table = [
        (200, "application/json", completion(&json!({})), false),
        (200, "text/event-stream", events, true),
        (400, "application/json", refusal, false),
    ];
    for (status, content_type, body, stream) in table {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\nx-request-id: req_theirs\r\n");
        let bytes = format!("{head}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let upstream = Canned::start(bytes.into_bytes(), Then::Close).await;
        let (answer, _) = asked(&upstream, stream).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.header("x-supergate-provider-request-id"), "req_theirs", "{status} {content_type}");
    }
}

/// Google says why it refuses a prompt with a 200 and no answer, and counts it.
#[tokio::test]
async fn a_prompt_that_google_blocks_is_a_content_filter_error_and_is_billed() {
    let body = json!({
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 1000, "totalTokenCount": 1000}, "modelVersion": "gemini-2.5-flash",
    });
    for stream in [false, true] {
        let (content_type, body) = match stream {
            true => ("text/event-stream", format!("data: {body}\n\n")),
            false => ("application/json", body.to_string()),
        };
        let upstream = Canned::answer(200, content_type, body).await;
        let app =
            App::start_with(&[("SUPERGATE_GOOGLE_URL", &upstream.url()), ("GEMINI_API_KEY", "AIza-canary")]).await;
        let messages = json!([{"role": "user", "content": "hello"}]);
        let answer =
            app.chat(&json!({"model": "google/gemini-2.5-flash", "stream": stream, "messages": messages})).await;
        let error = if stream { answer.stream().error } else { answer.json()["error"].clone() };
        assert_eq!((&error["code"], &error["type"]), (&json!("content_filter"), &json!("invalid_request_error")));
        assert_eq!(answer.status.as_u16(), if stream { 200 } else { 400 });
        let rows = app.usage_events().await;
        assert_eq!((rows.len(), &rows[0]["ended"], &rows[0]["input_tokens"]), (1, &json!("failed"), &json!(1000)));
        assert!(rows[0]["cost_nanos"].as_i64() > Some(0), "{}", rows[0]);
    }
}
