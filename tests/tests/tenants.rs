//! `/v1/tenant`: making tenants, their settings, suspending them, and their end.

#[path = "tenants/members.rs"]
mod members;

use http::Method;
use lambda_http::RequestExt as _;
use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::{
    app::{Answer, App, MODELS, provider_key},
    cache_rows,
    logs::Logs,
    office::{OtherTenant, text},
};

const ROUTE: &str = "/v1/tenant";

/// Acts on a tenant as an operator.
async fn operate(app: &App, method: Method, tenant: &OtherTenant, body: &Value) -> Answer {
    app.call(method, &format!("{ROUTE}?tenant_id={}", tenant.id), &app.operator_key, body).await
}

#[tokio::test]
async fn operators_make_tenants_each_with_an_owners_key() {
    let app = App::start().await;
    let body = json!({
        "name": "search team", "tier": "enterprise-independent", "key_name": "terraform",
        "settings": {"allowed_models": ["gpt-4o-mini"], "allowed_providers": ["openai"], "cache_prompts": false},
    });
    let answer = app.call(Method::POST, ROUTE, &app.operator_key, &body).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (201, "no-store"), "{}", answer.text());
    let mut made = answer.json();
    let key = text(&made["api_key"]);
    for name in ["api_key", "key_id"] {
        made.as_object_mut().expect("an object").remove(name);
    }
    assert_eq!(made["settings"]["allowed_models"], json!(["openai/gpt-4o-mini"]));
    assert_eq!((&made["tier"], &made["status"]), (&json!("enterprise-independent"), &json!("active")));
    assert_eq!(app.look(ROUTE, &key).await.json(), made, "what its owner sees is what the operator was told");
    let keys = app.look("/v1/keys", &key).await.json();
    assert_eq!((&keys["data"][0]["name"], &keys["data"][0]["role"]), (&json!("terraform"), &json!("owner")));

    for role in ["owner", "admin", "member", "viewer"] {
        let answer = app.call(Method::POST, ROUTE, &app.key_of(role).await, &body).await;
        assert_eq!(answer.refusal(), (403, "permission_denied".into(), String::new()), "{role}");
        assert!(answer.text().contains("tenants.manage"), "{role}: {}", answer.text());
    }
}

#[tokio::test]
async fn what_a_tenant_cannot_be_is_a_400_that_names_every_fault() {
    let app = App::start().await;
    let body = json!({
        "name": "a\u{2066}b", "tier": "gold", "status": "active", "key_name": "", "id": "ten_1",
        "settings": {"allowed_models": ["openai/none-such"], "allowed_providers": ["azure", 1], "cache_prompts": "yes", "rpm": 1},
    });
    let answer = app.call(Method::POST, ROUTE, &app.operator_key, &body).await;
    assert_eq!(answer.refusal(), (400, "invalid_value".into(), "name".into()));
    let message = text(&answer.json()["error"]["message"]);
    for path in [
        "`name`",
        "`tier`",
        "`status`",
        "`key_name`",
        "`id`",
        "`settings.allowed_models[0]`",
        "`settings.allowed_providers[0]`",
        "`settings.allowed_providers[1]`",
        "`settings.cache_prompts`",
        "`settings.rpm`",
    ] {
        assert!(message.contains(path), "{path} in: {message}");
    }
    for body in [json!({"name": "x".repeat(201)}), json!({"name": "x", "settings": []}), json!([]), json!({"name": 1})]
    {
        assert_eq!(app.call(Method::PATCH, ROUTE, &app.api_key, &body).await.status, 400, "{body}");
        assert_eq!(app.call(Method::POST, ROUTE, &app.operator_key, &body).await.status, 400, "{body}");
    }
    for body in [json!({}), json!({"name": null})] {
        assert_eq!(
            app.call(Method::POST, ROUTE, &app.operator_key, &body).await.refusal().2,
            "name",
            "required: {body}"
        );
    }
    let answer = app
        .call(Method::POST, &format!("{ROUTE}?tenant_id={}", app.tenant_id), &app.operator_key, &json!({"name": "x"}))
        .await;
    assert_eq!(answer.refusal(), (400, "invalid_value".into(), "tenant_id".into()), "a new tenant is not on another");
}

