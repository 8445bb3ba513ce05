//! With KMS away nothing is stored half, and what is open stays open for a while. How often KMS is asked at all.

use super::*;
use std::time::Duration;
use supergate_tests::kms::{KmsWitness, NOWHERE};

const ENDPOINT: &str = "AWS_ENDPOINT_URL_KMS";

#[tokio::test]
async fn nothing_is_stored_half() {
    let mut app = App::start().await;
    bring(&app, &app.api_key, "mistral", "kept").await;
    let state = "select count(*) + (select count(*) from audit_events) from provider_credentials";
    let before = count(&app, state).await;
    app.restart_with(&[(ENDPOINT, NOWHERE)]).await;
    let new = json!({"provider": "openai", "api_key": own_key("openai", "wxyz")});
    let answer = app.call(Method::POST, ROUTE, &app.api_key, &new).await;
    assert_eq!(refusal(&answer), (503, "unavailable".into()), "{}", answer.text());
    let body = json!({"api_key": own_key("mistral", "wxyz")});
    let answer = app.call(Method::PUT, &one("mistral"), &app.api_key, &body).await;
    assert_eq!(refusal(&answer), (503, "unavailable".into()), "a replacement either");
    assert_eq!(count(&app, state).await, before, "no row, and no note of an act that was none");
    let kept = app.call(Method::GET, &one("mistral"), &app.api_key, NOTHING).await.json();
    assert_eq!(kept["last_four"], "kept", "what was there is there");

    let answer = app.chat(&ask(MODELS[4], "hello")).await;
    assert_eq!(refusal(&answer), (503, "unavailable".into()), "what was never opened cannot be");
    assert!(app.mock.requests().is_empty(), "and no other key is used");
}

#[tokio::test]
async fn a_kms_that_refuses_stores_nothing_either() {
    let kms = KmsWitness::start().await;
    let mut app = App::start().await;
    app.restart_with(&[(ENDPOINT, kms.url())]).await;
    bring(&app, &app.api_key, "mistral", "kept").await;
    let state = "select count(*) + (select count(*) from audit_events) from provider_credentials";
    let before = count(&app, state).await;
    for code in ["DisabledException", "KMSInvalidStateException", "AccessDeniedException", "NotFoundException"] {
        kms.refuse(code);
        let logs = Logs::errors();
        let new = json!({"provider": "openai", "api_key": own_key("openai", "wxyz")});
        let stored = app.call(Method::POST, ROUTE, &app.api_key, &new).await;
        let body = json!({"api_key": own_key("mistral", "wxyz")});
        let replaced = app.call(Method::PUT, &one("mistral"), &app.api_key, &body).await;
        for answer in [stored, replaced] {
            assert_eq!(refusal(&answer), (500, "internal_error".into()), "{code}: {}", answer.text());
            assert!(!answer.text().contains(code), "{code}: {}", answer.text());
        }
        assert!(logs.text().contains(code), "{code}: who runs this is told: {}", logs.text());
        assert_eq!(count(&app, state).await, before, "{code}: no row, and no note of an act that was none");
    }
    assert_eq!(kms.calls("GenerateDataKey"), 9, "what is refused is not tried again");
}

#[tokio::test]
async fn what_is_open_serves_for_300_seconds_and_no_longer() {
    let kms = KmsWitness::start().await;
    let app = App::start_with(&[(ENDPOINT, kms.url())]).await;
    assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 200);
    kms.cut(true);
    for passed in [40, 100, 150] {
        app.clock.advance(Duration::from_secs(passed));
        assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 200, "after {passed} seconds more");
    }
    assert_eq!(kms.calls("Decrypt"), 1, "and KMS was not asked");
    app.clock.advance(Duration::from_secs(10));
    assert_eq!(refusal(&app.chat(&ask(MODELS[0], "hello")).await), (503, "unavailable".into()), "after 300 seconds");
    kms.cut(false);
    assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 200, "KMS is back");
}

#[tokio::test]
async fn many_at_once_ask_kms_once() {
    let kms = KmsWitness::start().await;
    let app = App::start_with(&[(ENDPOINT, kms.url())]).await;
    assert_eq!(kms.calls("GenerateDataKey"), 5, "one data key for each credential");
    assert_eq!(app.get("/v1/models").await.status, 200, "who calls is known");
    let body = ask(MODELS[0], "hello");
    let answers = futures_util::future::join_all((0..20).map(|_| app.chat(&body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(kms.calls("Decrypt"), 1, "one opens it, the others wait");
    app.chat(&ask(MODELS[4], "hello")).await;
    assert_eq!(kms.calls("Decrypt"), 2, "another provider's is another");
    app.clock.advance(Duration::from_secs(301));
    app.chat(&body).await;
    assert_eq!(kms.calls("Decrypt"), 3, "and after its time it is opened anew");
}

#[tokio::test]
async fn who_waits_for_somebody_who_cannot_reach_kms_does_not_try_again() {
    let kms = KmsWitness::start().await;
    let app = App::start_with(&[(ENDPOINT, kms.url())]).await;
    assert_eq!(app.get("/v1/models").await.status, 200, "who calls is known");
    kms.cut(true);
    let body = ask(MODELS[0], "hello");
    let answers = futures_util::future::join_all((0..20).map(|_| app.chat(&body))).await;
    assert!(answers.iter().all(|answer| refusal(answer) == (503, "unavailable".into())));
    assert!(kms.calls("Decrypt") <= 3, "the SDK's three tries, once: {}", kms.calls("Decrypt"));
}
