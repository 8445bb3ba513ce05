//! `/v1/keys`: the life of an API key, from being shown once to being revoked.

#[path = "keys/cache.rs"]
mod cache;
#[path = "keys/rights.rs"]
mod rights;
#[path = "keys/timing.rs"]
mod timing;

use http::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use supergate::{clock::Clock, tenancy::KeyId};
use supergate_tests::{
    app::{Answer, App},
    office::text,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// RFC 3339, so many seconds from now by the app's clock.
fn in_seconds(app: &App, seconds: i64) -> String {
    let at = OffsetDateTime::UNIX_EPOCH + app.clock.since_epoch() + time::Duration::seconds(seconds);
    at.format(&Rfc3339).expect("a time of this century")
}

async fn patch(app: &App, id: &str, body: &Value) -> Answer {
    app.call(Method::PATCH, &format!("/v1/keys/{id}"), &app.api_key, body).await
}

async fn rotate(app: &App, id: &str, body: &Value) -> Answer {
    app.call(Method::POST, &format!("/v1/keys/{id}/rotate"), &app.api_key, body).await
}

async fn revoke(app: &App, id: &str) -> Answer {
    app.call(Method::DELETE, &format!("/v1/keys/{id}"), &app.api_key, &Value::Null).await
}

#[tokio::test]
async fn a_key_is_shown_once_and_then_only_masked() {
    let app = App::start().await;
    let body = json!({
        "name": "batch jobs", "role": "member", "models": ["gpt-4o-mini", "mistral/*"], "tags": ["team:search"],
        "limits": {"rpm": 60, "tpm": 100_000, "concurrency": 4}, "expires_at": in_seconds(&app, 86_400),
    });
    let answer = app.call(Method::POST, "/v1/keys", &app.api_key, &body).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (201, "no-store"));
    let mut made = answer.json();
    let (id, key) = (text(&made["id"]), text(&made["key"]));
    let secret = key.rsplit('_').nth(1).expect("a secret").to_owned();
    assert!(key.starts_with("sg_live_") && id.starts_with("key_"), "{made}");
    assert_eq!(made["masked"], format!("sg_live_…{}", &key[key.len() - 4..]));
    assert_eq!(made["models"], json!(["openai/gpt-4o-mini", "mistral/*"]), "under their full names");
    assert_eq!(
        (&made["role"], &made["status"], &made["last_used_at"]),
        (&json!("member"), &json!("active"), &Value::Null)
    );

    made.as_object_mut().expect("an object").remove("key");
    let one = app.look(&format!("/v1/keys/{id}"), &app.api_key).await;
    assert_eq!(one.json(), made, "what is told later is what was told first, without the key");
    let list = app.look("/v1/keys", &app.api_key).await;
    assert_eq!(list.json()["data"][0], made);
    let audit = json!(app.audit(&app.api_key).await).to_string();
    let database = "select coalesce(string_agg(k::text, ''), '') from api_keys k";
    let database: String = app.database.superuser().await.query_one(database, &[]).await.expect("keys").get(0);
    for (place, text) in [("one", one.text()), ("list", list.text()), ("audit", audit), ("database", database)] {
        assert!(text.contains("batch jobs"), "{place} tells of it");
        assert!(!text.contains(&secret) && !text.contains(&key[8..20]), "{place} does not show it");
    }
}

#[tokio::test]
async fn a_key_tells_when_it_was_last_used_whatever_for() {
    let app = App::start().await;
    let last_used =
        async |id: &str| app.look(&format!("/v1/keys/{id}"), &app.api_key).await.json()["last_used_at"].clone();
    for (role, path) in [("viewer", "/v1/models"), ("admin", "/v1/keys")] {
        let made = app.new_key(&app.api_key, json!({"name": "n", "role": role})).await;
        let (id, key) = (text(&made["id"]), text(&made["key"]));
        assert_eq!(last_used(&id).await, Value::Null);
        app.look(path, &key).await;
        let first = text(&last_used(&id).await);
        app.clock.advance(Duration::from_secs(3600));
        app.look(path, &key).await;
        assert!(text(&last_used(&id).await) > first, "{path}");
    }
}

