//! What a key may do: a subset of what its maker may, which the database checks too, and only what its lists name.

use super::{in_seconds, patch, rotate};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::{
    app::App,
    office::{OtherTenant, text},
};
use tokio_postgres::{Client, error::SqlState};

#[tokio::test]
async fn a_child_never_has_more_than_its_maker() {
    let app = App::start().await;
    let soon = in_seconds(&app, 3600);
    let (sooner, later) = (in_seconds(&app, 1800), in_seconds(&app, 7200));
    let bounded = json!({
        "models": ["openai/gpt-4o-mini", "mistral/*"], "tags": ["team:a"], "limits": {"rpm": 10, "tpm": 1000, "concurrency": 2},
        "expires_at": soon,
    });
    #[rustfmt::skip]
    let table = [
        (json!({}),                                                         "",           "the same as its maker"),
        (json!({"role": "owner"}),                                          "role",       "a higher role"),
        (json!({"role": "viewer"}),                                         "",           "a lower role"),
        (json!({"models": null}),                                           "models",     "every model"),
        (json!({"models": ["openai/*"]}),                                   "models",     "a star is more than one of its models"),
        (json!({"models": ["openai/gpt-4o-mini", "cohere/*"]}),             "models",     "one of them is too much"),
        (json!({"models": ["mistral/mistral-small-latest"]}),               "",           "under the maker's star"),
        (json!({"models": []}),                                             "",           "nothing"),
        (json!({"expires_at": null}),                                       "expires_at", "for ever"),
        (json!({"expires_at": later}),                                      "expires_at", "longer"),
        (json!({"expires_at": sooner}),                                     "",           "shorter"),
        (json!({"limits": null}),                                           "limits",     "no limits"),
        (json!({"limits": {"rpm": 11, "tpm": 1000, "concurrency": 2}}),     "limits",     "one above the maker's"),
        (json!({"limits": {"rpm": 10, "concurrency": 2}}),                  "limits",     "one left out"),
        (json!({"limits": {"rpm": 1, "tpm": 1, "concurrency": 1}}),         "",           "lower ones"),
        (json!({"tags": []}),                                               "",           "the maker's tags stay anyway"),
    ];
    let with = |base: &Value, change: &Value| {
        let mut body = base.clone();
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        body
    };
    let as_admin = with(&bounded, &json!({"name": "maker", "role": "admin"}));
    let maker = text(&app.new_key(&app.api_key, as_admin.clone()).await["key"]);
    let child = text(&app.new_key(&maker, as_admin.clone()).await["id"]);
    for (change, param, why) in table {
        let made = app.call(Method::POST, "/v1/keys", &maker, &with(&as_admin, &change)).await;
        let changed = app.call(Method::PATCH, &format!("/v1/keys/{child}"), &maker, &change).await;
        if param.is_empty() {
            assert_eq!((made.status.as_u16(), changed.status.as_u16()), (201, 200), "{why}: {}", made.text());
            assert_eq!(made.json()["tags"], json!(["team:a"]), "{why}");
            assert_eq!(patch(&app, &child, &bounded).await.status, 200, "as it was");
            assert_eq!(patch(&app, &child, &json!({"role": "admin"})).await.status, 200, "as it was");
        } else {
            assert_eq!(made.refusal(), (403, "permission_denied".into(), param.into()), "{why}");
            let left_out = why == "one left out";
            // A limit that an update leaves out stays.
            assert!(
                left_out || changed.refusal() == (403, "permission_denied".into(), param.into()),
                "{why}: {}",
                changed.text()
            );
        }
    }
}

