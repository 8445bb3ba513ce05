//! The routes that take an id, and whether they are all of them.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use supergate_tests::docs;

/// Who may go as far as to be told that there is nothing; everybody else gets a 403 whatever the id.
pub(super) const ADMINISTRATORS: &[&str] = &["owner", "admin", "operator"];
pub(super) const OWNERS: &[&str] = &["owner", "operator"];

/// A route with the id of something.
pub(super) struct Route {
    pub(super) method: Method,
    /// With the id's kind in braces.
    pub(super) path: &'static str,
    pub(super) body: Value,
    /// The roles that have the permission.
    pub(super) may: &'static [&'static str],
    /// What it answers with an own id.
    pub(super) own: StatusCode,
}

pub(super) fn routes() -> Vec<Route> {
    let route = |method, path, body, may, own| Route { method, path, body, may, own };
    let everybody: &[&str] = &["owner", "admin", "member", "viewer", "operator"];
    let readers: &[&str] = &["owner", "admin", "viewer", "operator"];
    let users: &[&str] = &["owner", "admin", "member", "operator"];
    let (all, owners) = (ADMINISTRATORS, OWNERS);
    let (ok, made, gone) = (StatusCode::OK, StatusCode::CREATED, StatusCode::NO_CONTENT);
    #[rustfmt::skip]
    let routes = vec![
        route(Method::GET,    "/v1/audit?tenant_id={tenant}",                 Value::Null,               all,    ok),
        route(Method::GET,    "/v1/budgets/{budget}",                         Value::Null,               all,    ok),
        route(Method::GET,    "/v1/budgets?tenant_id={tenant}",               Value::Null,               all,    ok),
        route(Method::PATCH,  "/v1/budgets/{budget}",                         json!({"limit_usd": 2}),   all,    ok),
        route(Method::DELETE, "/v1/budgets/{budget}",                         Value::Null,               all,    gone),
        route(Method::GET,    "/v1/budgets/{budget}?tenant_id={tenant}",      Value::Null,               all,    ok),
        route(Method::PATCH,  "/v1/budgets/{budget}?tenant_id={tenant}",      json!({"limit_usd": 2}),   all,    ok),
        route(Method::DELETE, "/v1/budgets/{budget}?tenant_id={tenant}",      Value::Null,               all,    gone),
        route(Method::POST,   "/v1/budgets?tenant_id={tenant}", json!({"limit_usd": 1, "period": "day", "hard": false}), all, made),
        route(Method::GET,    "/v1/limits?key_id={key}",                      Value::Null,               all,    ok),
        route(Method::DELETE, "/v1/limits?key_id={key}",                      Value::Null,               all,    gone),
        route(Method::GET,    "/v1/limits?tenant_id={tenant}",                Value::Null,               all,    ok),
        route(Method::PUT,    "/v1/limits?tenant_id={tenant}",                json!({"limits": {"rpm": 1000000}}), all, ok),
        route(Method::DELETE, "/v1/limits?tenant_id={tenant}",                Value::Null,               all,    gone),
        route(Method::GET,    "/v1/cache/{entry}",                            Value::Null,               readers, ok),
        route(Method::GET,    "/v1/cache?tenant_id={tenant}",                 Value::Null,               readers, ok),
        route(Method::GET,    "/v1/cache/stats?tenant_id={tenant}",           Value::Null,               readers, ok),
        route(Method::GET,    "/v1/cache/timeseries?tenant_id={tenant}",      Value::Null,               readers, ok),
        route(Method::GET,    "/v1/cache/settings?key_id={key}",              Value::Null,               readers, ok),
        route(Method::PATCH,  "/v1/cache/settings?key_id={key}",              json!({"tier": "exact"}),  all,    ok),
        route(Method::DELETE, "/v1/cache/settings?key_id={key}",              Value::Null,               all,    gone),
        route(Method::GET,    "/v1/cache/settings?tenant_id={tenant}",        Value::Null,               readers, ok),
        route(Method::PATCH,  "/v1/cache/settings?tenant_id={tenant}",        json!({"tier": "exact"}),  all,    ok),
        route(Method::DELETE, "/v1/cache/settings?tenant_id={tenant}",        Value::Null,               all,    gone),
        route(Method::GET,    "/v1/cache/{entry}?tenant_id={tenant}",         Value::Null,               readers, ok),
        route(Method::POST,   "/v1/cache/{entry}/report?tenant_id={tenant}",  Value::Null,               users,  ok),
        route(Method::DELETE, "/v1/cache/{entry}?tenant_id={tenant}",         Value::Null,               all,    gone),
        route(Method::POST,   "/v1/cache/{entry}/report",                     Value::Null,               users,  ok),
        route(Method::DELETE, "/v1/cache/{entry}",                            Value::Null,               all,    gone),
        route(Method::DELETE, "/v1/cache?tenant_id={tenant}",                 Value::Null,               all,    ok),
        route(Method::GET,    "/v1/prices/{price}",                           Value::Null,               all,    ok),
        route(Method::GET,    "/v1/prices?tenant_id={tenant}",                Value::Null,               all,    ok),
        route(Method::GET,    "/v1/prices/unpriced?tenant_id={tenant}",       Value::Null,               all,    ok),
        route(Method::DELETE, "/v1/prices/{price}",                           Value::Null,               all,    gone),
        route(Method::GET,    "/v1/prices/{price}?tenant_id={tenant}",        Value::Null,               all,    ok),
        route(Method::DELETE, "/v1/prices/{price}?tenant_id={tenant}",        Value::Null,               all,    gone),
        route(Method::POST,   "/v1/prices?tenant_id={tenant}",
            json!({"model": "openai/gpt-4o-mini", "input_usd": 1, "output_usd": 2, "starts_at": "2098-01-01T00:00:00Z"}), all, made),
        route(Method::GET,    "/v1/keys/{key}",                               Value::Null,               all,    ok),
        route(Method::PATCH,  "/v1/keys/{key}",                               json!({"name": "x"}),      all,    ok),
        route(Method::POST,   "/v1/keys/{key}/rotate",                        Value::Null,               all,    ok),
        route(Method::DELETE, "/v1/keys/{key}",                               Value::Null,               all,    gone),
        route(Method::GET,    "/v1/tenant?tenant_id={tenant}",                Value::Null,               everybody, ok),
        route(Method::PATCH,  "/v1/tenant?tenant_id={tenant}",                json!({"settings": {}}),   all,    ok),
        // An own tenant is not deleted by a slip: its name must be repeated.
        route(Method::DELETE, "/v1/tenant?tenant_id={tenant}",                json!({"name": "another"}), owners, StatusCode::BAD_REQUEST),
        route(Method::GET,    "/v1/tenant/members/{member}",                  Value::Null,               all,    ok),
        route(Method::PATCH,  "/v1/tenant/members/{member}",                  json!({"role": "viewer"}), all,    ok),
        route(Method::DELETE, "/v1/tenant/members/{member}",                  Value::Null,               all,    gone),
        route(Method::DELETE, "/v1/tenant/members/invitations/{invitation}",  Value::Null,               all,    gone),
        route(Method::GET,    "/v1/tenant/keys/{provider}",                   Value::Null,               all,    ok),
        route(Method::DELETE, "/v1/tenant/keys/{provider}",                   Value::Null,               all,    gone),
        // Everybody may see use, and nobody another tenant's.
        route(Method::GET,    "/v1/usage?tenant_id={tenant}",                 Value::Null,               everybody, ok),
        route(Method::GET,    "/v1/usage/breakdown?by=key&tenant_id={tenant}", Value::Null,              everybody, ok),
        route(Method::GET,    "/v1/usage/chart?tenant_id={tenant}",           Value::Null,               everybody, ok),
        route(Method::GET,    "/v1/usage/logs?tenant_id={tenant}",            Value::Null,               everybody, ok),
        route(Method::GET,    "/v1/usage/export?tenant_id={tenant}",          Value::Null,               everybody, ok),
    ];
    routes
}

