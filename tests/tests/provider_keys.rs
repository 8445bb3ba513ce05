//! Providers' keys from the door to the row and back into a request: they go in, they serve, and they never come out.

#[path = "provider_keys/database_away.rs"]
mod database_away;
#[path = "provider_keys/kms_away.rs"]
mod kms_away;
#[path = "provider_keys/rotation.rs"]
mod rotation;
#[path = "provider_keys/serving.rs"]
mod serving;
#[path = "provider_keys/tampering.rs"]
mod tampering;

use http::Method;
use serde_json::{Value, json};
use supergate_tests::{
    app::{Answer, App, MODELS, PROVIDERS, provider_key},
    logs::Logs,
};

const ROUTE: &str = "/v1/tenant/keys";
const NOTHING: &Value = &Value::Null;

/// A key that a tenant brings; its last four characters are its own.
fn own_key(provider: &str, last_four: &str) -> String {
    format!("{}-{last_four}", provider_key(provider))
}

fn one(provider: &str) -> String {
    format!("{ROUTE}/{provider}")
}

fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// Stores a tenant's own key, or replaces it.
async fn bring(app: &App, caller: &str, provider: &str, last_four: &str) -> Value {
    let body = json!({"api_key": own_key(provider, last_four)});
    let answer = app.call(Method::PUT, &one(provider), caller, &body).await;
    assert!(answer.status.is_success(), "{provider}: {}", answer.text());
    answer.json()
}

/// Another tenant's id (as the database has it) and its first key.
async fn another_tenant(app: &App) -> (String, String) {
    let command = json!({"action": "create_tenant", "name": "another"});
    let made =
        app.database.migrator().run(serde_json::from_value(command).expect("a command")).await.expect("a tenant");
    (uuid_of(&made["tenant_id"]), made["api_key"].as_str().expect("its key").to_owned())
}

/// The UUID in `ten_…`.
fn uuid_of(id: &Value) -> String {
    id.as_str().and_then(|id| id.split_once('_')).expect("an id").1.to_owned()
}

/// Runs SQL behind every policy.
async fn sql(app: &App, statement: &str) {
    app.database
        .superuser()
        .await
        .batch_execute(statement)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
}

/// One number.
async fn count(app: &App, statement: &str) -> i64 {
    app.database.superuser().await.query_one(statement, &[]).await.expect(statement).get(0)
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.error_code())
}

