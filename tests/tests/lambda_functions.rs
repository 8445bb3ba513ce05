//! The real binaries behind an emulated Lambda: what only the runtime, the layer around it and the process can break.

use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::{
    app::{MODELS, StreamedAnswer},
    lambda::{Function, Stack, Version, http_event},
    postgres::connect,
};

const SOON: Duration = Duration::from_secs(30);

fn chat_event(stack: &Stack, body: &Value, version: Version) -> Value {
    let authorization = format!("Bearer {}", stack.api_key());
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    http_event("POST", "/v1/chat/completions", &headers, body.to_string(), version)
}

fn ask(model: &str, text: &str, stream: bool) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}], "stream": stream})
}

async fn rows(stack: &Stack) -> Vec<Value> {
    let client = connect(&stack.database_url()).await;
    let rows =
        client.query("select to_jsonb(e) from usage_events e order by request_id", &[]).await.expect("the ledger");
    rows.iter().map(|row| row.get(0)).collect()
}

async fn start(stack: &Stack, name: &str) -> Function {
    stack.function(name).start().await.unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[tokio::test]
async fn one_binary_answers_plain_and_streamed_and_writes_the_ledger_after_the_response() {
    let stack = Stack::start().await;
    let chat = start(&stack, "chat-completions").await;
    let mut expected = 0;
    for model in MODELS {
        for version in [Version::V1, Version::V2] {
            let plain = chat.invoke(chat_event(&stack, &ask(model, "hello", false), version), SOON).await;
            assert_eq!(plain.status, 200, "{model}");
            let plain = plain.json().await;
            let text = plain["choices"][0]["message"]["content"].as_str().expect("text").to_owned();

            let streamed = chat.invoke(chat_event(&stack, &ask(model, "hello", true), version), SOON).await;
            assert!(streamed.streamed, "{model}: Lambda is told that it is a stream");
            assert_eq!(streamed.headers["content-type"], "text/event-stream; charset=utf-8");
            let answer = StreamedAnswer::read(&streamed.text().await);
            assert!(answer.done, "{model}");
            assert_eq!(answer.text, text, "{model}: the same answer either way");

            // The next poll comes only when the work after the response is done.
            chat.idle().await;
            expected += 2;
            assert_eq!(rows(&stack).await.len(), expected, "{model}: one row for each request");
        }
    }
    let log = chat.logs().join("\n");
    assert!(log.contains("answered") && log.contains("\"function\":\"chat-completions\""), "{log}");
    for secret in [stack.api_key(), "hello", "test-key"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    stack.close().await;
}

#[tokio::test]
async fn a_lost_connection_to_the_runtime_neither_ends_the_process_nor_loses_the_row() {
    let stack = Stack::start().await;
    let chat = start(&stack, "chat-completions").await;
    let event = chat_event(&stack, &ask("openai/gpt-4o-mini", "mock:words=80 mock:chunk_delay=5", true), Version::V2);
    // Whether the part that came counts as a reply does not matter here.
    drop(chat.invoke_and_hang_up(event, SOON, 2000).await);
    chat.idle().await;
    let ledger = rows(&stack).await;
    assert_eq!(ledger.len(), 1, "exactly one row");
    assert_eq!(
        (&ledger[0]["ended"], &ledger[0]["output_tokens"]),
        (&json!("complete"), &json!(80)),
        "billed to its end"
    );
    let again = chat.invoke(chat_event(&stack, &ask("openai/gpt-4o-mini", "hello", false), Version::V2), SOON).await;
    assert_eq!(again.status, 200, "the same process serves on");
    stack.close().await;
}

#[tokio::test]
async fn a_stream_ends_with_an_error_before_lambda_stops_the_function() {
    let stack = Stack::start().await;
    let chat = start(&stack, "chat-completions").await;
    let event = chat_event(&stack, &ask("openai/gpt-4o-mini", "mock:words=400 mock:chunk_delay=50", true), Version::V2);
    let reply = chat.invoke(event, Duration::from_millis(6500)).await;
    let answer = StreamedAnswer::read(&reply.text().await);
    assert_eq!(answer.error["code"], "gateway_deadline");
    assert!(!answer.done && !answer.text.is_empty(), "what came before the deadline reached the caller");
    chat.idle().await;
    assert_eq!(rows(&stack).await[0]["ended"], "deadline");
    stack.close().await;
}

#[tokio::test]
async fn many_requests_at_a_time_are_served_by_one_process() {
    let stack = Stack::start().await;
    let chat = stack.function("chat-completions").concurrency(8).start().await.expect("it starts");
    let event = chat_event(&stack, &ask("openai/gpt-4o-mini", "mock:delay=200", false), Version::V2);
    let calls = (0..8).map(|_| chat.invoke(event.clone(), SOON));
    let replies = futures_util::future::join_all(calls).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    chat.idle().await;
    assert_eq!(rows(&stack).await.len(), 8);
    stack.close().await;
}

#[tokio::test]
async fn models_and_health_answer_through_a_buffered_integration() {
    let stack = Stack::start().await;
    let models = start(&stack, "models").await;
    let authorization = format!("Bearer {}", stack.api_key());
    let headers = [("authorization", authorization.as_str())];
    for version in [Version::V1, Version::V2] {
        let reply = models.invoke(http_event("GET", "/v1/models", &headers, "", version), SOON).await;
        assert!(!reply.streamed, "a buffered integration cannot read a prelude");
        assert_eq!(reply.status, 200);
        assert!(reply.json().await["data"].as_array().is_some_and(|data| data.len() > 200));
    }
    let health = start(&stack, "health").await;
    let reply = health.invoke(http_event("GET", "/health", &[], "", Version::V1), SOON).await;
    let report = reply.json().await;
    assert_eq!(report["checks"][0]["name"], "database", "{report}");
    assert_eq!(report["checks"][0]["status"], "ok", "{report}");
    stack.close().await;
}

#[tokio::test]
async fn the_rotation_runs_as_its_own_role_and_says_what_it_did() {
    let stack = Stack::start().await;
    let rotation = start(&stack, "rotation").await;
    let report = rotation.invoke(json!({"action": "data_keys"}), SOON).await.json().await;
    assert_eq!(report, json!({"rewrapped": 5, "failed": 0, "erased": 0, "next": null}));
    let report = rotation.invoke(json!({"action": "rewrap", "older_than_days": 30}), SOON).await.json().await;
    assert_eq!(report["rewrapped"], 0, "what was just sealed can wait");
    // The whole of the invocation's time is less than what one credential may take.
    let report = rotation.invoke(json!({}), Duration::from_secs(15)).await.json().await;
    assert_eq!((&report["rewrapped"], &report["next"]["action"]), (&json!(0), &json!("rewrap")), "{report}");
    stack.close().await;
}

#[tokio::test]
async fn a_function_without_its_configuration_says_all_that_is_missing() {
    let stack = Stack::start().await;
    let launch = stack.function("chat-completions").env("DATABASE_URL", "").env("SUPERGATE_KEY_PEPPER", "short");
    let Err(error) = launch.start().await else { panic!("it must not start") };
    let log = error.logs.join("\n");
    for missing in ["DATABASE_URL is not set", "SUPERGATE_KEY_PEPPER must have at least 32 characters"] {
        assert!(log.contains(missing), "{missing}: {log}");
    }
    stack.close().await;
}
