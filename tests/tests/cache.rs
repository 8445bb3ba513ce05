//! The cache in the gateway: who asks again gets the answer again, whoever fails, and nobody gets another's.

#[path = "cache/control.rs"]
mod control;
#[path = "cache/elsewhere.rs"]
mod elsewhere;
#[path = "cache/failures.rs"]
mod failures;
#[path = "cache/isolation.rs"]
mod isolation;
#[path = "cache/semantic.rs"]
mod semantic;

use http::HeaderName;
use serde_json::{Value, json};
use supergate_tests::app::{Answer, App, MODELS};

/// With the cache on, and what a test says besides.
async fn start_with(vars: &[(&str, &str)]) -> App {
    let vars: Vec<_> = [("SUPERGATE_CACHE", "on")].iter().chain(vars).copied().collect();
    App::start_with(&vars).await
}

async fn start() -> App {
    start_with(&[]).await
}

fn ask(text: &str) -> Value {
    json!({"model": MODELS[0], "messages": [{"role": "user", "content": text}]})
}

fn streamed(text: &str) -> Value {
    let mut body = ask(text);
    (body["stream"], body["stream_options"]) = (json!(true), json!({"include_usage": true}));
    body
}

/// What one says of the cache in the headers.
async fn say(app: &App, body: &Value, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = app.chat_request(body.to_string());
    for (name, value) in headers {
        request.headers_mut().append(HeaderName::from_static(name), value.parse().expect("a value"));
    }
    app.send(request).await
}

/// The header, after an answer that is one.
fn said(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-supergate-cache")
}

/// What a client puts together of an answer, plain or streamed.
fn object(answer: &Answer) -> Value {
    if !answer.header("content-type").starts_with("text/event-stream") {
        return answer.json();
    }
    let stream = answer.stream();
    assert!(stream.done && stream.error.is_null(), "{}", answer.text());
    let mut object = stream.chunks[0].clone();
    object["object"] = json!("chat.completion");
    object["choices"] = json!([{
        "index": 0,
        "message": {"role": object["choices"][0]["delta"]["role"], "content": stream.text, "refusal": null},
        "logprobs": null,
        "finish_reason": stream.finish_reason,
    }]);
    object["usage"] = stream.usage;
    object
}

#[tokio::test]
async fn a_hit_is_the_same_object_as_the_miss_whoever_streamed() {
    let app = start().await;
    for model in MODELS {
        for (writer, reader) in [(false, false), (false, true), (true, false), (true, true)] {
            let text = format!("what is in box {writer} {reader}? mock:words=40");
            let body = |streams| {
                let mut body = if streams { streamed(&text) } else { ask(&text) };
                body["model"] = json!(model);
                body
            };
            app.mock.reset();
            let (miss, hit) = (app.chat(&body(writer)).await, app.chat(&body(reader)).await);
            let why = format!("{model}: written {writer}, read {reader}");
            assert_eq!((said(&miss), said(&hit)), ("MISS", "HIT"), "{why}");
            assert_eq!(app.mock.requests().len(), 1, "{why}: the provider is asked once");
            let (miss, hit) = (object(&miss), object(&hit));
            assert_eq!(hit["choices"][0]["message"]["content"], miss["choices"][0]["message"]["content"], "{why}");
            assert_eq!(hit, miss, "{why}");
        }
    }
}

