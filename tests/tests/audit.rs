//! `/v1/audit`: every administrative act leaves a row that nobody can change, without secrets, and no act is without its row.

use http::{Method, Request};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use supergate_tests::{
    app::{App, MODELS, provider_key},
    cache_rows, docs,
    office::text,
};

/// Does everything that there is to do, once; each act with the action and the target that the audit must have.
async fn do_everything(app: &App) -> (Vec<(&'static str, String)>, Vec<String>) {
    let mut done = Vec::new();
    let mut secrets = vec![app.api_key.clone()];
    let member = app.member(&app.tenant_id, "ada", "member").await;
    let act = async |method: Method, path: &str, body: Value| {
        // A moment later each time, so that the order of the ids is that of the acts.
        app.clock.advance(Duration::from_millis(2));
        let answer = app.call(method, path, &app.api_key, &body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        if answer.bytes().is_empty() { Value::Null } else { answer.json() }
    };
    let made = act(Method::POST, "/v1/keys", json!({"name": "n", "role": "viewer"})).await;
    let (id, path) = (text(&made["id"]), format!("/v1/keys/{}", text(&made["id"])));
    secrets.push(text(&made["key"]));
    done.push(("keys.create", id.clone()));
    act(Method::PATCH, &path, json!({"name": "m"})).await;
    done.push(("keys.update", id.clone()));
    secrets.push(text(&act(Method::POST, &format!("{path}/rotate"), Value::Null).await["key"]));
    done.push(("keys.rotate", id.clone()));
    act(Method::DELETE, &path, Value::Null).await;
    done.push(("keys.revoke", id));
    act(Method::PATCH, "/v1/tenant", json!({"name": "renamed"})).await;
    done.push(("tenants.update", app.tenant_id.clone()));
    let invitation =
        act(Method::POST, "/v1/tenant/members", json!({"email": "eve@example.com", "role": "viewer"})).await;
    secrets.push(text(&invitation["invitation"]));
    done.push(("members.invite", text(&invitation["id"])));
    act(Method::DELETE, &format!("/v1/tenant/members/invitations/{}", text(&invitation["id"])), Value::Null).await;
    done.push(("members.withdraw", text(&invitation["id"])));
    act(Method::PATCH, &format!("/v1/tenant/members/{}", member.id), json!({"role": "viewer"})).await;
    done.push(("members.update", member.id.clone()));
    act(Method::DELETE, &format!("/v1/tenant/members/{}", member.id), Value::Null).await;
    done.push(("members.remove", member.id));
    let (first, second) = (provider_key("openai"), format!("{}-canary", provider_key("openai")));
    let stored = act(Method::POST, "/v1/tenant/keys", json!({"provider": "openai", "api_key": first})).await;
    done.push(("provider_keys.store", text(&stored["id"])));
    let replaced = act(Method::PUT, "/v1/tenant/keys/openai", json!({"api_key": second})).await;
    done.push(("provider_keys.replace", text(&replaced["id"])));
    act(Method::DELETE, "/v1/tenant/keys/openai", Value::Null).await;
    done.push(("provider_keys.delete", text(&replaced["id"])));
    secrets.extend([first, second]);
    (done, secrets)
}

#[tokio::test]
async fn every_act_is_told_with_who_what_when_and_what_it_was_before_and_after() {
    let app = App::start().await;
    let (done, secrets) = do_everything(&app).await;
    let mut events = app.audit(&app.api_key).await;
    let own_key = text(
        &app.look("/v1/keys?limit=200", &app.api_key).await.json()["data"]
            .as_array()
            .and_then(|keys| keys.last().cloned())
            .expect("the first")["id"],
    );
    assert_eq!(
        text(&events.pop().expect("the tenant's own beginning")["actor"]),
        "deployment",
        "what was done by hand"
    );
    let told: Vec<(String, String)> =
        events.iter().rev().map(|event| (text(&event["action"]), text(&event["target"]))).collect();
    let expected: Vec<(String, String)> =
        done.into_iter().map(|(action, target)| (action.to_owned(), target)).collect();
    assert_eq!(told, expected, "oldest first here");
    for event in &events {
        assert_eq!(event["actor"], json!(own_key), "{event}");
        assert!(text(&event["id"]).starts_with("aud_") && text(&event["request_id"]).starts_with("req_"), "{event}");
        assert!(text(&event["at"]).ends_with('Z'), "{event}");
        let (action, before, after) = (text(&event["action"]), &event["before"], &event["after"]);
        let creates = ["create", "invite", "store"].iter().any(|verb| action.ends_with(verb));
        let ends = ["withdraw", "remove", "delete"].iter().any(|verb| action.ends_with(verb));
        assert_eq!((before.is_null(), after.is_null()), (creates, ends), "{event}");
    }
    let renamed = events.iter().find(|event| event["action"] == "keys.update").expect("one");
    assert_eq!((&renamed["before"]["name"], &renamed["after"]["name"]), (&json!("n"), &json!("m")));
    let revoked = events.iter().find(|event| event["action"] == "keys.revoke").expect("one");
    assert_eq!((&revoked["before"]["status"], &revoked["after"]["status"]), (&json!("active"), &json!("revoked")));

    let all = "select string_agg(e::text, ' ') from audit_events e";
    let all: String = app.database.superuser().await.query_one(all, &[]).await.expect("the audit").get(0);
    assert!(all.contains("keys.rotate"), "the control: it is there");
    for secret in secrets {
        let piece = secret.rsplit('_').find(|piece| piece.len() > 12).unwrap_or(&secret);
        assert!(!all.contains(piece), "a secret is in the audit");
    }
}

/// What changes something and is no administrative act.
#[rustfmt::skip]
const NO_ACTS: &[(&str, &str)] = &[
    ("POST /v1/chat/completions", "use: the ledger has it"),
    ("POST /v1/embeddings",       "use: the ledger has it"),
    ("POST /v1/auth/login",       "a session begins"),
    ("POST /v1/auth/refresh",     "a session goes on; one that is ended as stolen is noted (tests/people.rs)"),
    ("POST /v1/auth/switch",      "a session goes on"),
    ("POST /v1/auth/logout",      "a session ends"),
    ("PATCH /v1/auth/me",         "somebody's own name"),
    ("POST /v1/auth/register",    "noted: tests/people/tenants.rs"),
    ("POST /v1/auth/accept",      "noted: tests/people/tenants.rs"),
    ("POST /v1/auth/password",    "noted: tests/people/tenants.rs"),
];

/// Method and path of every route that changes something; what is in braces is an id, whatever it is called.
async fn routes_that_change() -> BTreeSet<String> {
    let description = docs::description().await;
    let paths = description["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, item)| {
        let path =
            path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/");
        let methods = item.as_object().expect("operations").keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.filter(|one| !one.starts_with("GET ") && !one.starts_with("HEAD ")).collect()
}

#[tokio::test]
async fn every_route_that_changes_something_leaves_a_row() {
    let app = App::start().await;
    let superuser = app.database.superuser().await;
    let tenant: supergate::tenancy::TenantId = app.tenant_id.parse().expect("a tenant");
    let count = async || -> i64 {
        superuser.query_one("select count(*) from audit_events", &[]).await.expect("a count").get(0)
    };
    let member = app.member(&app.tenant_id, "ada", "member").await.id;
    let entry = cache_rows::plant(&superuser, *tenant.as_uuid(), &Value::Null).await;
    let openai = provider_key("openai");
    let other = app.other_tenant("other").await;
    let (owner, operator) = (app.api_key.as_str(), app.operator_key.as_str());
    #[rustfmt::skip]
    let acts = [
        ("POST /v1/keys",                            "",       owner,    json!({"name": "n", "role": "viewer"})),
        ("PATCH /v1/keys/{}",                        "made",   owner,    json!({"name": "m"})),
        ("POST /v1/keys/{}/rotate",                  "made",   owner,    Value::Null),
        ("DELETE /v1/keys/{}",                       "made",   owner,    Value::Null),
        ("PUT /v1/limits",                           "",       owner,    json!({"limits": {"rpm": 60}})),
        ("DELETE /v1/limits",                        "",       owner,    Value::Null),
        ("POST /v1/budgets",                         "",       owner,    json!({"limit_usd": 1, "period": "month", "hard": true})),
        ("PATCH /v1/budgets/{}",                     "made",   owner,    json!({"limit_usd": 2})),
        ("DELETE /v1/budgets/{}",                    "made",   owner,    Value::Null),
        ("POST /v1/prices",                          "",       owner,    json!({"model": MODELS[0], "input_usd": 1, "output_usd": 2, "starts_at": "2099-01-01T00:00:00Z"})),
        ("DELETE /v1/prices/{}",                     "made",   owner,    Value::Null),
        ("PATCH /v1/cache/settings",                 "",       owner,    json!({"tier": "exact"})),
        ("DELETE /v1/cache/settings",                "",       owner,    Value::Null),
        ("POST /v1/cache/{}/report",                 &entry,   owner,    Value::Null),
        ("DELETE /v1/cache/{}",                      &entry,   owner,    Value::Null),
        ("DELETE /v1/cache",                         "",       owner,    Value::Null),
        ("PATCH /v1/tenant",                         "",       owner,    json!({"name": "renamed"})),
        ("POST /v1/tenant/members",                  "",       owner,    json!({"email": "eve@example.com", "role": "viewer"})),
        ("DELETE /v1/tenant/members/invitations/{}", "made",   owner,    Value::Null),
        ("PATCH /v1/tenant/members/{}",              &member,  owner,    json!({"role": "viewer"})),
        ("DELETE /v1/tenant/members/{}",             &member,  owner,    Value::Null),
        ("POST /v1/tenant/keys",                     "",       owner,    json!({"provider": "openai", "api_key": openai})),
        ("PUT /v1/tenant/keys/{}",                   "openai", owner,    json!({"api_key": openai})),
        ("DELETE /v1/tenant/keys/{}",                "openai", owner,    Value::Null),
        ("POST /v1/tenant",                          "",       operator, json!({"name": "new"})),
        ("DELETE /v1/tenant",                        "",       &other.key, json!({"name": "other"})),
    ];
    let mut made = String::new();
    for (route, id, key, body) in &acts {
        let (method, path) = route.split_once(' ').expect("a method");
        let path = path.replace("{}", if *id == "made" { &made } else { id });
        let before = count().await;
        let answer = app.call(method.parse().expect("a method"), &path, key, body).await;
        assert!(answer.status.is_success(), "{route}: {}", answer.text());
        assert!(count().await > before, "{route} leaves nothing in the audit");
        if answer.status == 201 {
            made = text(&answer.json()["id"]);
        }
    }
    let tried: BTreeSet<String> = acts.iter().map(|(route, ..)| (*route).to_owned()).collect();
    let excused: BTreeSet<String> = NO_ACTS.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(
        routes_that_change().await,
        tried.union(&excused).cloned().collect(),
        "the routes, and those that were tried"
    );
}

#[tokio::test]
async fn an_event_says_from_where_as_api_gateway_saw_it_and_not_as_a_header_claims() {
    let app = App::start().await;
    let event = include_str!("../../events/keys/create.v2.json");
    let event = event
        .replace("${SUPERGATE_API_KEY}", &app.api_key)
        .replace("\"x-forwarded-for\": \"203.0.113.10\"", "\"x-forwarded-for\": \"6.6.6.6\"");
    assert!(event.contains("6.6.6.6"), "the header is there to be ignored");
    let answer = app.send(lambda_http::request::from_str(&event).expect("an event")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(app.audit(&app.api_key).await[0]["address"], "203.0.113.10");
}

#[tokio::test]
async fn no_act_without_its_row_and_no_row_without_an_act() {
    let app = App::start().await;
    let superuser = app.database.superuser().await;
    let count = async || app.audit(&app.api_key).await.len();
    let keys = async || app.look("/v1/keys", &app.api_key).await.json()["data"].as_array().map(Vec::len);
    let before = count().await;
    for (body, status) in [(json!({"name": "n"}), 400), (json!({"name": "n", "role": "operator"}), 400)] {
        assert_eq!(app.call(Method::POST, "/v1/keys", &app.api_key, &body).await.status, status);
    }
    let viewer = app.key_of("viewer").await;
    assert_eq!(app.call(Method::POST, "/v1/keys", &viewer, &json!({"name": "n", "role": "viewer"})).await.status, 403);
    assert_eq!(count().await, before + 1, "only the viewer's key was made");
    superuser
        .batch_execute("alter table audit_events add constraint refused check (false) not valid")
        .await
        .expect("a fault");
    let answer = app.call(Method::POST, "/v1/keys", &app.api_key, &json!({"name": "n", "role": "viewer"})).await;
    assert_eq!(answer.status, 500, "what cannot be noted is not done");
    superuser.batch_execute("alter table audit_events drop constraint refused").await.expect("mended");
    assert_eq!((keys().await, count().await), (Some(2), before + 1));
}

#[tokio::test]
async fn nobody_who_serves_requests_can_change_or_remove_an_event() {
    let app = App::start().await;
    let tenant = uuid::Uuid::parse_str(app.tenant_id.trim_start_matches("ten_")).expect("a UUID");
    let insert = "insert into audit_events (tenant_id, id, at, actor, action, target) \
                  values (app.tenant_id(), gen_random_uuid(), now(), 'key_x', 'keys.create', 'key_x')";
    #[rustfmt::skip]
    let roles = [
        ("supergate_office",   true,  true,  "administers, and reads it to those who may"),
        ("supergate_people",   true,  false, "appends"),
        ("supergate_rotation", true,  false, "appends"),
        ("supergate_app",      false, false, "does nothing that belongs here"),
    ];
    for (role, appends, reads, why) in roles {
        let client = supergate_tests::postgres::connect(&app.database.url(role)).await;
        let tried = async |sql: &str| {
            let set = format!("begin; select app.set_tenant('{tenant}')");
            client.batch_execute(&set).await.expect("a transaction");
            let done = client.batch_execute(sql).await;
            client.batch_execute("rollback").await.expect("the end of it");
            done.map_err(|error| error.code().map_or_else(String::new, |code| code.code().to_owned()))
        };
        assert_eq!(tried(insert).await.is_ok(), appends, "{role}: {why}");
        assert_eq!(tried("select * from audit_events").await.is_ok(), reads, "{role}: {why}");
        for sql in [
            "update audit_events set actor = 'somebody else'",
            "update audit_events set at = now() where false",
            "delete from audit_events",
            "truncate audit_events",
            "alter table audit_events disable row level security",
            "drop table audit_events",
        ] {
            assert_eq!(tried(sql).await, Err("42501".to_owned()), "{role}: {sql}");
        }
    }
}

#[tokio::test]
async fn the_audit_is_read_in_pages_and_filtered_by_action_and_actor() {
    let app = App::start().await;
    let made = app.new_key(&app.api_key, json!({"name": "n", "role": "admin"})).await;
    let (admin_id, admin) = (text(&made["id"]), text(&made["key"]));
    for _ in 0..3 {
        app.clock.advance(Duration::from_millis(2));
        app.new_key(&admin, json!({"name": "n", "role": "viewer"})).await;
    }
    let all = app.audit(&app.api_key).await;
    assert_eq!(app.audit(&admin).await, all, "an admin may read it too");
    let (mut seen, mut path) = (Vec::new(), "/v1/audit?limit=2".to_owned());
    loop {
        let page = app.look(&path, &app.api_key).await.json();
        seen.extend(page["data"].as_array().expect("a list").clone());
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/audit?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, all, "page by page the same");
    let found = async |query: &str| {
        app.look(&format!("/v1/audit?{query}"), &app.api_key).await.json()["data"].as_array().map(Vec::len)
    };
    assert_eq!(found(&format!("actor={admin_id}")).await, Some(3));
    assert_eq!(found("action=tenants.create").await, Some(1));
    assert_eq!(found(&format!("action=tenants.create&actor={admin_id}")).await, Some(0));
    assert_eq!(found("action=keys.create&limit=1").await, Some(1));
    for (query, param) in [
        ("limit=0", "limit"),
        ("cursor=key_x", "cursor"),
        ("action=", "action"),
        ("action=%00", "action"),
        ("actor=%E2%80%AE", "actor"),
        ("target=x", "target"),
        ("actor=a&actor=b", "actor"),
    ] {
        let answer = app.look(&format!("/v1/audit?{query}"), &app.api_key).await;
        assert_eq!(answer.refusal(), (400, "invalid_value".into(), param.into()), "{query}");
    }
}

#[tokio::test]
async fn the_audit_is_for_owners_and_admins_of_that_tenant_and_for_operators() {
    let app = App::start().await;
    let other = app.other_tenant("other").await;
    for role in ["member", "viewer"] {
        let answer = app.look("/v1/audit", &app.key_of(role).await).await;
        assert_eq!(answer.refusal(), (403, "permission_denied".into(), String::new()));
        assert!(answer.text().contains("audit.read"), "{role}: {}", answer.text());
    }
    let theirs = json!(app.audit(&other.key).await).to_string();
    assert!(theirs.contains("other") && !theirs.contains(&app.tenant_id), "each its own");
    let none = supergate::tenancy::TenantId::generate(Duration::from_secs(1));
    let mut bodies = Vec::new();
    for id in [other.id.clone(), none.to_string(), "ten_1".to_owned()] {
        let answer = app.look(&format!("/v1/audit?tenant_id={id}"), &app.api_key).await;
        assert_eq!(answer.status, 404, "{id}");
        bodies.push(answer.text());
    }
    bodies.push(app.look(&format!("/v1/audit?tenant_id={none}"), &app.operator_key).await.text());
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let seen = app.look(&format!("/v1/audit?tenant_id={}", other.id), &app.operator_key).await.json();
    let actor = text(&seen["data"][0]["actor"]);
    let operators = app.look("/v1/keys", &app.operator_key).await.json();
    assert_eq!(
        operators["data"][0]["id"],
        json!(actor),
        "what an operator does to a tenant stands in the tenant's audit"
    );
    let mut request: Request<lambda_http::Body> = app.chat_request("");
    *request.method_mut() = Method::GET;
    *request.uri_mut() = http::Uri::from_static("/v1/auditx");
    assert_eq!(app.send(request).await.status, 404);
}
