//! Whose key serves a request.

use super::*;
use futures_util::{StreamExt as _, stream};
use std::time::Duration;

/// After which a principal, and with it what it may use, is looked up again.
const LOOK_UP_AGAIN: Duration = Duration::from_secs(31);

/// The last four characters of the key that the last call to a provider carried.
fn served_by(app: &App) -> String {
    let requests = app.mock.requests();
    let headers = &requests.last().expect("a call").headers;
    let key = ["authorization", "x-api-key", "x-goog-api-key"].iter().find_map(|name| headers.get(*name));
    let key = key.expect("a key");
    key[key.len() - 4..].to_owned()
}

#[tokio::test]
async fn a_tenants_own_key_serves_before_the_platforms() {
    let app = App::start().await;
    for model in MODELS {
        let provider = model.split('/').next().expect("a provider");
        assert_eq!(app.chat(&ask(model, "hello")).await.status, 200);
        let platform = provider_key(provider);
        assert_eq!(
            served_by(&app),
            platform[platform.len() - 4..],
            "{provider}: the platform's, where there is no other"
        );

        bring(&app, &app.api_key, provider, "mine").await;
        app.clock.advance(LOOK_UP_AGAIN);
        assert_eq!(app.chat(&ask(model, "hello")).await.status, 200);
        assert_eq!(served_by(&app), "mine", "{provider}");

        bring(&app, &app.api_key, provider, "next").await;
        app.clock.advance(LOOK_UP_AGAIN);
        app.chat(&ask(model, "hello")).await;
        assert_eq!(served_by(&app), "next", "{provider}: what was replaced serves no more");
        let used = app.call(Method::GET, &one(provider), &app.api_key, NOTHING).await.json();
        assert!(used["last_used_at"].is_string(), "{used}");

        app.call(Method::DELETE, &one(provider), &app.api_key, NOTHING).await;
        app.clock.advance(LOOK_UP_AGAIN);
        assert_eq!(app.chat(&ask(model, "hello")).await.status, 200);
        assert_eq!(served_by(&app), platform[platform.len() - 4..], "{provider}: the platform's again");
    }
}

#[tokio::test]
async fn a_tenant_of_its_own_never_gets_the_platforms_key() {
    let app = App::start().await;
    sql(&app, "update tenants set tier = 'enterprise-independent' where name = 'test'").await;
    for model in MODELS {
        let answer = app.chat(&ask(model, "hello")).await;
        assert_eq!(refusal(&answer), (403, "byok_required".into()), "{model}");
        assert!(answer.text().contains(ROUTE), "it says what to do: {}", answer.text());
    }
    let answer = app.embed(&json!({"model": "openai/text-embedding-3-small", "input": "hello"})).await;
    assert_eq!(refusal(&answer), (403, "byok_required".into()), "embeddings are no way around");
    assert!(app.mock.requests().is_empty(), "nobody was called");

    bring(&app, &app.api_key, "openai", "mine").await;
    app.clock.advance(LOOK_UP_AGAIN);
    assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 200);
    assert_eq!(served_by(&app), "mine");
}

#[tokio::test]
async fn a_provider_that_nobody_has_a_key_of_is_refused_by_name() {
    let app = App::start_with(&[("GEMINI_API_KEY", "none")]).await;
    let answer = app.chat(&ask("google/gemini-2.5-flash", "hello")).await;
    assert_eq!(refusal(&answer), (403, "byok_required".into()));
    assert!(answer.text().contains("google"), "{}", answer.text());
    assert!(app.mock.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_tenants_with_keys_of_their_own_never_swap_them() {
    let app = App::start().await;
    let (_, other) = another_tenant(&app).await;
    bring(&app, &app.api_key, "openai", "aaaa").await;
    bring(&app, &other, "openai", "bbbb").await;
    let calls = (0..200).map(|number| {
        let (caller, last_four) = if number % 2 == 0 { (&app.api_key, "aaaa") } else { (&other, "bbbb") };
        let body = ask(MODELS[0], &format!("{number} of {last_four}"));
        let app = &app;
        async move { app.call(Method::POST, "/v1/chat/completions", caller, &body).await }
    });
    // Many at a time, and not so many that a busy machine lets some of them wait too long.
    let answers: Vec<_> = stream::iter(calls).buffer_unordered(40).collect().await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let requests = app.mock.requests();
    assert_eq!(requests.len(), 200);
    for request in requests {
        let asked = request.body["messages"][0]["content"].as_str().expect("a question");
        let key = &request.headers["authorization"];
        assert_eq!(asked[asked.len() - 4..], key[key.len() - 4..], "whose question, and whose key");
    }
}