#[tokio::test]
async fn a_tenants_administrators_name_it_and_choose_its_settings() {
    let app = App::start().await;
    let admin = app.key_of("admin").await;
    let mut expected = app.look(ROUTE, &admin).await.json();
    assert_eq!((&expected["id"], &expected["tier"]), (&json!(app.tenant_id), &json!("free")));
    for (change, field, now) in [
        (json!({"name": "renamed"}), "/name", json!("renamed")),
        (
            json!({"settings": {"allowed_models": ["openai/*", "openai/*"]}}),
            "/settings/allowed_models",
            json!(["openai/*"]),
        ),
        (json!({"settings": {"allowed_providers": ["openai"]}}), "/settings/allowed_providers", json!(["openai"])),
        (json!({"settings": {"cache_prompts": false}}), "/settings/cache_prompts", json!(false)),
        (json!({"settings": {"allowed_models": null}}), "/settings/allowed_models", Value::Null),
        (json!({"settings": {"allowed_providers": null}}), "/settings/allowed_providers", Value::Null),
        (json!({"settings": {}}), "/settings/cache_prompts", json!(false)),
    ] {
        let answer = app.call(Method::PATCH, ROUTE, &admin, &change).await;
        assert_eq!(answer.status, 200, "{change}: {}", answer.text());
        let answer = answer.json();
        *expected.pointer_mut(field).expect(field) = now;
        expected["updated_at"] = answer["updated_at"].clone();
        assert_eq!(answer, expected, "{change}");
        assert_eq!(app.look(ROUTE, &admin).await.json(), answer, "{change}: as stored");
    }
    for (role, method, permission) in [
        ("member", Method::PATCH, "tenant.update"),
        ("viewer", Method::PATCH, "tenant.update"),
        ("member", Method::DELETE, "tenant.delete"),
        ("admin", Method::DELETE, "tenant.delete"),
    ] {
        let answer = app.call(method, ROUTE, &app.key_of(role).await, &json!({"name": "renamed"})).await;
        assert_eq!(answer.refusal(), (403, "permission_denied".into(), String::new()), "{role}");
        assert!(answer.text().contains(permission), "{role}: {}", answer.text());
    }
    assert_eq!(app.look(ROUTE, &app.key_of("viewer").await).await.status, 200, "a viewer may look");
}

#[tokio::test]
async fn what_a_tenant_pays_for_and_whether_it_is_served_is_the_operators_to_say() {
    let app = App::start().await;
    let tenant = app.other_tenant("other").await;
    for (body, param) in [(json!({"tier": "enterprise"}), "tier"), (json!({"status": "suspended"}), "status")] {
        let answer = app.call(Method::PATCH, ROUTE, &tenant.key, &body).await;
        assert_eq!(answer.refusal(), (403, "permission_denied".into(), param.into()), "not even an owner");
        assert_eq!(operate(&app, Method::PATCH, &tenant, &body).await.status, 200, "{body}");
    }
    let deleting = operate(&app, Method::PATCH, &tenant, &json!({"status": "deleting"})).await;
    assert_eq!(
        deleting.refusal(),
        (400, "invalid_value".into(), "status".into()),
        "there is another way to end a tenant"
    );
    let platform = app.call(Method::PATCH, ROUTE, &app.operator_key, &json!({"status": "suspended"})).await;
    assert_eq!(platform.refusal(), (400, "invalid_value".into(), "status".into()), "it would lock everybody out");
}

#[tokio::test]
async fn a_suspended_tenant_is_a_401_until_it_is_active_again() {
    let app = App::start().await;
    let tenant = app.other_tenant("other").await;
    assert!(app.takes(&tenant.key).await && app.look(ROUTE, &tenant.key).await.status == 200);
    assert_eq!(operate(&app, Method::PATCH, &tenant, &json!({"status": "suspended"})).await.status, 200);
    app.clock.advance(Duration::from_secs(30));
    assert!(!app.takes(&tenant.key).await);
    assert_eq!(app.look(ROUTE, &tenant.key).await.status, 401, "not even to administer itself");
    assert!(app.takes(&app.api_key).await, "nobody else");
    assert_eq!(operate(&app, Method::PATCH, &tenant, &json!({"status": "active"})).await.status, 200);
    assert!(app.takes(&tenant.key).await);
}

