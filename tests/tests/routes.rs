//! Every route against every caller that it must refuse: no key, a malformed one, a viewer's, and ids of another tenant. The table has a row
//! for each route of the router (`Cargo.toml`); a route without one fails.

use http::{Method, Request};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path, time::Duration};
use supergate::tenancy::{BudgetId, CacheEntryId, InvitationId, KeyId, PersonId, PriceId, TenantId};
use supergate_tests::{
    app::{Answer, App, MODELS, provider_key},
    cache_rows,
    office::text,
};
use uuid::Uuid;

/// What a viewer gets.
enum Viewer {
    /// 403 that names this permission.
    Lacks(&'static str),
    /// An answer, because of this.
    May(&'static str),
}
use Viewer::{Lacks, May};

/// What of another tenant's could be named in the path or the query.
#[derive(Clone, Copy, PartialEq)]
enum Foreign {
    Budget,
    Entry,
    Key,
    Member,
    Price,
    Invitation,
    Tenant,
    /// Nothing, because of this.
    Nothing(&'static str),
}

struct Row {
    /// As the router has it.
    route: &'static str,
    method: Method,
    /// `{id}` is where an id goes.
    path: &'static str,
    body: fn() -> Value,
    viewer: Viewer,
    foreign: Foreign,
}

/// Open to anybody, or with rules of its own, because of this.
#[rustfmt::skip]
const OPEN: &[(&str, &str)] = &[
    ("/docs",             "what is compiled in, for everybody"),
    ("/docs/{*file}",     "what is compiled in, for everybody"),
    ("/health",           "it says what is up and nothing else"),
    ("/openapi.json",     "what is compiled in, for everybody"),
    ("/v1/auth/accept",   "a person's own act, which no key may do: tests/people.rs"),
    ("/v1/auth/login",    "who signs in has nothing yet: tests/people.rs"),
    ("/v1/auth/logout",   "the session's cookie counts: tests/people.rs"),
    ("/v1/auth/password", "a person's own act, which no key may do: tests/people.rs"),
    ("/v1/auth/refresh",  "the session's cookie counts: tests/people.rs"),
    ("/v1/auth/register", "who registers has nothing yet: tests/people.rs"),
    ("/v1/auth/switch",   "a person's own act, which no key may do: tests/people.rs"),
];

fn no_body() -> Value {
    Value::Null
}
fn chat() -> Value {
    json!({"model": MODELS[0], "messages": [{"role": "user", "content": "hi"}]})
}
fn embedding() -> Value {
    json!({"model": "openai/text-embedding-3-small", "input": "hi"})
}
fn name() -> Value {
    json!({"name": "other"})
}
fn key() -> Value {
    json!({"name": "n", "role": "viewer"})
}
fn budget() -> Value {
    json!({"limit_usd": 1, "period": "month", "hard": true})
}
fn new_limit() -> Value {
    json!({"limit_usd": 2})
}
fn limit() -> Value {
    json!({"limits": {"rpm": 60}})
}
fn price() -> Value {
    json!({"model": MODELS[0], "input_usd": 1, "output_usd": 2, "starts_at": "2099-01-01T00:00:00Z"})
}
fn role() -> Value {
    json!({"role": "viewer"})
}
fn up_to() -> Value {
    json!({"tier": "canonical"})
}
fn invitation() -> Value {
    json!({"email": "eve@example.com", "role": "viewer"})
}
fn credential() -> Value {
    json!({"provider": "openai", "api_key": provider_key("openai")})
}
fn replacement() -> Value {
    json!({"api_key": provider_key("openai")})
}

const NO_ID: Foreign = Foreign::Nothing("it names nothing that could be another tenant's");

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let row = |route, method, path, body, viewer, foreign| Row { route, method, path, body, viewer, foreign };
    let (get, post, put, patch, delete) = (|| Method::GET, || Method::POST, || Method::PUT, || Method::PATCH, || Method::DELETE);
    let by_name = Foreign::Nothing("it names a provider, and each tenant has its own key of it");
    vec![
        row("/v1/audit",                       get(),    "/v1/audit",                          no_body,     Lacks("audit.read"),            NO_ID),
        row("/v1/audit",                       get(),    "/v1/audit?tenant_id={id}",           no_body,     Lacks("audit.read"),            Foreign::Tenant),
        row("/v1/auth/me",                     get(),    "/v1/auth/me",                        no_body,     May("whoever calls may know as what"), NO_ID),
        row("/v1/budgets",                     get(),    "/v1/budgets",                        no_body,     Lacks("budgets.read"),          NO_ID),
        row("/v1/budgets",                     get(),    "/v1/budgets?tenant_id={id}",         no_body,     Lacks("budgets.read"),          Foreign::Tenant),
        row("/v1/budgets",                     post(),   "/v1/budgets",                        budget,      Lacks("budgets.manage"),        NO_ID),
        row("/v1/budgets",                     post(),   "/v1/budgets?tenant_id={id}",         budget,      Lacks("budgets.manage"),        Foreign::Tenant),
        row("/v1/budgets/{*budget}",           get(),    "/v1/budgets/{id}",                   no_body,     Lacks("budgets.read"),          Foreign::Budget),
        row("/v1/budgets/{*budget}",           patch(),  "/v1/budgets/{id}",                   new_limit,   Lacks("budgets.manage"),        Foreign::Budget),
        row("/v1/budgets/{*budget}",           delete(), "/v1/budgets/{id}",                   no_body,     Lacks("budgets.manage"),        Foreign::Budget),
        row("/v1/cache",                           get(),   "/v1/cache",                            no_body,     May("a look, without contents"),NO_ID),
        row("/v1/cache",                           get(),   "/v1/cache?tenant_id={id}",             no_body,     May("a look, without contents"),Foreign::Tenant),
        row("/v1/cache",                           delete(),"/v1/cache",                            no_body,     Lacks("cache.manage"),          NO_ID),
        row("/v1/cache",                           delete(),"/v1/cache?tenant_id={id}",             no_body,     Lacks("cache.manage"),          Foreign::Tenant),
        row("/v1/cache/{*entry}",                  get(),   "/v1/cache/stats",                      no_body,     May("a look, without contents"),NO_ID),
        row("/v1/cache/{*entry}",                  get(),   "/v1/cache/stats?tenant_id={id}",       no_body,     May("a look, without contents"),Foreign::Tenant),
        row("/v1/cache/{*entry}",                  get(),   "/v1/cache/timeseries",                 no_body,     May("a look, without contents"),NO_ID),
        row("/v1/cache/{*entry}",                  get(),   "/v1/cache/timeseries?tenant_id={id}",  no_body,     May("a look, without contents"),Foreign::Tenant),
        row("/v1/cache/{*entry}",                  get(),   "/v1/cache/settings",                   no_body,     May("a look, without contents"),NO_ID),
        row("/v1/cache/{*entry}",                  get(),   "/v1/cache/settings?tenant_id={id}",    no_body,     May("a look, without contents"),Foreign::Tenant),
        row("/v1/cache/{*entry}",                  patch(), "/v1/cache/settings",                   up_to,       Lacks("cache.manage"),          NO_ID),
        row("/v1/cache/{*entry}",                  patch(), "/v1/cache/settings?key_id={id}",       up_to,       Lacks("cache.manage"),          Foreign::Key),
        row("/v1/cache/{*entry}",                  delete(),"/v1/cache/settings",                   no_body,     Lacks("cache.manage"),          NO_ID),
        row("/v1/cache/{*entry}",                  delete(),"/v1/cache/settings?key_id={id}",       no_body,     Lacks("cache.manage"),          Foreign::Key),
        row("/v1/cache/{*entry}",                  delete(),"/v1/cache/{id}",                       no_body,     Lacks("cache.manage"),          Foreign::Entry),
        row("/v1/cache/{*entry}",                  post(),  "/v1/cache/{id}/report",                no_body,     Lacks("cache.report"),          Foreign::Entry),
        row("/v1/chat/completions",            post(),   "/v1/chat/completions",               chat,        Lacks("inference.create"),      NO_ID),
        row("/v1/embeddings",                  post(),   "/v1/embeddings",                     embedding,   Lacks("inference.create"),      NO_ID),
        row("/v1/keys",                        get(),    "/v1/keys",                           no_body,     Lacks("keys.read"),             NO_ID),
        row("/v1/keys",                        post(),   "/v1/keys",                           key,         Lacks("keys.manage"),           NO_ID),
        row("/v1/keys/{*key}",                 get(),    "/v1/keys/{id}",                      no_body,     Lacks("keys.read"),             Foreign::Key),
        row("/v1/keys/{*key}",                 patch(),  "/v1/keys/{id}",                      name,        Lacks("keys.manage"),           Foreign::Key),
        row("/v1/keys/{*key}",                 delete(), "/v1/keys/{id}",                      no_body,     Lacks("keys.manage"),           Foreign::Key),
        row("/v1/keys/{*key}",                 post(),   "/v1/keys/{id}/rotate",               no_body,     Lacks("keys.manage"),           Foreign::Key),
        row("/v1/limits",                      get(),    "/v1/limits",                         no_body,     Lacks("budgets.read"),          NO_ID),
        row("/v1/limits",                      get(),    "/v1/limits?key_id={id}",             no_body,     Lacks("budgets.read"),          Foreign::Key),
        row("/v1/limits",                      get(),    "/v1/limits?tenant_id={id}",          no_body,     Lacks("budgets.read"),          Foreign::Tenant),
        row("/v1/limits",                      put(),    "/v1/limits",                         limit,       Lacks("budgets.manage"),        NO_ID),
        row("/v1/limits",                      put(),    "/v1/limits?tenant_id={id}",          limit,       Lacks("budgets.manage"),        Foreign::Tenant),
        row("/v1/limits",                      delete(), "/v1/limits",                         no_body,     Lacks("budgets.manage"),        NO_ID),
        row("/v1/limits",                      delete(), "/v1/limits?key_id={id}",             no_body,     Lacks("budgets.manage"),        Foreign::Key),
        row("/v1/models",                      get(),    "/v1/models",                         no_body,     May("a look at the list"),      NO_ID),
        row("/v1/models/{*model}",             get(),    "/v1/models/openai/gpt-4o-mini",      no_body,     May("a look at the list"),      NO_ID),
        row("/v1/prices",                      get(),    "/v1/prices",                         no_body,     Lacks("prices.read"),           NO_ID),
        row("/v1/prices",                      get(),    "/v1/prices?tenant_id={id}",          no_body,     Lacks("prices.read"),           Foreign::Tenant),
        row("/v1/prices",                      post(),   "/v1/prices",                         price,       Lacks("prices.manage"),         NO_ID),
        row("/v1/prices",                      post(),   "/v1/prices?tenant_id={id}",          price,       Lacks("prices.manage"),         Foreign::Tenant),
        row("/v1/prices/{*price}",             get(),    "/v1/prices/unpriced",                no_body,     Lacks("prices.read"),           NO_ID),
        row("/v1/prices/{*price}",             get(),    "/v1/prices/{id}",                    no_body,     Lacks("prices.read"),           Foreign::Price),
        row("/v1/prices/{*price}",             delete(), "/v1/prices/{id}",                    no_body,     Lacks("prices.manage"),         Foreign::Price),
        row("/v1/tenant",                      get(),    "/v1/tenant",                         no_body,     May("a look at the own tenant"), NO_ID),
        row("/v1/tenant",                      get(),    "/v1/tenant?tenant_id={id}",          no_body,     May("a look at the own tenant"), Foreign::Tenant),
        row("/v1/tenant",                      post(),   "/v1/tenant",                         name,        Lacks("tenants.manage"),        NO_ID),
        row("/v1/tenant",                      patch(),  "/v1/tenant",                         name,        Lacks("tenant.update"),         NO_ID),
        row("/v1/tenant",                      patch(),  "/v1/tenant?tenant_id={id}",          name,        Lacks("tenant.update"),         Foreign::Tenant),
        row("/v1/tenant",                      delete(), "/v1/tenant?tenant_id={id}",          name,        Lacks("tenant.delete"),         Foreign::Tenant),
        row("/v1/tenant/keys",                 get(),    "/v1/tenant/keys",                    no_body,     Lacks("provider_keys.read"),    NO_ID),
        row("/v1/tenant/keys",                 post(),   "/v1/tenant/keys",                    credential,  Lacks("provider_keys.manage"),  NO_ID),
        row("/v1/tenant/keys/{*provider}",     get(),    "/v1/tenant/keys/openai",             no_body,     Lacks("provider_keys.read"),    by_name),
        row("/v1/tenant/keys/{*provider}",     put(),    "/v1/tenant/keys/openai",             replacement, Lacks("provider_keys.manage"),  by_name),
        row("/v1/tenant/keys/{*provider}",     delete(), "/v1/tenant/keys/openai",             no_body,     Lacks("provider_keys.manage"),  by_name),
        row("/v1/tenant/members",              get(),    "/v1/tenant/members",                 no_body,     Lacks("members.read"),          NO_ID),
        row("/v1/tenant/members",              post(),   "/v1/tenant/members",                 invitation,  Lacks("members.manage"),        NO_ID),
        row("/v1/tenant/members/{*member}",    get(),    "/v1/tenant/members/{id}",            no_body,     Lacks("members.read"),          Foreign::Member),
        row("/v1/tenant/members/{*member}",    patch(),  "/v1/tenant/members/{id}",            role,        Lacks("members.manage"),        Foreign::Member),
        row("/v1/tenant/members/{*member}",    delete(), "/v1/tenant/members/{id}",            no_body,     Lacks("members.manage"),        Foreign::Member),
        row("/v1/tenant/members/{*member}",    get(),    "/v1/tenant/members/invitations",     no_body,     Lacks("members.read"),          NO_ID),
        row("/v1/tenant/members/{*member}",    delete(), "/v1/tenant/members/invitations/{id}", no_body,    Lacks("members.manage"),        Foreign::Invitation),
        row("/v1/usage",                       get(),    "/v1/usage",                          no_body,     May("a look at what was used"), NO_ID),
        row("/v1/usage",                       get(),    "/v1/usage?tenant_id={id}",           no_body,     May("a look at what was used"), Foreign::Tenant),
        row("/v1/usage/{*report}",             get(),    "/v1/usage/breakdown?by=model",       no_body,     May("a look at what was used"), NO_ID),
        row("/v1/usage/{*report}",             get(),    "/v1/usage/breakdown?by=key&tenant_id={id}", no_body, May("a look at what was used"), Foreign::Tenant),
        row("/v1/usage/{*report}",             get(),    "/v1/usage/chart",                    no_body,     May("a look at what was used"), NO_ID),
        row("/v1/usage/{*report}",             get(),    "/v1/usage/chart?tenant_id={id}",     no_body,     May("a look at what was used"), Foreign::Tenant),
        row("/v1/usage/{*report}",             get(),    "/v1/usage/logs",                     no_body,     May("a look at what was used"), NO_ID),
        row("/v1/usage/{*report}",             get(),    "/v1/usage/logs?tenant_id={id}",      no_body,     May("a look at what was used"), Foreign::Tenant),
        row("/v1/usage/{*report}",             get(),    "/v1/usage/export",                   no_body,     May("a look at what was used"), NO_ID),
        row("/v1/usage/{*report}",             get(),    "/v1/usage/export?tenant_id={id}",    no_body,     May("a look at what was used"), Foreign::Tenant),
    ]
}

/// Ids of each kind that there is not.
fn nobodys(foreign: Foreign) -> String {
    let then = Duration::from_secs(1);
    match foreign {
        Foreign::Budget => BudgetId::generate(then).to_string(),
        Foreign::Entry => CacheEntryId::generate(then).to_string(),
        Foreign::Key => KeyId::generate(then).to_string(),
        Foreign::Price => PriceId::generate(then).to_string(),
        Foreign::Member => PersonId::generate(then).to_string(),
        Foreign::Invitation => InvitationId::generate(then).to_string(),
        Foreign::Tenant => TenantId::generate(then).to_string(),
        Foreign::Nothing(_) => String::new(),
    }
}

/// Sends a row's request, with an id in its place; an authorization of none is no header.
async fn send(app: &App, row: &Row, id: &str, authorization: Option<&str>) -> Answer {
    let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
    send_with(app, row, id, &headers).await
}

async fn send_with(app: &App, row: &Row, id: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(row.method.clone()).uri(row.path.replace("{id}", id));
    request = request.header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match (row.body)() {
        Value::Null => lambda_http::Body::Empty,
        body => lambda_http::Body::Text(body.to_string()),
    };
    app.send(request.body(body).expect("a request")).await
}

fn uuid_of(tenant: &str) -> Uuid {
    tenant.strip_prefix("ten_").and_then(|id| id.parse().ok()).expect("a tenant's id")
}

/// Names of headers and the body: what a caller can tell answers apart by.
fn seen(answer: &Answer) -> (Vec<String>, String) {
    let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    (names, answer.text())
}

#[test]
fn every_route_of_the_router_has_its_rows() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(manifest).expect("the manifest").parse().expect("TOML");
    let router = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"].as_table().expect("routes");
    let routes: BTreeSet<&str> = router.keys().map(String::as_str).collect();
    let rows = rows();
    let tried: BTreeSet<&str> = rows.iter().map(|row| row.route).chain(OPEN.iter().map(|(route, _)| *route)).collect();
    assert_eq!(routes, tried, "the router's routes, and the rows of this table");
    for row in &rows {
        let (reason, path) = (if let May(why) = row.viewer { why } else { "" }, row.path);
        assert!(!matches!(row.viewer, May(_)) || reason.len() > 10, "{path}: why may a viewer?");
        assert_eq!(matches!(row.foreign, Foreign::Nothing(_)), !path.contains("{id}"), "{path}: where the id goes");
        if let Foreign::Nothing(why) = row.foreign {
            assert!(why.len() > 10, "{path}: why can nothing be another tenant's?");
        }
    }
    assert!(OPEN.iter().all(|(_, why)| why.len() > 10));
}

#[tokio::test]
async fn every_route_refuses_who_has_no_good_key_with_the_same_401() {
    let app = App::start().await;
    let good = format!("Bearer {}", app.api_key);
    let another = KeyId::generate(Duration::from_secs(1));
    let unknown = format!("Bearer {}", supergate::tenancy::api_key::ApiKey::new(another, &[7; 32]).reveal());
    let cases = [
        None,
        Some("Bearer "),
        Some("Bearer sk-abc"),
        Some(&good[..good.len() - 1]),
        Some("Basic eDp5"),
        Some(unknown.as_str()),
    ];
    let mut first = None;
    for row in rows() {
        for authorization in cases {
            let answer = send(&app, &row, &nobodys(row.foreign), authorization).await;
            assert_eq!(answer.status.as_u16(), 401, "{} {} with {authorization:?}", row.method, row.path);
            let seen = seen(&answer);
            assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "{} {}", row.method, row.path);
        }
    }
}

