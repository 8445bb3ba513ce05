//! Requests and tokens in a minute, and requests at the same time.

use super::{App, MODEL, ask, chat, item, key_with, limit, request, streamed};
use futures_util::StreamExt;
use serde_json::json;
use std::time::Duration;

fn retry_after(answer: &super::Answer) -> u64 {
    answer.header("retry-after").parse().unwrap_or_else(|_| panic!("no retry-after: {:?}", answer.headers))
}

#[tokio::test]
async fn a_key_may_ask_as_often_in_a_minute_as_its_limit_says() {
    let app = App::start().await;
    let (key, id) = key_with(&app, &json!({"rpm": 3})).await;
    for left in ["2", "1", "0"] {
        let answer = chat(&app, &key, &ask("hello")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "3");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left);
        let reset = answer.header("x-ratelimit-reset-requests");
        assert!(reset.starts_with("1m0") || reset.starts_with("59."), "the minute of the last request: {reset}");
        assert_eq!(answer.header("x-ratelimit-limit-tokens"), "", "there is no such limit");
    }
    let refused = chat(&app, &key, &ask("hello")).await;
    assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(refused.json()["error"]["type"], "requests");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
    let wait = retry_after(&refused);
    assert!((50..=60).contains(&wait), "the first request is some seconds old: {wait}");
    assert!(refused.text().contains("this key may use 3 requests per minute"), "{}", refused.text());
    assert_eq!(app.mock.bill().len(), 3, "a refused request never reaches the provider");

    let owner = app.chat(&ask("hello")).await;
    assert_eq!(owner.status, 200, "another key of the tenant has no limit");

    app.clock.advance(Duration::from_secs(wait));
    let answer = chat(&app, &key, &ask("hello")).await;
    assert_eq!(answer.status, 200, "after `retry-after` there is room: {}", answer.text());
    let state = item(&app, Some(&id)).await;
    assert!(state.entries.is_empty() && state.number("f") == 0, "nothing is left open: {state:?}");
}

#[tokio::test]
async fn what_is_refused_consumes_nothing() {
    let app = App::start().await;
    limit(&app, None, Some(10), None, None).await;
    let (key, _) = key_with(&app, &json!({"rpm": 1})).await;
    let (other, _) = key_with(&app, &json!({"rpm": 50})).await;
    let first = chat(&app, &key, &ask("hello")).await;
    assert_eq!(first.header("x-ratelimit-limit-requests"), "1", "the narrower of key and tenant is told");
    for _ in 0..20 {
        assert_eq!(chat(&app, &key, &ask("hello")).await.status, 429);
    }
    let answer = chat(&app, &other, &ask("hello")).await;
    assert_eq!(answer.header("x-ratelimit-limit-requests"), "10");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "8", "two requests were admitted");
    // The first of them asked the table, and took back what it had of the tenant; the others were known.
    let state = item(&app, None).await;
    let requests: i64 = state.numbers.iter().filter(|(name, _)| name.starts_with('r')).map(|(_, count)| count).sum();
    assert_eq!((requests, state.number("f")), (2, 0), "{state:?}");
}