#[tokio::test]
async fn nobody_gets_a_secret_that_may_more_than_they_by_rotating_or_changing_a_key() {
    let app = App::start().await;
    let body = json!({"name": "maker", "role": "admin", "models": ["openai/*"]});
    let made = app.new_key(&app.api_key, body).await;
    let (own_id, admin) = (text(&made["id"]), text(&made["key"]));
    let plain = text(&app.new_key(&app.api_key, json!({"name": "plain", "role": "member"})).await["id"]);
    let owner = text(&app.new_key(&app.api_key, json!({"name": "owner", "role": "owner"})).await["id"]);
    let act = async |method: Method, path: String, body: Value| app.call(method, &path, &admin, &body).await;
    let cases = [
        (
            act(Method::POST, format!("/v1/keys/{plain}/rotate"), Value::Null).await,
            "models",
            "its secret may use every model",
        ),
        (
            act(Method::PATCH, format!("/v1/keys/{plain}"), json!({"name": "mine"})).await,
            "models",
            "who changes it vouches for it",
        ),
        (act(Method::POST, format!("/v1/keys/{owner}/rotate"), Value::Null).await, "role", "an owner's secret"),
        (
            act(Method::PATCH, format!("/v1/keys/{owner}"), json!({"role": "viewer"})).await,
            "role",
            "an owner is not an admin's to demote",
        ),
        (act(Method::DELETE, format!("/v1/keys/{owner}"), Value::Null).await, "role", "nor to revoke"),
        (
            act(Method::PATCH, format!("/v1/keys/{own_id}"), json!({"models": null})).await,
            "models",
            "not even its own bounds",
        ),
        (act(Method::PATCH, format!("/v1/keys/{own_id}"), json!({"role": "owner"})).await, "role", "nor its own role"),
    ];
    for (answer, param, why) in cases {
        assert_eq!(answer.refusal(), (403, "permission_denied".into(), param.into()), "{why}");
    }
    assert_eq!(act(Method::POST, format!("/v1/keys/{own_id}/rotate"), Value::Null).await.status, 200, "its own secret");
    assert_eq!(
        act(Method::DELETE, format!("/v1/keys/{plain}"), Value::Null).await.status,
        204,
        "to take away is not to give"
    );
}

#[tokio::test]
async fn a_maker_that_was_revoked_while_it_is_remembered_makes_nothing() {
    let app = App::start().await;
    let made = app.new_key(&app.api_key, json!({"name": "maker", "role": "admin"})).await;
    let (id, admin) = (text(&made["id"]), text(&made["key"]));
    assert_eq!(app.look("/v1/keys", &admin).await.status, 200, "from here on it is remembered");
    assert_eq!(super::revoke(&app, &id).await.status, 204);
    assert_eq!(app.look("/v1/keys", &admin).await.status, 200, "it is still remembered");
    let answer = app.call(Method::POST, "/v1/keys", &admin, &json!({"name": "n", "role": "admin"})).await;
    assert_eq!(answer.refusal(), (401, "invalid_api_key".into(), String::new()), "not for what lasts");
    assert_eq!(app.look("/v1/keys", &admin).await.status, 401, "and from then on for nothing");
}

#[tokio::test]
async fn what_is_booked_under_the_makers_tags_stays_booked_under_them() {
    let app = App::start().await;
    let made = app.new_key(&app.api_key, json!({"name": "maker", "role": "admin", "tags": ["team:a"]})).await;
    let (own_id, admin) = (text(&made["id"]), text(&made["key"]));
    let plain = text(&app.new_key(&app.api_key, json!({"name": "plain", "role": "member", "tags": ["x"]})).await["id"]);
    let act = async |method: Method, path: String, body: Value| app.call(method, &path, &admin, &body).await;
    let invitation = json!({"email": "eve@example.com", "role": "admin"});
    for (method, path, body, param, why) in [
        (Method::POST, format!("/v1/keys/{plain}/rotate"), Value::Null, "tags", "its secret would not be booked there"),
        (Method::PATCH, format!("/v1/keys/{plain}"), json!({"name": "mine"}), "tags", "who changes it vouches for it"),
        (Method::POST, "/v1/tenant/members".to_owned(), invitation, "role", "a member makes keys without tags"),
    ] {
        let answer = act(method, path, body).await;
        assert_eq!(answer.refusal(), (403, "permission_denied".into(), param.into()), "{why}: {}", answer.text());
    }
    assert_eq!(act(Method::POST, format!("/v1/keys/{own_id}/rotate"), Value::Null).await.status, 200, "its own");
    let taken = act(Method::PATCH, format!("/v1/keys/{plain}"), json!({"tags": ["y"]})).await;
    assert_eq!((taken.status.as_u16(), &taken.json()["tags"]), (200, &json!(["y", "team:a"])), "with its tags it may");
    assert_eq!(act(Method::POST, format!("/v1/keys/{plain}/rotate"), Value::Null).await.status, 200);
}