#[tokio::test]
async fn every_route_tells_a_viewer_which_permission_is_lacking_with_a_403() {
    let app = App::start().await;
    let viewers = [("a key", app.key_of("viewer").await), ("an access token", app.token_of("viewer").await)];
    for (kind, row) in viewers.iter().flat_map(|kind| rows().into_iter().map(move |row| (kind, row))) {
        let (kind, credential) = kind;
        let id = match row.foreign {
            Foreign::Tenant => app.tenant_id.clone(),
            other => nobodys(other),
        };
        let answer = send(&app, &row, &id, Some(&format!("Bearer {credential}"))).await;
        let what = format!("{} {} with {kind}: {}", row.method, row.path, answer.text());
        match row.viewer {
            Lacks(permission) => {
                assert_eq!(answer.status.as_u16(), 403, "{what}");
                assert_eq!(answer.error_code(), "permission_denied", "{what}");
                assert!(answer.text().contains(&format!("`{permission}`")), "{what}");
            }
            May(why) => assert_eq!(answer.status, 200, "{why}: {what}"),
        }
    }
    assert!(app.mock.bill().is_empty(), "nothing was spent");
}

#[tokio::test]
async fn every_route_refuses_two_credentials_with_the_same_400() {
    let app = App::start().await;
    let key = format!("Bearer {}", app.api_key);
    let token = format!("Bearer {}", app.token_of("owner").await);
    let joined = format!("{key}, {token}");
    let twice = [
        vec![("authorization", key.as_str()), ("authorization", token.as_str())],
        vec![("authorization", key.as_str()), ("authorization", key.as_str())],
        vec![("authorization", joined.as_str())],
        vec![("authorization", token.as_str()), ("x-api-key", "another")],
        vec![("authorization", key.as_str()), ("api-key", "another")],
        vec![("authorization", key.as_str()), ("x-goog-api-key", "another")],
    ];
    let mut first = None;
    for row in rows() {
        for credentials in &twice {
            let answer = send_with(&app, &row, &nobodys(row.foreign), credentials).await;
            let what = format!("{} {} with {credentials:?}", row.method, row.path);
            assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (400, "several_credentials"), "{what}");
            let seen = seen(&answer);
            assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "{what}");
        }
    }
    assert!(app.mock.bill().is_empty(), "nothing was spent");
}