#[tokio::test]
async fn keys_are_listed_newest_first_in_pages() {
    let app = App::start().await;
    let mut expected: Vec<String> = Vec::new();
    for number in 0..5 {
        app.clock.advance(Duration::from_millis(2));
        expected.insert(
            0,
            text(&app.new_key(&app.api_key, json!({"name": format!("{number}"), "role": "viewer"})).await["id"]),
        );
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/keys?limit=2".to_owned());
    loop {
        let page = app.look(&path, &app.api_key).await.json();
        let data = page["data"].as_array().expect("a list").clone();
        assert!((1..=2).contains(&data.len()), "{page}");
        seen.extend(data.iter().map(|key| text(&key["id"])));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/keys?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 6, "the tenant's first key too");
    assert_eq!(seen[..5], expected);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 6, "each once");
    for (query, param) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=key_1", "cursor"),
        ("limit=1&limit=2", "limit"),
        ("tenant_id=ten_1", "tenant_id"),
    ] {
        let answer = app.look(&format!("/v1/keys?{query}"), &app.api_key).await;
        assert_eq!(answer.refusal(), (400, "invalid_value".into(), param.into()), "{query}");
    }
}

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once_by_its_path() {
    let app = App::start().await;
    let body = json!({
        "role": "king", "models": ["openai/gpt-4o-mini", "nobody/nothing", 7], "tags": ["a b", "\u{430}"], "expires_at": "2020-01-01T00:00:00Z",
        "limits": {"rpm": 0, "tpm": 1.5, "rpd": 1}, "tenant_id": "ten_1", "granted_by_role": "owner",
    });
    let answer = app.call(Method::POST, "/v1/keys", &app.api_key, &body).await;
    assert_eq!(answer.refusal(), (400, "invalid_value".into(), "name".into()), "the first of them as `param`");
    let message = text(&answer.json()["error"]["message"]);
    for path in [
        "name",
        "role",
        "models[1]",
        "models[2]",
        "tags[0]",
        "tags[1]",
        "expires_at",
        "limits.rpm",
        "limits.tpm",
        "limits.rpd",
        "tenant_id",
        "granted_by_role",
    ] {
        assert!(message.contains(path), "{path} in: {message}");
    }
    assert_eq!(
        app.look("/v1/keys", &app.api_key).await.json()["data"].as_array().map(Vec::len),
        Some(1),
        "none was made"
    );
}