#[tokio::test]
async fn tags_of_the_maker_count_towards_the_most_that_a_key_may_have() {
    let app = App::start().await;
    let tags = |of: &str| -> Vec<String> { (0..26).map(|number| format!("{of}{number}")).collect() };
    let maker = json!({"name": "maker", "role": "admin", "tags": tags("a")});
    let maker = text(&app.new_key(&app.api_key, maker).await["key"]);
    let answer =
        app.call(Method::POST, "/v1/keys", &maker, &json!({"name": "n", "role": "viewer", "tags": tags("b")})).await;
    assert_eq!(answer.refusal(), (400, "invalid_value".into(), "tags".into()));
}

/// A connection of the administering functions' role, in a transaction of the tenant.
async fn office(app: &App, tenant: &str) -> Client {
    let client = supergate_tests::postgres::connect(&app.database.url("supergate_office")).await;
    client.batch_execute(&format!("begin; select app.set_tenant('{}')", uuid_of(tenant))).await.expect("a transaction");
    client
}

fn uuid_of(id: &str) -> String {
    uuid::Uuid::parse_str(id.split_once('_').expect("an id").1).expect("a UUID").to_string()
}

/// Runs a statement and takes back what it did; the SQLSTATE of its refusal.
async fn tried(client: &Client, sql: &str) -> Result<(), String> {
    client.batch_execute("savepoint before").await.expect("a transaction");
    let done = client.batch_execute(sql).await;
    client.batch_execute("rollback to before").await.expect("a savepoint");
    done.map_err(|error| error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()))
}

/// Columns of a good row that differ, and how.
type Changes<'a> = Vec<(&'a str, String)>;

