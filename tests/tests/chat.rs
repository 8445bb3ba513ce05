//! `POST /v1/chat/completions` from the door to the ledger, against the mock of the five providers.

use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::app::{App, MODELS};

fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": text}]})
}

fn streamed(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    body
}

fn provider(model: &str) -> &str {
    model.split_once('/').expect("provider/model").0
}

#[tokio::test]
async fn each_provider_answers_plain_and_leaves_one_priced_row() {
    let app = App::start().await;
    for model in MODELS {
        app.mock.reset();
        let answer = app.chat(&ask(model, "hello there")).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let body = answer.json();
        let text = body["choices"][0]["message"]["content"].as_str().expect("text");
        assert!(text.contains("hello there") && text.contains("be brief"), "{model} heard all of it: {text}");
        assert_eq!(body["object"], "chat.completion");
        assert_eq!(body["choices"][0]["finish_reason"], "stop", "{model}");
        assert_eq!(answer.header("x-supergate-provider"), provider(model));
        assert_eq!(answer.header("x-supergate-attempts"), "1");
        assert!(answer.header("x-request-id").starts_with("req_"));

        let bill = app.mock.bill();
        let rows = app.usage_events().await;
        let row = rows.last().expect("a row");
        assert_eq!(bill.len(), 1);
        assert_eq!(body["usage"]["prompt_tokens"], bill[0].input_tokens, "{model}");
        assert_eq!(body["usage"]["completion_tokens"], bill[0].output_tokens, "{model}");
        assert_eq!(row["input_tokens"], bill[0].input_tokens, "{model}");
        assert_eq!(row["output_tokens"], bill[0].output_tokens, "{model}");
        assert_eq!(
            (&row["ended"], &row["usage_source"], &row["status"]),
            (&json!("complete"), &json!("provider"), &json!(200))
        );
        let cost_nanos = row["cost_nanos"].as_i64().expect("nanos");
        assert!(cost_nanos > 0, "{model}");
        assert_eq!(answer.header("x-supergate-cost-usd"), format!("0.{cost_nanos:09}"), "{model}");
        let cost = body["usage"]["cost"].as_f64().expect("dollars");
        assert!((cost * 1e9 - cost_nanos as f64).abs() < 1e-3, "{model}: {cost} and {cost_nanos}");
    }
    assert_eq!(app.usage_events().await.len(), MODELS.len(), "one row for each request");
}

#[tokio::test]
async fn each_provider_streams_the_same_answer_with_the_usage_last() {
    let app = App::start().await;
    for model in MODELS {
        let plain = app.chat(&ask(model, "hello there")).await.json();
        let answer = app.chat(&streamed(ask(model, "hello there"))).await;
        assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
        let stream = answer.stream();
        assert!(stream.done && stream.error.is_null(), "{model}: {}", answer.text());
        assert_eq!(plain["choices"][0]["message"]["content"], stream.text.as_str(), "{model}");
        assert_eq!(stream.finish_reason, "stop", "{model}");
        assert_eq!(plain["usage"], stream.usage, "{model}");
        assert_eq!(stream.chunks[0]["choices"][0]["delta"]["role"], "assistant", "{model}: the role comes first");
        let last = stream.chunks.last().expect("chunks");
        assert_eq!(last["choices"], json!([]), "{model}: the usage has a chunk of its own");
        for chunk in &stream.chunks {
            assert_eq!(chunk["id"], stream.chunks[0]["id"], "{model}: one answer, one id");
            assert_eq!(chunk["object"], "chat.completion.chunk");
        }
        assert!(answer.pieces.len() > 3, "{model}: chunks are passed on as they come");
    }
    assert_eq!(app.usage_events().await.len(), 2 * MODELS.len());
}

#[tokio::test]
async fn a_stream_without_include_usage_has_no_usage_but_is_billed() {
    let app = App::start().await;
    for model in MODELS {
        let mut body = ask(model, "hello");
        body["stream"] = json!(true);
        let stream = app.chat(&body).await.stream();
        assert!(stream.done && stream.usage.is_null(), "{model}");
        assert!(stream.chunks.iter().all(|chunk| chunk.get("usage").is_none()), "{model}");
        let rows = app.usage_events().await;
        assert_eq!(rows.last().expect("a row")["usage_source"], "provider", "{model}");
    }
}

#[tokio::test]
async fn every_sampling_field_reaches_the_provider_or_is_named() {
    let app = App::start().await;
    for model in MODELS {
        let mut body = ask(model, "hello");
        body["temperature"] = json!(0.5);
        body["max_tokens"] = json!(50);
        body["stop"] = json!(["END"]);
        body["seed"] = json!(7);
        body["logit_bias"] = json!({"50256": -100});
        let answer = app.chat(&body).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let text = answer.json()["choices"][0]["message"]["content"].to_string();
        for heard in ["temperature 0.5", "max_tokens 50", "END"] {
            assert!(text.contains(heard), "{model} heard {heard}: {text}");
        }
        let ignored = answer.header("x-supergate-ignored-params");
        assert_eq!(ignored.contains("logit_bias"), model != MODELS[0], "{model}: {ignored}");
    }
}