/// What takes an id, by its place in the path or by the name of a parameter, and yet is not to be tried here.
#[rustfmt::skip]
const EXEMPT: &[(&str, &str, &str, &str)] = &[
    ("GET",  "/docs/{}",           "",       "its files are compiled in, the same for everybody"),
    ("HEAD", "/docs/{}",           "",       "the same"),
    ("GET",  "/v1/models/{}",      "",       "a model is nobody's"),
    ("GET",  "/v1/usage/logs",     "key_id", "it filters one's own rows: another's key has none, as a key that there is not (tests/usage/logs.rs)"),
    ("PUT",  "/v1/tenant/keys/{}", "",       "its id is a provider's name, under which it stores the caller's own key, whoever else has one"),
];

/// The ids that an operation takes: its method, its path with `{}` for each id, and the parameter, or nothing for an id in the path.
type Taken = (String, String, String);

/// A path without what its ids are called.
fn nameless(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// What the description says, which tests/docs.rs holds to the routes and methods that there are.
async fn taken() -> BTreeSet<Taken> {
    let description = docs::description().await;
    let mut taken = BTreeSet::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let mut add = |parameter: &str| {
                taken.insert((method.to_uppercase(), nameless(path), parameter.to_owned()));
            };
            if path.contains('{') {
                add("");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().expect("a name");
                if parameter["in"] == "query" && name.ends_with("_id") {
                    add(name);
                }
            }
        }
    }
    taken
}

#[tokio::test]
async fn every_route_with_an_id_is_tried() {
    let tried: BTreeSet<Taken> = routes()
        .iter()
        .flat_map(|route| {
            let (path, query) = route.path.split_once('?').unwrap_or((route.path, ""));
            let in_path = path.contains('{').then_some("");
            let in_query = query.split('&').filter_map(|pair| pair.split_once("={")).map(|(name, _)| name);
            let taken = |parameter: &str| (route.method.to_string(), nameless(path), parameter.to_owned());
            in_path.into_iter().chain(in_query).map(taken).collect::<Vec<_>>()
        })
        .collect();
    let exempt: BTreeSet<Taken> = EXEMPT
        .iter()
        .map(|(method, path, parameter, _)| ((*method).to_owned(), (*path).to_owned(), (*parameter).to_owned()))
        .collect();
    let taken = taken().await;
    let missing: Vec<_> = taken.difference(&tried).filter(|one| !exempt.contains(*one)).collect();
    assert!(missing.is_empty(), "these take ids and are not tried: {missing:#?}");
    let idle: Vec<_> = exempt.iter().filter(|one| !taken.contains(*one) || tried.contains(*one)).collect();
    assert!(idle.is_empty(), "these need no excuse: {idle:#?}");
}