#[tokio::test]
async fn the_database_checks_a_keys_rights_whatever_the_program_says() {
    let app = App::start().await;
    let maker = json!({
        "name": "maker", "role": "admin", "models": ["openai/gpt-4o-mini", "mistral/*"], "expires_at": "2098-01-01T00:00:00Z",
        "tags": ["team:a"], "limits": {"rpm": 10, "tpm": 10, "concurrency": 10},
    });
    let maker_id = text(&app.new_key(&app.api_key, maker).await["id"]);
    let revoked = text(&app.new_key(&app.api_key, json!({"name": "n", "role": "owner"})).await["id"]);
    assert_eq!(super::revoke(&app, &revoked).await.status, 204);
    let other: OtherTenant = app.other_tenant("other").await;
    let person = app.member(&app.tenant_id, "ada", "member").await;
    let (tenant, maker, revoked, theirs) =
        (uuid_of(&app.tenant_id), uuid_of(&maker_id), uuid_of(&revoked), uuid_of(&other.key_id));
    let person = uuid_of(&person.id);
    let good = [
        ("tenant_id", format!("'{tenant}'")),
        ("role", "'admin'".into()),
        ("models", "'{openai/gpt-4o-mini}'".into()),
        ("expires_at", "'2097-01-01'".into()),
        ("tags", "'{team:a,x}'".into()),
        ("requests_per_minute", "10".into()),
        ("tokens_per_minute", "10".into()),
        ("concurrency", "10".into()),
        ("granted_by_key", format!("'{maker}'")),
        ("granted_by_person", "null".into()),
        ("granted_by_role", "'admin'".into()),
    ];
    let columns = good.clone().map(|(column, _)| column).join(", ");
    let denied = SqlState::INSUFFICIENT_PRIVILEGE.code();
    #[rustfmt::skip]
    let table: Vec<(Changes<'_>, &str, &str)> = vec![
        (vec![],                                                     "",     "the control: a subset is stored"),
        (vec![("models", "'{mistral/mistral-small-latest}'".into())], "",    "under the maker's star"),
        (vec![("role", "'owner'".into())],                           denied, "a higher role"),
        (vec![("role", "'operator'".into())],                        denied, "the highest"),
        (vec![("models", "null".into())],                            denied, "every model"),
        (vec![("models", "'{openai/*}'".into())],                    denied, "a star"),
        (vec![("models", "'{openai/gpt-4o-mini,cohere/x}'".into())], denied, "one too many"),
        (vec![("expires_at", "null".into())],                        denied, "for ever"),
        (vec![("expires_at", "'2099-01-01'".into())],                denied, "longer"),
        (vec![("tags", "'{x}'".into())],                             denied, "without the maker's tag"),
        (vec![("requests_per_minute", "11".into())],                 denied, "more requests"),
        (vec![("tokens_per_minute", "null".into())],                 denied, "any number of tokens"),
        (vec![("concurrency", "11".into())],                         denied, "more at once"),
        (vec![("granted_by_key", "null".into())],                    denied, "no maker"),
        (vec![("granted_by_key", format!("'{revoked}'"))],           denied, "a revoked maker"),
        (vec![("granted_by_key", format!("'{theirs}'"))],            denied, "another tenant's owner as maker"),
        (vec![("granted_by_key", "gen_random_uuid()".into())],       denied, "a maker that there is not"),
        (vec![("granted_by_key", "null".into()), ("granted_by_person", format!("'{person}'")), ("role", "'member'".into())],
                                                                  "",     "a member makes a member's"),
        (vec![("granted_by_key", "null".into()), ("granted_by_person", format!("'{person}'")), ("granted_by_role", "'owner'".into())],
                                                                  denied, "a member who says to be an owner"),
        (vec![("granted_by_key", "null".into()), ("granted_by_person", "gen_random_uuid()".into()), ("granted_by_role", "'emperor'".into())],
                                                                  denied, "a role that there is not"),
        (vec![("tenant_id", format!("'{}'", uuid_of(&other.id)))],   denied, "into another tenant"),
    ];
    let client = office(&app, &app.tenant_id).await;
    for (changes, expected, why) in table {
        let value = |(column, value): (&str, String)| {
            changes.iter().find(|(name, _)| *name == column).map_or(value, |(_, new)| new.clone())
        };
        let values = good.clone().map(value).join(", ");
        let sql = format!(
            "insert into api_keys (id, name, hash, {columns}) values (gen_random_uuid(), 'n', decode(repeat('00', 32), 'hex'), {values})"
        );
        assert_eq!(tried(&client, &sql).await.err().unwrap_or_default(), expected, "{why}");
    }
    let first = format!("(select id from api_keys where granted_by_key is null and tenant_id = '{tenant}')");
    #[rustfmt::skip]
    let statements = [
        (format!("update api_keys set name = 'm' where id = '{maker}'"),                       "",     "the control: a name is no right"),
        (format!("update api_keys set role = 'owner' where id = '{maker}'"),                   "",     "an owner made it"),
        (format!("update api_keys set role = 'operator' where id = '{maker}'"),                denied, "an owner cannot make operators"),
        (format!("update api_keys set role = 'owner', granted_by_key = id where id = '{maker}'"), denied, "nobody raises itself"),
        (format!("update api_keys set models = null, granted_by_key = id where id = '{maker}'"), denied, "nor widens its own bounds"),
        (format!("update api_keys set hash = decode(repeat('00', 32), 'hex'), granted_by_key = '{maker}' where id = {first}"), denied, "a secret above the maker's"),
        (format!("update api_keys set role = 'viewer' where id = {first}"),                    denied, "the deployment's key has no maker to answer for a change"),
        ("select hash from api_keys".into(),                                                   denied, "hashes are not for reading"),
        (format!("delete from api_keys where id = '{maker}'"),                                 denied, "keys are revoked, not deleted"),
        (format!("update api_keys set tenant_id = '{}' where id = '{maker}'", uuid_of(&other.id)), denied, "keys do not move"),
        (format!("update api_keys set id = gen_random_uuid() where id = '{maker}'"),           denied, "nor change their id"),
    ];
    for (sql, expected, why) in statements {
        assert_eq!(tried(&client, &sql).await.err().unwrap_or_default(), expected, "{why}: {sql}");
    }
}