#[tokio::test]
async fn tokens_are_reserved_for_the_longest_answer_and_settled_with_the_real_one() {
    let app = App::start().await;
    let (key, _) = key_with(&app, &json!({"tpm": 150})).await;
    let (response, after) = app.begin(request(&key, &streamed("hello"))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-ratelimit-limit-tokens"], "150");
    assert_eq!(
        response.headers()["x-ratelimit-remaining-tokens"],
        "48",
        "two for the prompt, a hundred for the answer"
    );
    let refused = chat(&app, &key, &ask("hello")).await;
    assert_eq!(refused.status, 429, "the first may still use them");
    assert!(refused.text().contains("150 tokens per minute"), "{}", refused.text());

    drop(response.into_body().collect::<Vec<_>>().await);
    after.run().await;
    // The refusal is remembered for a second.
    app.clock.advance(Duration::from_secs(2));
    for n in 0..4 {
        let answer = chat(&app, &key, &ask("hello")).await;
        assert_eq!(answer.status, 200, "{n}: what was not used is given back: {}", answer.text());
    }
}

#[tokio::test]
async fn a_request_that_could_never_fit_is_told_so() {
    let app = App::start().await;
    let (key, _) = key_with(&app, &json!({"tpm": 50})).await;
    let refused = chat(&app, &key, &ask("hello")).await;
    assert_eq!((refused.status.as_u16(), refused.header("x-should-retry")), (429, "false"));
    assert_eq!(refused.header("retry-after"), "", "waiting is in vain");
    assert!(refused.text().contains("lower `max_completion_tokens`"), "{}", refused.text());
    let told = ["limit", "remaining", "reset"].map(|what| refused.header(&format!("x-ratelimit-{what}-tokens")));
    assert_eq!(told, ["50", "50", "0s"], "all of it is there, and it is not enough");
    let again = chat(&app, &key, &ask("hello")).await;
    assert_eq!((again.status.as_u16(), again.header("x-ratelimit-remaining-tokens")), (429, "50"), "it is remembered");
    let mut open = ask("hello");
    open.as_object_mut().expect("an object").remove("max_completion_tokens");
    let answer = chat(&app, &key, &open).await;
    assert_eq!(
        answer.status,
        200,
        "who does not say how long the answer may be has all of an unused minute: {}",
        answer.text()
    );
}

#[tokio::test]
async fn so_many_at_a_time_and_no_more() {
    let app = App::start().await;
    let (key, _) = key_with(&app, &json!({"concurrency": 2})).await;
    let (first, after_first) = app.begin(request(&key, &streamed("one"))).await;
    let (second, after_second) = app.begin(request(&key, &streamed("two"))).await;
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    let refused = chat(&app, &key, &ask("three")).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1"));
    assert!(refused.text().contains("2 requests running at a time"), "{}", refused.text());
    for _ in 0..5 {
        let again = chat(&app, &key, &ask("three")).await;
        assert_eq!((again.status.as_u16(), again.header("retry-after")), (429, "1"));
    }
    let refusals = async || app.usage_events().await.iter().filter(|row| row["status"] == 429).count();
    assert_eq!(refusals().await, 1, "the others were known, and asked nobody");
    app.clock.advance(Duration::from_secs(1));
    assert_eq!((chat(&app, &key, &ask("three")).await.status.as_u16(), refusals().await), (429, 2), "for a second");

    // The caller leaves in the middle: the request ends when the provider has.
    drop(first);
    after_first.run().await;
    assert_eq!(chat(&app, &key, &ask("three")).await.status, 200, "one has ended");
    drop(second.into_body().collect::<Vec<_>>().await);
    after_second.run().await;
}

#[tokio::test]
async fn a_key_can_be_limited_with_one_model_alone() {
    let app = App::start().await;
    let (key, id) = key_with(&app, &json!({})).await;
    limit(&app, Some((&id, MODEL)), Some(1), None, None).await;
    assert_eq!(chat(&app, &key, &ask("hello")).await.status, 200);
    let refused = chat(&app, &key, &ask("hello")).await;
    assert_eq!(refused.status, 429);
    assert!(refused.text().contains("this key, of openai/gpt-4o-mini,"), "{}", refused.text());
    let mut other = ask("hello");
    other["model"] = json!("mistral/mistral-small-latest");
    assert_eq!(chat(&app, &key, &other).await.status, 200, "with another model it may");
}

#[tokio::test]
async fn embeddings_count_as_one_request_in_however_many_calls() {
    let app = App::start().await;
    limit(&app, None, Some(5), None, None).await;
    let inputs: Vec<String> = (0..200).map(|n| format!("text {n}")).collect();
    let answer = app.embed(&json!({"model": "cohere/embed-v4.0", "input": inputs})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(app.usage_events().await.len() > 1, "Cohere takes 96 at a time");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "4");
    assert!(item(&app, None).await.entries.is_empty());
}

#[tokio::test]
async fn tags_are_checked_before_anything_is_spent() {
    let app = App::start().await;
    let mut request = request(&app.api_key, &ask("hello"));
    request.headers_mut().insert("x-supergate-tags", "team a".parse().expect("a header"));
    let refused = app.send(request).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["param"], "x-supergate-tags");
}