#[tokio::test]
async fn cached_prompt_tokens_are_part_of_the_prompt_and_cost_less() {
    let app = App::start().await;
    for model in MODELS {
        let text = format!("mock:cached=20 {}", "word ".repeat(40));
        let body = app.chat(&ask(model, &text)).await.json();
        let usage = &body["usage"];
        assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 20, "{model}: {usage}");
        assert!(usage["prompt_tokens"].as_u64() > Some(40), "{model}: cached tokens are inside: {usage}");
        let details = &usage["cost_details"];
        let total: f64 = ["input_cost", "cached_input_cost", "cache_write_cost", "output_cost"]
            .iter()
            .map(|part| details[part].as_f64().expect("dollars"))
            .sum();
        assert!((total - usage["cost"].as_f64().expect("dollars")).abs() < 2e-9, "{model}: {usage}");
    }
}

#[tokio::test]
async fn an_answer_that_meets_its_limit_says_so() {
    let app = App::start().await;
    for model in MODELS {
        let mut body = ask(model, "mock:words=30");
        body["max_completion_tokens"] = json!(5);
        assert_eq!(app.chat(&body).await.json()["choices"][0]["finish_reason"], "length", "{model}");
        assert_eq!(app.chat(&streamed(body)).await.stream().finish_reason, "length", "{model}");
    }
}

#[tokio::test]
async fn a_model_is_also_found_by_its_bare_name() {
    let app = App::start().await;
    for model in MODELS {
        let bare = model.split_once('/').expect("provider/model").1;
        assert_eq!(app.chat(&ask(bare, "hello")).await.header("x-supergate-provider"), provider(model));
    }
}

#[tokio::test]
async fn a_providers_error_becomes_the_contracts() {
    let app = App::start().await;
    #[rustfmt::skip]
    let table = [
        (400, 400, "",                    "the caller's mistake stays one"),
        (401, 502, "provider_auth",       "ours to mend: never a 401"),
        (403, 502, "provider_auth",       "the same"),
        (413, 413, "request_too_large",   "too large there is too large"),
        (429, 429, "rate_limit_exceeded", "SDKs wait"),
        (500, 502, "provider_error",      "SDKs retry"),
        (503, 502, "provider_error",      "SDKs retry"),
        (529, 502, "provider_error",      "overloaded, by Anthropic's number"),
    ];
    for model in MODELS {
        for (theirs, ours, code, why) in table {
            for body in
                [ask(model, &format!("mock:status={theirs}")), streamed(ask(model, &format!("mock:status={theirs}")))]
            {
                let answer = app.chat(&body).await;
                assert_eq!(answer.status, ours, "{model} {theirs}: {why}: {}", answer.text());
                if !code.is_empty() {
                    assert_eq!(answer.error_code(), code, "{model} {theirs}");
                }
                assert_eq!(answer.header("content-type"), "application/json", "{model} {theirs}");
                assert!(!answer.text().contains("test-key"), "{model} {theirs}: no piece of a credential");
            }
        }
        let limited = app.chat(&ask(model, "mock:status=429")).await;
        assert_eq!(limited.header("retry-after"), "2", "{model}: {:?}", limited.headers);
    }
    for row in app.usage_events().await {
        assert_eq!(
            (&row["ended"], &row["cost_nanos"], &row["usage_source"]),
            (&json!("failed"), &json!(0), &json!("none"))
        );
    }
}

#[tokio::test]
async fn what_is_no_answer_of_the_provider_is_a_502() {
    let app = App::start().await;
    for model in MODELS {
        for (says, ended) in [("mock:malformed", "failed"), ("mock:html", "failed")] {
            let answer = app.chat(&ask(model, says)).await;
            assert_eq!(
                (answer.status.as_u16(), answer.error_code().as_str()),
                (502, "provider_error"),
                "{model} {says}"
            );
            assert!(!answer.text().contains("<html"), "{model}: {}", answer.text());
            assert_eq!(app.usage_events().await.last().expect("a row")["ended"], ended, "{model} {says}");
        }
        let cut = app.chat(&ask(model, "mock:cut=20")).await;
        assert_eq!(cut.status, 502, "{model}: half an answer is none: {}", cut.text());
    }
}

#[tokio::test]
async fn a_stream_that_the_provider_cuts_ends_in_an_error_and_says_truncated_in_the_ledger() {
    let app = App::start().await;
    for model in MODELS {
        for events in [0, 1, 2, 4, 6] {
            let text = format!("mock:cut={events} and more words so that the stream is longer than the cut");
            let answer = app.chat(&streamed(ask(model, &text))).await;
            let stream = answer.stream();
            assert!(!stream.done, "{model} after {events}: no clean end");
            assert_eq!(stream.error["code"], "provider_stream_truncated", "{model} after {events}: {}", answer.text());
            let rows = app.usage_events().await;
            let row = rows.last().expect("a row");
            assert_eq!(
                (&row["ended"], &row["usage_source"]),
                (&json!("truncated"), &json!("counted")),
                "{model} after {events}"
            );
            assert!(row["cost_nanos"].as_i64() > Some(0), "{model} after {events}: the provider bills what it made");
        }
    }
}