#[tokio::test]
async fn a_key_uses_the_models_that_it_and_its_tenant_allow_and_sees_no_others() {
    let app = App::start().await;
    let body = json!({"name": "n", "role": "member", "models": ["openai/gpt-4o-mini", "mistral/*"]});
    let key = text(&app.new_key(&app.api_key, body).await["key"]);
    let chat = async |model: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
        app.call(Method::POST, "/v1/chat/completions", &key, &body).await
    };
    let embed = async |model: &str| {
        app.call(Method::POST, "/v1/embeddings", &key, &json!({"model": model, "input": "hi"})).await
    };
    let listed = async || {
        let list = app.look("/v1/models", &key).await.json();
        list["data"].as_array().expect("a list").iter().map(|model| text(&model["id"])).collect::<Vec<_>>()
    };
    let denied = (403, "permission_denied".to_owned(), "model".to_owned());
    assert_eq!(chat("gpt-4o-mini").await.status, 200, "by its bare name too");
    assert_eq!(chat("mistral/mistral-small-latest").await.status, 200);
    assert_eq!(chat("openai/gpt-4o").await.refusal(), denied);
    assert_eq!(chat("gpt-4o").await.refusal(), denied, "a bare name is no way around");
    assert_eq!(chat("anthropic/claude-haiku-4-5").await.refusal(), denied);
    assert_eq!(embed("mistral/mistral-embed").await.status, 200);
    assert_eq!(embed("openai/text-embedding-3-small").await.refusal(), denied);
    let models = listed().await;
    assert!(
        models.iter().any(|id| id == "openai/gpt-4o-mini") && models.iter().any(|id| id == "mistral/mistral-embed")
    );
    assert!(models.iter().all(|id| id == "openai/gpt-4o-mini" || id.starts_with("mistral/")), "{models:?}");
    let not_listed = (404, "model_not_found".to_owned(), "model".to_owned());
    assert_eq!(app.look("/v1/models/openai/gpt-4o", &key).await.refusal(), not_listed);
    assert_eq!(app.look("/v1/models/openai/gpt-4o-mini", &key).await.status, 200);

    let settings =
        json!({"settings": {"allowed_models": ["mistral/*", "cohere/*"], "allowed_providers": ["openai", "mistral"]}});
    assert_eq!(app.call(Method::PATCH, "/v1/tenant", &app.api_key, &settings).await.status, 200);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(chat("openai/gpt-4o-mini").await.refusal(), denied, "the tenant's models do not have it");
    assert_eq!(chat("mistral/mistral-small-latest").await.status, 200);
    assert!(listed().await.iter().all(|id| id.starts_with("mistral/")));
    let cohere = json!({"model": "cohere/command-a-03-2025", "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(
        app.chat(&cohere).await.refusal(),
        denied,
        "a provider that the tenant does not allow, for whatever key"
    );
    let billed = app.mock.bill().len();
    assert_eq!(billed, 4, "what was refused reached no provider");
}

#[tokio::test]
async fn who_may_not_manage_keys_is_told_which_permission_is_lacking() {
    let app = App::start().await;
    let id = text(&app.new_key(&app.api_key, json!({"name": "n", "role": "viewer"})).await["id"]);
    for role in ["member", "viewer"] {
        let key = app.key_of(role).await;
        for (method, path, permission) in [
            (Method::GET, "/v1/keys".to_owned(), "keys.read"),
            (Method::GET, format!("/v1/keys/{id}"), "keys.read"),
            (Method::POST, "/v1/keys".to_owned(), "keys.manage"),
            (Method::PATCH, format!("/v1/keys/{id}"), "keys.manage"),
            (Method::DELETE, format!("/v1/keys/{id}"), "keys.manage"),
            (Method::POST, format!("/v1/keys/{id}/rotate"), "keys.manage"),
        ] {
            let answer = app.call(method, &path, &key, &json!({})).await;
            assert_eq!(
                (answer.status.as_u16(), answer.error_code().as_str()),
                (403, "permission_denied"),
                "{role}: {path}"
            );
            assert!(answer.text().contains(permission) && answer.text().contains(role), "{}", answer.text());
        }
    }
    let admin = app.key_of("admin").await;
    assert_eq!(app.call(Method::POST, &format!("/v1/keys/{id}/rotate"), &admin, &Value::Null).await.status, 200);
    assert_eq!(rotate(&app, &id, &Value::Null).await.status, 200);
}
