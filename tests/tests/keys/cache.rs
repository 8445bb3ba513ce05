//! What is remembered of a key: for 30 seconds, for 15 minutes while the database is away, and under which pepper it was hashed.

use super::{patch, revoke};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use supergate::tenancy::auth::{PRINCIPAL_TTL, PRINCIPAL_TTL_WITHOUT_DATABASE};
use supergate_tests::{
    app::App,
    office::text,
    postgres::{PEPPER, TestDatabase},
};

const SECOND: Duration = Duration::from_secs(1);
/// The pepper after [`PEPPER`].
const NEXT_PEPPER: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

async fn key(app: &App) -> (String, String) {
    let made = app.new_key(&app.api_key, json!({"name": "n", "role": "member"})).await;
    (text(&made["id"]), text(&made["key"]))
}

async fn chat(app: &App, key: &str) -> u16 {
    let body = json!({"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]});
    app.call(Method::POST, "/v1/chat/completions", key, &body).await.status.as_u16()
}

#[tokio::test]
async fn a_revocation_bites_within_thirty_seconds_as_security_md_promises() {
    assert_eq!(PRINCIPAL_TTL, 30 * SECOND);
    let promise = include_str!("../../../SECURITY.md");
    assert!(promise.contains("within 30 seconds"), "SECURITY.md says how long a revoked key may still work");
    let mut app = App::start().await;
    let (id, key) = key(&app).await;
    assert_eq!(chat(&app, &key).await, 200, "from here on it is remembered");
    assert_eq!(revoke(&app, &id).await.status, 204);
    app.clock.advance(28 * SECOND);
    assert_eq!(chat(&app, &key).await, 200, "a process that knew it need not have heard of it yet");
    app.clock.advance(2 * SECOND);
    assert_eq!(chat(&app, &key).await, 401, "use does not prolong the memory");
    app.restart().await;
    assert_eq!(chat(&app, &key).await, 401);
}

#[tokio::test]
async fn every_change_of_a_key_or_its_tenant_is_in_force_within_thirty_seconds() {
    let app = App::start().await;
    let (id, key) = key(&app).await;
    assert_eq!(chat(&app, &key).await, 200);
    assert_eq!(patch(&app, &id, &json!({"role": "viewer"})).await.status, 200);
    app.clock.advance(30 * SECOND);
    assert_eq!(chat(&app, &key).await, 403, "a viewer does not ask models");
    assert_eq!(patch(&app, &id, &json!({"role": "member", "models": ["mistral/*"]})).await.status, 200);
    app.clock.advance(30 * SECOND);
    assert_eq!(chat(&app, &key).await, 403, "not among its models");
}

#[tokio::test]
async fn while_the_database_is_away_a_known_key_works_for_fifteen_minutes_and_an_unknown_one_is_a_503() {
    assert_eq!(PRINCIPAL_TTL_WITHOUT_DATABASE, 900 * SECOND);
    let app = App::start().await;
    let ((_, known), (_, unknown)) = (key(&app).await, key(&app).await);
    assert!(app.takes(&known).await);
    app.database.go_away().await;
    let elsewhere = App::start().await;
    let malformed = app.look("/v1/models", "sg_live_nothing").await;
    assert_eq!(malformed.status, 401, "what has not the form of a key is none, whoever is away");
    for key in [&unknown, &elsewhere.api_key] {
        let answer = app.look("/v1/models", key).await;
        assert_eq!(answer.refusal(), (503, "unavailable".into(), String::new()), "nobody can say whether it is good");
    }
    for _ in 0..9 {
        assert!(app.takes(&known).await);
        app.clock.advance(99 * SECOND);
    }
    assert!(app.takes(&known).await, "after 891 seconds");
    app.clock.advance(10 * SECOND);
    assert_eq!(app.look("/v1/models", &known).await.status, 503, "after 901 seconds it is not known any more");
    app.database.come_back().await;
    assert!(app.takes(&known).await && app.takes(&unknown).await);
}

#[tokio::test]
async fn a_key_that_ends_while_the_database_is_away_is_not_served_beyond_its_end() {
    let app = App::start().await;
    let body = json!({"name": "n", "role": "viewer", "expires_at": super::in_seconds(&app, 120)});
    let key = text(&app.new_key(&app.api_key, body).await["key"]);
    assert!(app.takes(&key).await);
    app.database.go_away().await;
    app.clock.advance(100 * SECOND);
    assert!(app.takes(&key).await);
    app.clock.advance(21 * SECOND);
    assert_eq!(
        app.look("/v1/models", &key).await.status,
        503,
        "it has ended, and nobody can say whether it was given more time"
    );
    app.database.come_back().await;
    assert!(!app.takes(&key).await);
}

#[tokio::test]
async fn a_revocation_during_an_outage_bites_within_thirty_seconds_of_its_end() {
    let app = App::start().await;
    let (_, key) = key(&app).await;
    assert!(app.takes(&key).await);
    app.database.go_away().await;
    app.clock.advance(60 * SECOND);
    assert!(app.takes(&key).await, "from memory");
    app.database.come_back().await;
    app.database
        .superuser()
        .await
        .batch_execute("update api_keys set revoked_at = now() where role = 'member'")
        .await
        .expect("an update");
    app.clock.advance(30 * SECOND);
    assert!(!app.takes(&key).await);
}

/// The versions of the pepper under which the tenant's keys are, by name.
async fn versions(database: &TestDatabase) -> Vec<(String, i16)> {
    let rows = "select name, pepper_version from api_keys where name in ('before', 'after') order by name desc";
    let rows = database.superuser().await.query(rows, &[]).await.expect("keys");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn a_new_pepper_hashes_new_keys_and_the_one_before_still_checks_old_ones() {
    let mut app = App::start().await;
    let made = app.new_key(&app.api_key, json!({"name": "before", "role": "viewer"})).await;
    let (old_id, old) = (text(&made["id"]), text(&made["key"]));
    let second = [
        ("SUPERGATE_KEY_PEPPER", NEXT_PEPPER),
        ("SUPERGATE_KEY_PEPPER_VERSION", "2"),
        ("SUPERGATE_KEY_PEPPER_PREVIOUS", PEPPER),
    ];
    app.restart_with(&second).await;
    assert!(app.takes(&old).await, "under the pepper of its row");
    let new = text(&app.new_key(&app.api_key, json!({"name": "after", "role": "viewer"})).await["key"]);
    assert!(app.takes(&new).await);
    assert_eq!(versions(&app.database).await, [("before".to_owned(), 1), ("after".to_owned(), 2)]);

    let rotated = app.call(Method::POST, &format!("/v1/keys/{old_id}/rotate"), &app.api_key, &Value::Null).await;
    let rotated = text(&rotated.json()["key"]);
    assert_eq!(versions(&app.database).await[0], ("before".to_owned(), 2), "a rotation moves a key to the new pepper");
    assert!(app.takes(&old).await && app.takes(&rotated).await, "during the overlap under both");

    app.restart_with(&second[..2]).await;
    let taken = [app.takes(&old).await, app.takes(&rotated).await, app.takes(&new).await];
    assert_eq!(taken, [false, true, true], "without the pepper before, its keys are nobody's");
}
