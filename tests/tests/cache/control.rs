//! What a caller and a tenant say, and what is never cached.

use super::{ask, said, say, start, streamed};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn what_is_not_understood_is_refused_before_anything_is_asked() {
    let app = start().await;
    #[rustfmt::skip]
    let table = [
        (("cache-control", "nostore"),                  "a slip must not be taken for consent"),
        (("cache-control", "max-age=soon"),             "no number"),
        (("x-supergate-cache-threshold", "0.5"),        "below the floor"),
        (("x-supergate-cache-ttl", "99999999"),         "an absurd time"),
        (("x-supergate-cache-namespace", "a b"),        "a space"),
        (("x-supergate-cache-tier", "fuzzy"),           "no such tier"),
        (("x-supergate-cache-colour", "blue"),          "no such header"),
    ];
    for (header, why) in table {
        let answer = say(&app, &ask("hello"), &[header]).await;
        assert_eq!(answer.status, 400, "{why}: {}", answer.text());
        assert_eq!(answer.json()["error"]["param"], header.0, "{why}");
    }
    assert_eq!(app.mock.requests().len(), 0);
}

#[tokio::test]
async fn a_caller_says_what_is_read_and_what_is_kept() {
    let app = start().await;
    let send = |headers: &'static [(&'static str, &str)]| say(&app, &BODY, headers);
    static BODY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| ask("hello"));
    assert_eq!(said(&send(&[("cache-control", "no-store")]).await), "BYPASS");
    assert_eq!(said(&send(&[]).await), "MISS", "nothing was kept");
    assert_eq!(said(&send(&[]).await), "HIT");
    assert_eq!(said(&send(&[("cache-control", "no-cache")]).await), "BYPASS", "anew");
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(said(&send(&[("cache-control", "max-age=30")]).await), "MISS", "too old");
    assert_eq!(said(&send(&[("cache-control", "max-age=30")]).await), "HIT", "the miss was kept in its place");
    assert_eq!(said(&send(&[("x-supergate-cache-namespace", "other")]).await), "MISS", "another part");
    assert_eq!(said(&send(&[("x-supergate-cache-namespace", "other")]).await), "HIT");
    assert_eq!(said(&send(&[("x-supergate-cache-namespace", "brief"), ("x-supergate-cache-ttl", "10")]).await), "MISS");
    app.clock.advance(Duration::from_secs(11));
    assert_eq!(said(&send(&[("x-supergate-cache-namespace", "brief")]).await), "MISS", "its time is over");
    let spelled = say(&app, &ask("Hello!"), &[("x-supergate-cache-tier", "exact")]).await;
    assert_eq!(said(&spelled), "MISS", "the same bytes and nothing else");
    assert_eq!(app.mock.requests().len(), 8);
}

#[tokio::test]
async fn who_wants_a_stored_answer_or_none_gets_no_other() {
    let app = start().await;
    let only = [("cache-control", "only-if-cached")];
    for body in [ask("hello"), streamed("hello")] {
        let none = say(&app, &body, &only).await;
        assert_eq!((none.status.as_u16(), none.error_code().as_str()), (504, "not_cached"), "{}", none.text());
        assert_eq!((none.header("x-supergate-cache"), none.header("x-should-retry")), ("MISS", "false"));
    }
    assert_eq!(app.mock.requests().len(), 0);
    assert_eq!(said(&app.chat(&ask("hello")).await), "MISS");
    assert_eq!(said(&say(&app, &ask("hello"), &only).await), "HIT");
    let rows = app.usage_events().await;
    assert_eq!(rows[0]["status"], 504);
    assert!(rows.iter().all(|row| row["status"] == 200 || row["cost_nanos"] == 0));
    let tools = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    let mut body = ask("hello");
    body["tools"] = tools;
    let none = say(&app, &body, &only).await;
    assert_eq!((none.status.as_u16(), none.header("x-supergate-cache")), (504, "BYPASS"), "it is never cached");
}

#[tokio::test]
async fn what_is_never_cached_bypasses_it() {
    let app = start().await;
    let tool = json!({"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}});
    let image = json!([{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]);
    #[rustfmt::skip]
    let table = [
        (json!({"tools": [tool]}),                                               "tools are offered"),
        (json!({"n": 2}),                                                        "several answers"),
        (json!({"logprobs": true}),                                              "token probabilities"),
    ];
    for (more, why) in table {
        let mut body = ask("hello");
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        for _ in 0..2 {
            assert_eq!(said(&app.chat(&body).await), "BYPASS", "{why}");
        }
    }
    let mut body = ask("");
    body["messages"][0]["content"] = image;
    assert_ne!(app.chat(&body).await.header("x-supergate-cache"), "HIT", "what is behind an address may change");
    let kept: i64 = app
        .database
        .superuser()
        .await
        .query_one("select count(*) from cache_entries", &[])
        .await
        .expect("a count")
        .get(0);
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn every_field_that_can_change_an_answer_makes_another_request() {
    let app = start().await;
    assert_eq!(said(&app.chat(&ask("hello")).await), "MISS");
    #[rustfmt::skip]
    let table = [
        (json!({"temperature": 0.3}),                                            "another temperature"),
        (json!({"max_tokens": 700}),                                             "another length"),
        (json!({"model": "gpt-4o"}),                                             "another model"),
        (json!({"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]}), "a system message"),
        (json!({"user": "somebody"}),                                            "another end user"),
        (json!({"top_p": 0.5}),                                                  "another part of what is likely"),
    ];
    for (more, why) in table {
        let mut body = ask("hello");
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        assert_eq!(said(&app.chat(&body).await), "MISS", "{why}");
        assert_eq!(said(&app.chat(&body).await), "HIT", "{why}");
    }
    let mut body = ask("hello");
    (body["model"], body["metadata"]) = (json!("gpt-4o-mini"), json!({"a": "b"}));
    assert_eq!(said(&app.chat(&body).await), "HIT", "the model by its other name; metadata changes nothing");
}

#[tokio::test]
async fn a_tenant_whose_prompts_may_not_be_cached_has_no_cache() {
    let mut app = start().await;
    assert_eq!(said(&app.chat(&ask("hello")).await), "MISS");
    let off = json!({"settings": {"cache_prompts": false}});
    let answer = app.call(Method::PATCH, "/v1/tenant", &app.api_key, &off).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    app.restart_with(&[("SUPERGATE_CACHE", "on")]).await;
    assert_eq!(said(&app.chat(&ask("hello")).await), "DISABLED");
    assert_eq!(said(&app.chat(&ask("hello again")).await), "DISABLED");
    let kept: i64 = app
        .database
        .superuser()
        .await
        .query_one("select count(*) from cache_entries", &[])
        .await
        .expect("a count")
        .get(0);
    assert_eq!(kept, 1, "no more than there was");
    let rows = app.usage_events().await;
    assert_eq!(rows[1]["cache"], "disabled");
}