#[tokio::test]
async fn a_hit_costs_nothing_says_what_it_is_and_leaves_its_row() {
    let app = start().await;
    let miss = app.chat(&ask("What is the capital of France?")).await;
    app.clock.advance(std::time::Duration::from_secs(90));
    let exact = app.chat(&ask("What is the capital of France?")).await;
    let canonical = app.chat(&ask("what's the capital of France")).await;
    assert_eq!((said(&miss), said(&exact), said(&canonical)), ("MISS", "HIT", "HIT"));
    assert_eq!(
        (exact.header("x-supergate-cache-tier"), canonical.header("x-supergate-cache-tier")),
        ("exact", "canonical")
    );
    assert_eq!(exact.header("x-supergate-cost-usd"), "0.000000000");
    assert_eq!((exact.header("x-supergate-provider"), exact.header("x-supergate-attempts")), ("openai", "0"));
    assert!((90..100).contains(&exact.header("age").parse::<u32>().expect("seconds")));
    let id = exact.header("x-supergate-cache-id").to_owned();
    assert!(!id.is_empty() && id == canonical.header("x-supergate-cache-id"), "one entry");
    assert_eq!((miss.header("age"), miss.header("x-supergate-cache-id")), ("", ""));
    let rows = app.usage_events().await;
    let outcomes: Vec<&str> = rows.iter().map(|row| row["cache"].as_str().expect("an outcome")).collect();
    assert_eq!(outcomes, ["miss", "hit", "canonical_hit"]);
    let cost = rows[0]["cost_nanos"].as_i64().expect("a cost");
    assert!(cost > 0);
    for row in &rows[1..] {
        assert_eq!((&row["cost_nanos"], &row["status"], &row["ended"]), (&json!(0), &json!(200), &json!("complete")));
        assert_eq!((&row["input_tokens"], &row["usage_source"]), (&json!(0), &json!("none")), "nothing was used");
    }
    assert_eq!(rows[1]["saved_nanos"], json!(cost), "the same prompt at the same price");
    assert!(rows[1]["saved_ms"].is_number());
    let hits = "select hits from cache_entries";
    let hits: i64 = app.database.superuser().await.query_one(hits, &[]).await.expect("an entry").get(0);
    assert_eq!(hits, 2);
}

#[tokio::test]
async fn hits_count_against_the_limit_of_requests_and_give_back_money_and_tokens() {
    let app = start().await;
    let key = app.new_key(&app.api_key, json!({"name": "few", "role": "member", "limits": {"rpm": 3}})).await;
    let key = key["key"].as_str().expect("a key").to_owned();
    let send = || async {
        let mut request = app.chat_request(ask("hello there").to_string());
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().expect("a value"));
        app.send(request).await
    };
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(send().await);
    }
    let told: Vec<_> =
        answers.iter().map(|answer| (answer.status.as_u16(), answer.header("x-supergate-cache"))).collect();
    assert_eq!(told, [(200, "MISS"), (200, "HIT"), (200, "HIT"), (429, "")]);
}

#[tokio::test]
async fn an_idempotency_key_and_the_cache_work_together() {
    let app = start().await;
    let first = app.chat(&ask("hello")).await;
    assert_eq!(said(&first), "MISS");
    let with_key = [("idempotency-key", "a-key-of-the-tests-0001")];
    let hit = say(&app, &ask("hello"), &with_key).await;
    assert_eq!((said(&hit), hit.header("idempotent-replayed")), ("HIT", ""));
    let replayed = say(&app, &ask("hello"), &with_key).await;
    assert_eq!((replayed.status.as_u16(), replayed.header("idempotent-replayed")), (200, "true"), "made once");
    assert_eq!(replayed.bytes(), hit.bytes());
    assert_eq!(app.mock.requests().len(), 1);
    let rows = app.usage_events().await;
    assert_eq!(rows.len(), 2, "a replay has no row of its own: {rows:?}");
}

#[tokio::test]
async fn what_did_not_end_in_stop_is_not_kept() {
    let app = start().await;
    #[rustfmt::skip]
    let table = [
        ("cut short mock:words=40",               json!({"max_tokens": 5}),  200, "the provider stopped at the limit"),
        ("an error mock:status=500",              json!({}),                 502, "an error"),
        ("broken mock:words=40 mock:malformed",   json!({}),                 502, "what cannot be read"),
        ("cut mock:words=40 mock:cut=5",          json!({"stream": true}),   200, "a stream that broke off"),
        ("error mock:words=40 mock:error_event",  json!({"stream": true}),   200, "a stream that failed"),
    ];
    for (text, more, status, why) in table {
        let mut body = ask(text);
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        app.mock.reset();
        for _ in 0..2 {
            let answer = app.chat(&body).await;
            assert_eq!(answer.status.as_u16(), status, "{why}: {}", answer.text());
            assert_ne!(answer.header("x-supergate-cache"), "HIT", "{why}");
        }
        assert_eq!(app.mock.requests().len(), 2, "{why}");
    }
}

#[tokio::test]
async fn a_stream_whose_caller_left_is_kept_all_the_same() {
    let app = start().await;
    let (response, after) = app.begin(app.chat_request(streamed("a long one mock:words=60").to_string())).await;
    drop(response);
    after.run().await;
    let hit = app.chat(&ask("a long one mock:words=60")).await;
    assert_eq!(said(&hit), "HIT");
}