#[tokio::test]
async fn what_a_key_cannot_be_is_a_400_that_names_the_field() {
    let app = App::start().await;
    let long = "x".repeat(201);
    let tags: Vec<String> = (0..51).map(|number| format!("tag{number}")).collect();
    #[rustfmt::skip]
    let table = [
        (json!({"name": ""}),                            "name",             "nothing"),
        (json!({"name": "  "}),                          "name",             "nothing to see"),
        (json!({"name": long}),                          "name",             "201 characters"),
        (json!({"name": "a\u{0}b"}),                     "name",             "a null character"),
        (json!({"name": "a\nb"}),                        "name",             "a line break"),
        (json!({"name": "a\u{202e}b"}),                  "name",             "turns what follows around"),
        (json!({"name": "a\u{61c}b"}),                   "name",             "the Arabic letter mark does too"),
        (json!({"name": "a\u{200b}b"}),                  "name",             "not seen"),
        (json!({"name": "a\u{3164}b"}),                  "name",             "a filler is not seen either"),
        (json!({"name": "a\u{e0041}b"}),                 "name",             "nor is a tag character"),
        (json!({"name": 7}),                             "name",             "a number"),
        (json!({"role": "root"}),                        "role",             "no role"),
        (json!({"role": "Owner"}),                       "role",             "another case is another word"),
        (json!({"role": "operator"}),                    "role",             "operators are the platform's"),
        (json!({"role": null}),                          "role",             "null is absent"),
        (json!({"models": "openai/*"}),                  "models",           "no list"),
        (json!({"models": ["*"]}),                       "models[0]",        "not a provider's"),
        (json!({"models": ["evil/*"]}),                  "models[0]",        "no such provider"),
        (json!({"models": ["openai/gpt-4o-mini/../x"]}), "models[0]",        "no such model"),
        (json!({"tags": tags}),                          "tags",             "51 of them"),
        (json!({"tags": ["x".repeat(65)]}),              "tags[0]",          "65 characters"),
        (json!({"tags": [""]}),                          "tags[0]",          "nothing"),
        (json!({"limits": {"rpm": -1}}),                 "limits.rpm",       "below one"),
        (json!({"limits": {"rpm": 2_147_483_648_u32}}),  "limits.rpm",       "more than fits"),
        (json!({"limits": {"tpm": 1e30}}),               "limits.tpm",       "more than fits"),
        (json!({"limits": {"concurrency": "4"}}),        "limits.concurrency", "a text"),
        (json!({"limits": []}),                          "limits",           "no object"),
        (json!({"expires_at": 1_900_000_000}),           "expires_at",       "no text"),
        (json!({"expires_at": "2030-01-01"}),            "expires_at",       "a day has no time zone"),
        (json!({"expires_at": "9999-12-31T23:59:59-01:00"}), "expires_at",   "in the year 10000, in UTC"),
        (json!({"expires_at": in_seconds(&app, -1)}),    "expires_at",       "gone by"),
        (json!({"id": "key_1"}),                         "id",               "not the caller's to say"),
        (json!({"key": "sg_live_mine"}),                 "key",              "nor this"),
        (json!({"hash": "00"}),                          "hash",             "nor this"),
    ];
    for (change, param, why) in table {
        let mut body = json!({"name": "n", "role": "viewer"});
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let answer = app.call(Method::POST, "/v1/keys", &app.api_key, &body).await;
        assert_eq!(answer.refusal(), (400, "invalid_value".into(), param.into()), "{why}: {}", answer.text());
    }
    for (body, why) in [
        (r#"{"name":"n","role":"viewer","role":"owner"}"#, "two roles, of which each parser takes another"),
        (r#"{"name":"n","role":"viewer","limits":{"rpm":1,"rpm":2}}"#, "the same, further down"),
        (r#"["name"]"#, "no object"),
        (r#"{"name":"n""#, "cut off"),
    ] {
        let mut request = app.chat_request(body);
        *request.uri_mut() = http::Uri::from_static("/v1/keys");
        assert_eq!(app.send(request).await.refusal().0, 400, "{why}");
    }
    assert_eq!(
        app.look("/v1/keys", &app.api_key).await.json()["data"].as_array().map(Vec::len),
        Some(1),
        "none was made"
    );
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_null_takes_a_bound_away() {
    let app = App::start().await;
    let body =
        json!({"name": "n", "role": "member", "tags": ["a"], "models": ["openai/*"], "limits": {"rpm": 5, "tpm": 50}});
    let made = app.new_key(&app.api_key, body).await;
    let id = text(&made["id"]);
    let mut expected = made.clone();
    expected.as_object_mut().expect("an object").remove("key");
    for (change, field, now) in [
        (json!({"name": "m"}), "name", json!("m")),
        (json!({"role": "viewer"}), "role", json!("viewer")),
        (json!({"limits": {"rpm": 6}}), "limits", json!({"rpm": 6, "tpm": 50, "concurrency": null})),
        (json!({"limits": {"tpm": null}}), "limits", json!({"rpm": 6, "tpm": null, "concurrency": null})),
        (json!({"limits": null}), "limits", json!({"rpm": null, "tpm": null, "concurrency": null})),
        (json!({"models": []}), "models", json!([])),
        (json!({"models": null}), "models", Value::Null),
        (json!({"tags": ["b", "b", "c"]}), "tags", json!(["b", "c"])),
        (json!({"expires_at": "2099-01-01T02:00:00+02:00"}), "expires_at", json!("2099-01-01T00:00:00Z")),
        (json!({"expires_at": null}), "expires_at", Value::Null),
        (json!({}), "name", json!("m")),
    ] {
        let answer = patch(&app, &id, &change).await;
        assert_eq!(answer.status, 200, "{change}: {}", answer.text());
        let answer = answer.json();
        expected[field] = now;
        expected["updated_at"] = answer["updated_at"].clone();
        assert_eq!(answer, expected, "{change}");
        assert_eq!(app.look(&format!("/v1/keys/{id}"), &app.api_key).await.json(), answer, "{change}: as stored");
    }
    assert_eq!(patch(&app, &id, &json!({"nmae": "x"})).await.refusal(), (400, "invalid_value".into(), "nmae".into()));
}

#[tokio::test]
async fn a_rotated_key_works_with_both_secrets_until_the_overlap_ends() {
    let app = App::start().await;
    let made = app.new_key(&app.api_key, json!({"name": "n", "role": "viewer"})).await;
    let (id, old) = (text(&made["id"]), text(&made["key"]));
    assert!(app.takes(&old).await);
    let answer = rotate(&app, &id, &json!({"overlap_seconds": 600})).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    let rotated = answer.json();
    let new = text(&rotated["key"]);
    assert!(new != old && rotated["masked"] != made["masked"], "{rotated}");
    let left = OffsetDateTime::parse(&text(&rotated["previous_until"]), &Rfc3339).expect("a time")
        - OffsetDateTime::parse(&text(&rotated["updated_at"]), &Rfc3339).expect("a time");
    assert_eq!(left, time::Duration::seconds(600));

    assert!(app.takes(&old).await && app.takes(&new).await, "both at once");
    app.clock.advance(Duration::from_secs(590));
    assert!(app.takes(&old).await && app.takes(&new).await, "still");
    app.clock.advance(Duration::from_secs(11));
    assert!(!app.takes(&old).await, "over, though it was remembered eleven seconds ago");
    assert!(app.takes(&new).await);
    assert_eq!(app.look(&format!("/v1/keys/{id}"), &app.api_key).await.json()["previous_until"], Value::Null);
}

#[tokio::test]
async fn an_overlap_is_a_day_unless_said_otherwise_and_none_if_zero() {
    let app = App::start().await;
    let made = app.new_key(&app.api_key, json!({"name": "n", "role": "viewer"})).await;
    let (id, first) = (text(&made["id"]), text(&made["key"]));
    let second = text(&rotate(&app, &id, &Value::Null).await.json()["key"]);
    app.clock.advance(Duration::from_secs(86_000));
    assert!(app.takes(&first).await && app.takes(&second).await);
    let third = text(&rotate(&app, &id, &json!({"overlap_seconds": 0})).await.json()["key"]);
    app.clock.advance(Duration::from_secs(31));
    let taken = [app.takes(&first).await, app.takes(&second).await, app.takes(&third).await];
    assert_eq!(
        taken,
        [false, false, true],
        "of two rotations only the last secret before is kept, and here not even that"
    );
    for overlap in [json!(-1), json!(2_592_001), json!("1h")] {
        let answer = rotate(&app, &id, &json!({"overlap_seconds": overlap})).await;
        assert_eq!(answer.refusal(), (400, "invalid_value".into(), "overlap_seconds".into()));
    }
}

#[tokio::test]
async fn a_revocation_ends_both_secrets_at_once_and_for_good() {
    let app = App::start().await;
    let made = app.new_key(&app.api_key, json!({"name": "n", "role": "viewer"})).await;
    let (id, old) = (text(&made["id"]), text(&made["key"]));
    let new = text(&rotate(&app, &id, &Value::Null).await.json()["key"]);
    assert_eq!(revoke(&app, &id).await.status, 204);
    assert!(!app.takes(&old).await && !app.takes(&new).await, "in a process that had not seen them");
    let shown = app.look(&format!("/v1/keys/{id}"), &app.api_key).await.json();
    assert_eq!((&shown["status"], &shown["previous_until"]), (&json!("revoked"), &Value::Null));
    assert!(shown["revoked_at"].is_string(), "it stays in the list");
    let again =
        [patch(&app, &id, &json!({"name": "x"})).await, rotate(&app, &id, &Value::Null).await, revoke(&app, &id).await];
    for answer in again {
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (409, "conflict"));
    }
}

#[tokio::test]
async fn a_key_ends_when_it_expires_though_it_is_remembered() {
    let app = App::start().await;
    let body = json!({"name": "n", "role": "viewer", "expires_at": in_seconds(&app, 10)});
    let made = app.new_key(&app.api_key, body).await;
    let (id, key) = (text(&made["id"]), text(&made["key"]));
    assert!(app.takes(&key).await);
    app.clock.advance(Duration::from_secs(11));
    assert!(!app.takes(&key).await);
    assert_eq!(app.look(&format!("/v1/keys/{id}"), &app.api_key).await.json()["status"], "expired");
    assert_eq!(rotate(&app, &id, &Value::Null).await.error_code(), "conflict", "a new secret would not work either");
    assert_eq!(patch(&app, &id, &json!({"expires_at": null})).await.status, 200);
    assert!(app.takes(&key).await, "it may be given more time");
}

#[tokio::test]
async fn keys_are_at_their_paths_and_nowhere_else() {
    let app = App::start().await;
    let id = KeyId::generate(app.clock.since_epoch());
    #[rustfmt::skip]
    let table = [
        (Method::GET,    "/v1/keysx".to_owned(),          404, "another path"),
        (Method::GET,    format!("/v1/keys{id}"),         404, "no slash"),
        (Method::GET,    format!("/v1/keys/{id}/rotate"), 405, "to be posted"),
        (Method::POST,   format!("/v1/keys/{id}"),        405, "to be patched"),
        (Method::DELETE, "/v1/keys".to_owned(),           405, "not all at once"),
        (Method::POST,   format!("/v1/keys/{id}/rotat"),  404, "nothing there"),
        (Method::PUT,    "/v1/keys".to_owned(),           405, "not a method of this function"),
    ];
    for (method, path, status, why) in table {
        assert_eq!(app.call(method, &path, &app.api_key, &json!({})).await.status, status, "{path}: {why}");
    }
}