#[tokio::test]
async fn what_is_another_tenants_is_the_same_404_as_what_there_is_not() {
    let app = App::start().await;
    let other = app.other_tenant("other").await;
    let invitation = app.call(Method::POST, "/v1/tenant/members", &other.key, &invitation()).await.json();
    let member = app.member(&other.id, "ada", "member").await;
    let budget = app.call(Method::POST, "/v1/budgets", &other.key, &budget()).await.json();
    let price = app.call(Method::POST, "/v1/prices", &other.key, &price()).await.json();
    let entry = cache_rows::plant(&app.database.superuser().await, uuid_of(&other.id), &Value::Null).await;
    let before = app.audit(&other.key).await;
    for role in ["owner", "admin"] {
        let key = format!("Bearer {}", app.key_of(role).await);
        for row in rows()
            .iter()
            .filter(|row| role == "owner" || !(row.method == Method::DELETE && row.foreign == Foreign::Tenant))
        {
            let theirs = match row.foreign {
                Foreign::Budget => text(&budget["id"]),
                Foreign::Entry => entry.clone(),
                Foreign::Price => text(&price["id"]),
                Foreign::Key => other.key_id.clone(),
                Foreign::Member => member.id.clone(),
                Foreign::Invitation => text(&invitation["id"]),
                Foreign::Tenant => other.id.clone(),
                Foreign::Nothing(_) => continue,
            };
            let none = send(&app, row, &nobodys(row.foreign), Some(&key)).await;
            assert_eq!(
                (none.status.as_u16(), none.error_code().as_str()),
                (404, "not_found"),
                "{} {}",
                row.method,
                row.path
            );
            let capitals = theirs.to_uppercase();
            let other_kind = format!("cred_{}", theirs.split_once('_').expect("an id").1);
            for id in [theirs.as_str(), capitals.as_str(), other_kind.as_str(), "x", "%00", "%2e%2e", "'or'1'='1"] {
                let answer = send(&app, row, id, Some(&key)).await;
                assert_eq!(
                    answer.status.as_u16(),
                    404,
                    "{role} {} {} with {id}: {}",
                    row.method,
                    row.path,
                    answer.text()
                );
                assert_eq!(seen(&answer), seen(&none), "{role} {} {} with {id}", row.method, row.path);
            }
        }
    }
    assert_eq!(app.audit(&other.key).await, before, "nothing happened to the other tenant");
    assert_eq!(app.look(&format!("/v1/tenant/members/{}", member.id), &other.key).await.status, 200, "it is all there");
}