#[tokio::test]
async fn only_operators_reach_other_tenants_and_to_the_rest_there_are_none() {
    let app = App::start().await;
    let other = app.other_tenant("other").await;
    let none = supergate::tenancy::TenantId::generate(Duration::from_secs(1)).to_string();
    let body = json!({"name": "other"});
    for role in ["owner", "admin"] {
        let key = app.key_of(role).await;
        let methods = if role == "owner" {
            vec![Method::GET, Method::PATCH, Method::DELETE]
        } else {
            vec![Method::GET, Method::PATCH]
        };
        for method in methods {
            let mut bodies = Vec::new();
            for id in [&other.id, &none, "ten_x", "", "key_x"] {
                let answer = app.call(method.clone(), &format!("{ROUTE}?tenant_id={id}"), &key, &body).await;
                assert_eq!(answer.status, 404, "{role} {method} {id}");
                bodies.push(answer.text());
            }
            bodies.dedup();
            assert_eq!(bodies.len(), 1, "{role} {method}: the same for all: {bodies:?}");
        }
        let own = format!("{ROUTE}?tenant_id={}", app.tenant_id);
        assert_eq!(app.look(&own, &key).await.status, 200, "one's own may be named");
    }
    assert_eq!(operate(&app, Method::GET, &other, &Value::Null).await.json()["name"], "other");
    assert_eq!(operate(&app, Method::PATCH, &other, &json!({"name": "renamed"})).await.json()["name"], "renamed");
    let gone = OtherTenant { id: none, key: String::new(), key_id: String::new() };
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        assert_eq!(operate(&app, method.clone(), &gone, &body).await.status, 404, "an operator too: {method}");
    }
    assert_eq!(app.look(ROUTE, &other.key).await.json()["name"], "renamed", "nobody else changed it");
}

/// Rows that name a tenant, by table.
async fn rows_of(app: &App, tenant: &str) -> Vec<(String, i64)> {
    let superuser = app.database.superuser().await;
    let tables = "select c.relname::text, a.attname::text from pg_class c join pg_attribute a on a.attrelid = c.oid \
                  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition \
                  and (a.attname = 'tenant_id' or (c.relname = 'tenants' and a.attname = 'id')) order by 1";
    let id: supergate::tenancy::TenantId = tenant.parse().expect("a tenant");
    let mut found = Vec::new();
    for table in superuser.query(tables, &[]).await.expect("the catalogue") {
        let (name, column): (String, String) = (table.get(0), table.get(1));
        let count = format!("select count(*) from {name} where {column} = $1");
        let count: i64 = superuser.query_one(&count, &[id.as_uuid()]).await.expect("a count").get(0);
        if count > 0 {
            found.push((name, count));
        }
    }
    found
}

/// A tenant with something in every table.
async fn lived_in(app: &App) -> OtherTenant {
    let tenant = app.other_tenant("lived in").await;
    for (path, body) in [
        ("/v1/tenant/keys", json!({"provider": "openai", "api_key": provider_key("openai")})),
        ("/v1/tenant/members", json!({"email": "eve@example.com", "role": "member"})),
        ("/v1/keys", json!({"name": "n", "role": "viewer"})),
        ("/v1/chat/completions", json!({"model": MODELS[0], "messages": [{"role": "user", "content": "hi"}]})),
    ] {
        let answer = app.call(Method::POST, path, &tenant.key, &body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
    }
    app.member(&tenant.id, "ada", "owner").await;
    tenant
}

#[tokio::test]
async fn of_a_deleted_tenant_nothing_is_left_but_the_audit_which_operators_read() {
    let app = App::start().await;
    app.unbilled("a ledger goes with its tenant");
    let tenant = lived_in(&app).await;
    let before: Vec<String> = rows_of(&app, &tenant.id).await.into_iter().map(|(table, _)| table).collect();
    let all = ["api_keys", "audit_events", "invitations", "members", "provider_credentials", "tenants", "usage_events"];
    for table in all {
        assert!(before.iter().any(|name| name == table), "the control: there is something in {table}: {before:?}");
    }
    let slip = app.call(Method::DELETE, ROUTE, &tenant.key, &json!({"name": "Lived in"})).await;
    assert_eq!(slip.refusal(), (400, "invalid_value".into(), "name".into()), "its name must be repeated");
    let answer = app.call(Method::DELETE, ROUTE, &tenant.key, &json!({"name": "lived in"})).await;
    let expected = json!({"id": tenant.id, "status": "deleted", "data_keys_destroyed": 1, "readable_left": false});
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));

    let left: Vec<String> = rows_of(&app, &tenant.id).await.into_iter().map(|(table, _)| table).collect();
    assert_eq!(left, ["audit_events"]);
    app.clock.advance(Duration::from_secs(30));
    assert!(!app.takes(&tenant.key).await);
    assert_eq!(operate(&app, Method::GET, &tenant, &Value::Null).await.status, 404);
    assert_eq!(operate(&app, Method::DELETE, &tenant, &json!({"name": "lived in"})).await.status, 404, "only once");
    let audit = app.look(&format!("/v1/audit?tenant_id={}", tenant.id), &app.operator_key).await.json();
    let actions: Vec<String> =
        audit["data"].as_array().expect("events").iter().map(|event| text(&event["action"])).collect();
    assert_eq!(actions[..2], ["tenants.erased", "tenants.delete"]);
    assert_eq!(actions.last().map(String::as_str), Some("tenants.create"));
    assert!(app.takes(&app.api_key).await && !rows_of(&app, &app.tenant_id).await.is_empty(), "nobody else's are gone");
}