#[tokio::test]
async fn a_key_is_stored_listed_read_replaced_and_deleted_and_never_shown() {
    let app = App::start().await;
    let mut said = String::new();
    for (provider, _) in PROVIDERS {
        let body = json!({"provider": provider, "api_key": own_key(provider, "wxyz")});
        let stored = app.call(Method::POST, ROUTE, &app.api_key, &body).await;
        assert_eq!(stored.status, 201, "{provider}: {}", stored.text());
        let row = stored.json();
        assert!(row["id"].as_str().is_some_and(|id| id.starts_with("cred_")), "{row}");
        assert_eq!((&row["provider"], &row["last_four"]), (&json!(provider), &json!("wxyz")));
        assert_eq!((&row["key_version"], &row["last_used_at"]), (&json!(1), NOTHING));
        assert!(row["created_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{row}");

        let again = app.call(Method::POST, ROUTE, &app.api_key, &body).await;
        assert_eq!(refusal(&again), (409, "conflict".into()), "{provider}: it says to replace: {}", again.text());
        let read = app.call(Method::GET, &one(provider), &app.api_key, NOTHING).await;
        assert_eq!(read.json(), row, "{provider}");
        let list = app.call(Method::GET, ROUTE, &app.api_key, NOTHING).await.json();
        assert_eq!(list, json!({"data": [row], "next_cursor": null}), "{provider}: only the tenant's own");

        let replaced = bring(&app, &app.api_key, provider, "abcd").await;
        assert_ne!(replaced["id"], row["id"], "{provider}: another key is another credential");
        assert_eq!(replaced["last_four"], "abcd");
        let deleted = app.call(Method::DELETE, &one(provider), &app.api_key, NOTHING).await;
        assert_eq!((deleted.status.as_u16(), deleted.text().as_str()), (204, ""));
        for method in [Method::GET, Method::DELETE] {
            let gone = app.call(method, &one(provider), &app.api_key, NOTHING).await;
            assert_eq!(refusal(&gone), (404, "not_found".into()), "{provider}");
        }
        said += &[stored.text(), again.text(), read.text(), list.to_string(), replaced.to_string()].concat();
    }
    for (provider, _) in PROVIDERS {
        assert!(!said.contains(&provider_key(provider)), "{provider}'s key came back");
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_is_the_same_404_whosever_it_could_be() {
    let app = App::start().await;
    let (_, other) = another_tenant(&app).await;
    bring(&app, &other, "openai", "wxyz").await;
    let body = json!({"api_key": own_key("openai", "abcd")});
    let mut bodies = Vec::new();
    for (method, provider, why) in [
        (Method::GET, "openai", "another tenant has one"),
        (Method::GET, "mistral", "nobody but the platform has one"),
        (Method::GET, "acme", "there is no such provider"),
        (Method::DELETE, "openai", "another tenant's stays"),
        (Method::PUT, "acme", "there is no such provider"),
    ] {
        let body = if method == Method::PUT { &body } else { NOTHING };
        let answer = app.call(method, &one(provider), &app.api_key, body).await;
        assert_eq!(refusal(&answer), (404, "not_found".into()), "{why}");
        bodies.push(answer.text());
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
    assert_eq!(app.call(Method::GET, &one("openai"), &other, NOTHING).await.status, 200);
    let nothing_here = app.call(Method::PUT, ROUTE, &app.api_key, &body).await;
    assert_eq!(refusal(&nothing_here), (405, "method_not_allowed".into()));
}

#[tokio::test]
async fn who_may_not_store_a_key_is_told_which_permission_is_lacking() {
    let app = App::start().await;
    let body = json!({"provider": "openai", "api_key": own_key("openai", "wxyz")});
    let calls = [
        (Method::GET, ROUTE.to_owned(), "provider_keys.read"),
        (Method::GET, one("openai"), "provider_keys.read"),
        (Method::POST, ROUTE.to_owned(), "provider_keys.manage"),
        (Method::PUT, one("openai"), "provider_keys.manage"),
        (Method::DELETE, one("openai"), "provider_keys.manage"),
    ];
    for role in ["member", "viewer"] {
        sql(&app, &format!("update api_keys set role = '{role}'")).await;
        app.clock.advance(std::time::Duration::from_secs(31));
        for (method, path, permission) in &calls {
            let answer = app.call(method.clone(), path, &app.api_key, &body).await;
            assert_eq!(refusal(&answer), (403, "permission_denied".into()), "{role}: {method} {path}");
            assert!(answer.text().contains(permission), "{role}: {method} {path}: {}", answer.text());
        }
    }
    for (method, path, _) in calls {
        let answer = app.call(method.clone(), &path, "sg_live_nobody", &body).await;
        assert_eq!(refusal(&answer), (401, "invalid_api_key".into()), "{method} {path}");
    }
    let stored = count(&app, "select count(*) from provider_credentials").await;
    assert_eq!(stored, 5, "the platform's, and nothing of whom was refused");
}

#[tokio::test]
async fn an_operator_who_names_a_tenant_does_not_change_the_platforms_key_instead() {
    let app = App::start().await;
    let before = app.call(Method::GET, &one("openai"), &app.operator_key, NOTHING).await.json();
    let stored = json!({"provider": "openai", "api_key": own_key("openai", "wxyz")});
    let replacement = json!({"api_key": own_key("openai", "wxyz")});
    #[rustfmt::skip]
    let calls = [
        (Method::GET,    ROUTE.to_owned(), &Value::Null),
        (Method::POST,   ROUTE.to_owned(), &stored),
        (Method::GET,    one("openai"),    &Value::Null),
        (Method::PUT,    one("openai"),    &replacement),
        (Method::DELETE, one("openai"),    &Value::Null),
    ];
    for (method, path, body) in calls {
        let answer =
            app.call(method.clone(), &format!("{path}?tenant_id={}", app.tenant_id), &app.operator_key, body).await;
        assert_eq!(answer.refusal(), (400, "invalid_value".into(), "tenant_id".into()), "{method} {path}");
    }
    assert_eq!(app.call(Method::GET, &one("openai"), &app.operator_key, NOTHING).await.json(), before);
}

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once_and_the_key_is_not_repeated() {
    let app = App::start().await;
    let long = "x".repeat(600);
    #[rustfmt::skip]
    let table = [
        (json!({}),                                                              vec!["provider", "api_key"],          "both are needed"),
        (json!({"provider": "acme", "api_key": 7, "label": 1}),                  vec!["provider", "api_key", "label"], "three faults"),
        (json!({"provider": "openai", "api_key": "sk-ant-canary-0123456789"}),   vec!["api_key"],                      "another provider's key"),
        (json!({"provider": "google", "api_key": "canary-0123456789"}),          vec!["api_key"],                      "not of its form"),
        (json!({"provider": "cohere", "api_key": "canary\r\nx-evil: 1"}),        vec!["api_key"],                      "not a header"),
        (json!({"provider": "cohere", "api_key": "canary"}),                     vec!["api_key"],                      "too short"),
        (json!({"provider": "mistral", "api_key": format!("canary{long}")}),     vec!["api_key"],                      "too long"),
        (json!({"provider": "mistral", "api_key": "canary-schl\u{fc}ssel"}),     vec!["api_key"],                      "not ASCII"),
        (json!({"provider": "op\u{435}nai", "api_key": "sk-canary-0123456789"}), vec!["provider"],                     "a letter that looks like another"),
        (json!({"provider": "openai", "api_key": "sk-canary-0123456789", "api_base": "http://evil"}), vec!["api_base"], "no address is ever a caller's"),
    ];
    for (body, params, why) in table {
        let answer = app.call(Method::POST, ROUTE, &app.api_key, &body).await;
        assert_eq!(answer.status, 400, "{why}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["param"], params[0], "{why}");
        let message = error["message"].as_str().expect("a message");
        assert_eq!(message.lines().count(), params.len(), "{why}: {message}");
        assert!(params.iter().all(|param| message.contains(param)), "{why}: {message}");
        assert!(!message.contains("canary"), "{why}: {message}");
    }
    assert_eq!(count(&app, "select count(*) from provider_credentials").await, 5, "nothing was stored");
}

#[tokio::test]
async fn of_two_that_store_at_once_one_is_told_that_it_exists() {
    let app = App::start().await;
    let body = json!({"provider": "openai", "api_key": own_key("openai", "wxyz")});
    let store = || app.call(Method::POST, ROUTE, &app.api_key, &body);
    let (one, other) = tokio::join!(store(), store());
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn of_two_that_replace_at_once_both_do_one_after_the_other() {
    let app = App::start().await;
    bring(&app, &app.api_key, "openai", "wxyz").await;
    let superuser = app.database.superuser().await;
    let hold = "begin; select from provider_credentials where last_four = 'wxyz' for update";
    superuser.batch_execute(hold).await.expect("a lock");
    let body = |last_four: &str| json!({"api_key": own_key("openai", last_four)});
    let (one_body, other_body) = (body("aaaa"), body("bbbb"));
    let replace = |body| app.call(Method::PUT, "/v1/tenant/keys/openai", &app.api_key, body);
    let (one, other, ()) = tokio::join!(replace(&one_body), replace(&other_body), async {
        app.database.until_waiting(2).await;
        superuser.batch_execute("rollback").await.expect("to let go");
    });
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (200, 200), "{} {}", one.text(), other.text());
    assert_eq!(count(&app, "select count(*) from provider_credentials where provider = 'openai'").await, 2);
}

#[tokio::test]
async fn a_key_is_in_no_log_no_answer_and_no_row_and_each_act_is_in_the_audit() {
    let logs = Logs::capture();
    let app = App::start().await;
    bring(&app, &app.api_key, "openai", "wxyz").await;
    bring(&app, &app.api_key, "openai", "abcd").await;
    assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 200);
    app.call(Method::DELETE, &one("openai"), &app.api_key, NOTHING).await;
    tracing::info!("planted-control");

    let client = app.database.superuser().await;
    let dump = "select string_agg(t::text, ' ') from (select to_jsonb(c) as t from provider_credentials c \
                union all select to_jsonb(a) from audit_events a union all select to_jsonb(u) from usage_events u) rows";
    let dump: String = client.query_one(dump, &[]).await.expect("a dump").get(0);
    let log = logs.text();
    assert!(log.contains("planted-control") && dump.contains("provider_keys.store"), "the scan finds what is there");
    // A bytea is shown in hexadecimal.
    let hexadecimal: String = "test-key-openai".bytes().map(|byte| format!("{byte:02x}")).collect();
    for (place, text) in [("log", log), ("database", dump)] {
        assert!(!text.contains("test-key-openai") && !text.contains(&hexadecimal), "a key is in the {place}");
    }
    let acts = "select action, actor, after->>'last_four', before is not null from audit_events \
                where tenant_id <> '00000000-0000-7000-8000-000000000000' and action like 'provider_keys.%' order by id";
    let acts = client.query(acts, &[]).await.expect("the audit");
    let acts: Vec<(String, Option<String>, bool)> =
        acts.iter().map(|row| (row.get(0), row.get(2), row.get(3))).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        acts,
        [
            ("provider_keys.store".to_owned(), text("wxyz"), false),
            ("provider_keys.replace".to_owned(), text("abcd"), true),
            ("provider_keys.delete".to_owned(), None, true),
        ]
    );
}