#[tokio::test]
async fn an_error_inside_a_stream_reaches_the_caller_as_one() {
    let app = App::start().await;
    for model in MODELS {
        let answer = app.chat(&streamed(ask(model, "mock:error_event with several words"))).await;
        let stream = answer.stream();
        assert!(!stream.done && stream.error.is_object(), "{model}: {}", answer.text());
        assert_eq!(app.usage_events().await.last().expect("a row")["ended"], "failed", "{model}");
    }
}

#[tokio::test]
async fn a_caller_who_leaves_is_billed_for_what_the_provider_did() {
    let app = App::start().await;
    for (i, model) in MODELS.into_iter().enumerate() {
        let request = app.chat_request(streamed(ask(model, "mock:words=60")).to_string());
        let (response, after) = app.begin(request).await;
        let mut body = response.into_body();
        for _ in 0..=i {
            body.next().await.expect("more to come");
        }
        drop(body);
        after.run().await;
        let rows = app.usage_events().await;
        let row = rows.last().expect("a row");
        assert_eq!(rows.len(), i + 1, "{model}: exactly one row");
        assert_eq!((&row["ended"], &row["output_tokens"]), (&json!("complete"), &json!(60)), "{model}");
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_a_502_and_free() {
    let app = App::start_with(&[("SUPERGATE_OPENAI_URL", "http://127.0.0.1:1")]).await;
    let answer = app.chat(&ask("openai/gpt-4o-mini", "hello")).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (502, "provider_error"));
    assert_eq!(app.usage_events().await[0]["cost_nanos"], 0);
}

#[tokio::test]
async fn a_provider_that_takes_too_long_is_a_504_and_is_not_asked_again() {
    let app = App::start_with(&[("UPSTREAM_TIMEOUT_S", "1")]).await;
    let answer = app.chat(&ask(MODELS[1], "mock:delay=5000")).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (504, "provider_timeout"));
    let rows = app.usage_events().await;
    assert_eq!((rows.len(), &rows[0]["usage_source"]), (1, &json!("counted")), "it may be billed, so it is counted");
}

#[tokio::test]
async fn the_callers_headers_and_key_never_leave() {
    let app = App::start().await;
    for model in MODELS {
        let mut request = app.chat_request(ask(model, "hello").to_string());
        for (name, value) in [("x-canary", "canary"), ("openai-organization", "canary"), ("anthropic-beta", "canary")] {
            request.headers_mut().insert(name, value.parse().expect("a header"));
        }
        assert_eq!(app.send(request).await.status, 200);
        let sent = format!("{:?}", app.mock.requests().last().expect("a request"));
        assert!(!sent.contains("canary") && !sent.contains("sg_live"), "{model}: {sent}");
    }
}

#[tokio::test]
async fn models_are_listed_and_described() {
    let app = App::start().await;
    let list = app.get("/v1/models").await.json();
    assert_eq!(list["object"], "list");
    let models = list["data"].as_array().expect("models");
    assert!(models.len() > 200);
    for id in MODELS {
        let listed = models.iter().find(|model| model["id"] == id).unwrap_or_else(|| panic!("{id} is listed"));
        assert!(listed["pricing"]["prompt"].as_str().is_some_and(|price| price.starts_with("0.0")), "{id}");
        for path in [format!("/v1/models/{id}"), format!("/v1/models/{}", id.replace('/', "%2F"))] {
            assert_eq!(&app.get(&path).await.json(), listed, "{path}");
        }
    }
    let unknown = app.get("/v1/models/openai/nothing").await;
    assert_eq!((unknown.status.as_u16(), unknown.error_code().as_str()), (404, "model_not_found"));
}

#[tokio::test]
async fn the_time_that_is_ours_begins_when_the_request_comes_and_not_when_the_provider_is_asked() {
    let app = App::start().await;
    let keys_are_away = app.database.superuser().await;
    keys_are_away.batch_execute("begin; lock table api_keys").await.expect("a lock");
    let watcher = app.database.superuser().await;
    let body = ask(MODELS[0], "hello");
    let release = async {
        let waits = "select 1 from pg_locks where not granted and relation = 'api_keys'::regclass";
        while watcher.query(waits, &[]).await.expect("the locks").is_empty() {
            tokio::task::yield_now().await;
        }
        app.clock.advance(Duration::from_secs(5));
        keys_are_away.batch_execute("commit").await.expect("the end of the lock");
    };
    let (answer, ()) = futures_util::join!(app.chat(&body), release);
    let overhead_ms: f64 = answer.header("x-supergate-overhead-ms").parse().expect("milliseconds");
    assert!(overhead_ms >= 5000.0, "checking the key is our time: {overhead_ms}");
    assert!(app.usage_events().await[0]["latency_ms"].as_i64() >= Some(5000), "and the caller waited for it");
}