#[tokio::test]
async fn a_deletion_that_is_interrupted_leaves_no_data_key_and_is_taken_up_again() {
    let app = App::start().await;
    app.unbilled("a ledger goes with its tenant");
    let tenant = lived_in(&app).await;
    let superuser = app.database.superuser().await;
    let broken = "create function app.broken() returns trigger language plpgsql set search_path = '' as 'begin raise exception ''broken''; end'; \
                  create trigger broken before delete on invitations for each row execute function app.broken()";
    superuser.batch_execute(broken).await.expect("a fault");
    let id: supergate::tenancy::TenantId = tenant.id.parse().expect("a tenant");
    cache_rows::plant(&superuser, *id.as_uuid(), &Value::Null).await;
    let body = json!({"name": "lived in"});
    let salt = async || -> uuid::Uuid {
        let salt = "select answers_salt from tenants where name = 'lived in'";
        superuser.query_one(salt, &[]).await.expect("the tenant").get(0)
    };
    let before = salt().await;
    assert_eq!(app.call(Method::DELETE, ROUTE, &tenant.key, &body).await.status, 500);
    assert_ne!(salt().await, before, "what is kept for its idempotency keys opens no more");
    let keys = "select (select count(*) from cache_entries), array_agg(encode(wrapped_key, 'hex') || ' ' || kms_key_id) from cache_keys";
    let row = superuser.query_one(keys, &[]).await.expect("the cache");
    assert_eq!(
        (row.get::<_, i64>(0), row.get::<_, Vec<String>>(1)),
        (1, vec!["00 destroyed".to_owned()]),
        "the cache is sealed for good"
    );
    let left = rows_of(&app, &tenant.id).await;
    assert!(left.iter().any(|(table, _)| table == "api_keys"), "the rows are still there: {left:?}");
    assert!(left.iter().all(|(table, _)| table != "provider_credentials"), "what could open them is not: {left:?}");
    app.clock.advance(Duration::from_secs(30));
    assert!(!app.takes(&tenant.key).await, "nobody is served any more");
    assert_eq!(operate(&app, Method::GET, &tenant, &Value::Null).await.json()["status"], "deleting");
    let revived = operate(&app, Method::PATCH, &tenant, &json!({"status": "active"})).await;
    assert_eq!(revived.refusal(), (400, "invalid_value".into(), "status".into()), "there is no way back");

    superuser.batch_execute("drop trigger broken on invitations").await.expect("mended");
    let answer = operate(&app, Method::DELETE, &tenant, &body).await;
    assert_eq!((answer.status.as_u16(), answer.json()["readable_left"].clone()), (200, json!(false)));
    assert_eq!(rows_of(&app, &tenant.id).await.len(), 1, "the audit");
}

/// A tenant with more in the ledger than one transaction deletes, whose deletion had no time for more. Its owner's answer.
async fn half_deleted(app: &App) -> (OtherTenant, Answer) {
    let tenant = lived_in(app).await;
    let id: supergate::tenancy::TenantId = tenant.id.parse().expect("a tenant");
    let more = "insert into usage_events
                select (jsonb_populate_record(e, jsonb_build_object('attempt', n + 1))).*
                from usage_events e, generate_series(1, 10000) n where e.tenant_id = $1";
    app.database.superuser().await.execute(more, &[id.as_uuid()]).await.expect("a long ledger");
    let mut context = lambda_http::Context::default();
    let now = supergate::clock::Clock::since_epoch(&*app.clock);
    context.deadline = u64::try_from((now + Duration::from_secs(5)).as_millis()).expect("a moment of this century");
    let request = http::Request::delete(ROUTE)
        .header("authorization", format!("Bearer {}", tenant.key))
        .header("content-type", "application/json")
        .body(lambda_http::Body::Text(json!({"name": "lived in"}).to_string()))
        .expect("a request");
    let answer = app.send(request.with_lambda_context(context)).await;
    (tenant, answer)
}

#[tokio::test]
async fn what_a_deletion_had_no_time_for_is_said_and_goes_with_the_next() {
    let logs = Logs::errors();
    let app = App::start().await;
    app.unbilled("a ledger goes with its tenant");
    let (tenant, answer) = half_deleted(&app).await;
    let said = |status: &str, destroyed: u8, left: bool| json!({"id": tenant.id, "status": status, "data_keys_destroyed": destroyed, "readable_left": left});
    assert_eq!((answer.status.as_u16(), answer.json()), (202, said("deleting", 1, true)));
    let left = rows_of(&app, &tenant.id).await;
    assert!(left.contains(&("usage_events".to_owned(), 1)), "{left:?}");
    let alarms = logs.alarms("tenant_deletion_unfinished");
    assert_eq!((alarms.len(), &alarms[0]["tenant.id"]), (1, &json!(tenant.id)), "whoever runs this hears of it");
    let answer = operate(&app, Method::DELETE, &tenant, &json!({"name": "lived in"})).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, said("deleted", 0, false)));
    assert_eq!(rows_of(&app, &tenant.id).await.len(), 1, "the audit");
    assert_eq!(logs.alarms("tenant_deletion_unfinished").len(), 1);
}

#[tokio::test]
async fn a_deletion_that_nobody_goes_on_with_is_finished_by_the_rotation() {
    let app = App::start().await;
    app.unbilled("a ledger goes with its tenant");
    let (tenant, answer) = half_deleted(&app).await;
    assert_eq!(answer.status, 202);
    let rotation = app.rotation(&[]).await;
    let run = async || {
        let command = serde_json::from_value(json!({"older_than_days": 30})).expect("a command");
        rotation.run(command, None).await.expect("a rotation").erased
    };
    assert_eq!(run().await, 0, "somebody may be at it");
    app.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(run().await, 1);
    assert_eq!(rows_of(&app, &tenant.id).await.len(), 1, "the audit");
    let audit = app.look(&format!("/v1/audit?tenant_id={}", tenant.id), &app.operator_key).await.json();
    assert_eq!(
        (&audit["data"][0]["action"], &audit["data"][0]["actor"]),
        (&json!("tenants.erased"), &json!("deployment"))
    );
    assert_eq!(run().await, 0, "nothing is left to do");
}

#[tokio::test]
async fn nothing_is_stored_once_the_data_keys_are_destroyed() {
    let app = App::start().await;
    let tenant = lived_in(&app).await;
    let superuser = app.database.superuser().await;
    let id: supergate::tenancy::TenantId = tenant.id.parse().expect("a tenant");
    let delete = format!(
        "begin; delete from provider_credentials where tenant_id = '{0}'; update tenants set status = 'deleting' where id = '{0}'",
        id.as_uuid()
    );
    superuser.batch_execute(&delete).await.expect("the first step of a deletion, which is not committed yet");
    let body = json!({"api_key": provider_key("openai")});
    let store = app.call(Method::PUT, "/v1/tenant/keys/openai", &tenant.key, &body);
    let (answer, ()) = tokio::join!(store, async {
        app.database.until_waiting(1).await;
        superuser.batch_execute("commit").await.expect("the end of the first step");
    });
    assert_eq!(answer.refusal(), (409, "conflict".into(), String::new()), "{}", answer.text());
    let left = rows_of(&app, &tenant.id).await;
    assert!(left.iter().all(|(table, _)| table != "provider_credentials"), "{left:?}");
}

#[tokio::test]
async fn the_platform_cannot_be_deleted_nor_can_the_database_erase_who_is_not_being_deleted() {
    let app = App::start().await;
    let answer = app.call(Method::DELETE, ROUTE, &app.operator_key, &json!({"name": "platform"})).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (409, "conflict"));
    let office = supergate_tests::postgres::connect(&app.database.url("supergate_office")).await;
    let tenant = uuid::Uuid::parse_str(app.tenant_id.trim_start_matches("ten_")).expect("a UUID");
    let erase = format!("begin; select app.set_tenant('{tenant}'); select app.erase_tenant(10)");
    let refused = office.batch_execute(&erase).await.expect_err("an active tenant");
    assert!(
        refused.to_string().contains("db error") && refused.code().is_some_and(|code| code.code() == "42501"),
        "{refused:?}"
    );
}
