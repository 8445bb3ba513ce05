//! Whether the description has every route with every method, and the routes nothing else.

use super::{METHODS, described, read};
use http::{Method, Request, StatusCode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use supergate_tests::{app::App, docs};

/// What anyone may ask.
const OPEN: [&str; 7] =
    ["/docs", "/docs/{file}", "/health", "/openapi.json", "/v1/auth/login", "/v1/auth/logout", "/v1/auth/register"];

/// The watch's routes: path and function.
fn router() -> BTreeMap<String, String> {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let routes = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"].as_table().expect("routes");
    routes.iter().map(|(path, function)| (path.clone(), function.as_str().expect("a name").to_owned())).collect()
}

/// The route that a path takes: its own, or the longest that ends in a wildcard.
fn route_of<'a>(router: &'a BTreeMap<String, String>, path: &str) -> Option<&'a String> {
    let wildcard = |route: &str| route.split_once("{*").is_some_and(|(before, _)| path.starts_with(before));
    let longest = || router.keys().filter(|route| wildcard(route)).max_by_key(|route| route.len());
    router.get_key_value(path).map(|(route, _)| route).or_else(longest)
}

/// Something for each part of a path that is to be filled in.
fn filled_in(path: &str) -> String {
    let values = [
        ("{budget_id}", "bud_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"),
        ("{entry_id}", "che_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"),
        ("{file}", "start.js"),
        ("{invitation_id}", "inv_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"),
        ("{key_id}", "key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"),
        ("{member_id}", "usr_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"),
        ("{model}", "openai/gpt-4o-mini"),
        ("{price_id}", "prc_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"),
        ("{provider}", "openai"),
    ];
    let filled = values.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    assert!(!filled.contains('{'), "{path}: nobody says what to put there");
    filled
}

/// A request with the example that the operation is described with.
fn request(method: &Method, path: &str, operation: &Value, key: Option<&str>) -> Request<lambda_http::Body> {
    let body = &operation["requestBody"]["content"]["application/json"]["examples"]["example"]["value"];
    let request = Request::builder().method(method).uri(filled_in(path)).header("content-type", "application/json");
    let request = match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    };
    request.body(lambda_http::Body::Text(body.to_string())).expect("a request")
}

#[tokio::test]
async fn every_route_is_described_with_the_methods_that_its_function_takes() {
    let (router, description) = (router(), docs::description().await);
    let mut described_at: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
    let mut methods_of: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
    for one in described(&description) {
        let route = route_of(&router, one.path).unwrap_or_else(|| panic!("{} is described and not routed", one.name()));
        described_at.entry(route).or_default().insert(one.method.to_string());
        methods_of.entry(&router[route]).or_default().insert(one.method.to_string());
    }
    let routed: Vec<&String> = router.keys().collect();
    assert_eq!(described_at.into_keys().collect::<Vec<_>>(), routed, "the routes that are described, and the watch's");
    for (function, described) in methods_of {
        let main = read(&format!("functions/{function}/src/main.rs"));
        let taken: BTreeSet<String> =
            METHODS.iter().map(Method::to_string).filter(|method| main.contains(&format!("web::{method}"))).collect();
        assert_eq!(described, taken, "{function}: the methods that are described, and those that its main.rs takes");
    }
}

#[tokio::test]
async fn a_method_that_is_not_described_is_a_405() {
    let (app, description) = (App::start().await, docs::description().await);
    // Its handler is none of the app's, and takes the one method that its main.rs names.
    for (path, item) in description["paths"].as_object().expect("paths").iter().filter(|(path, _)| *path != "/health") {
        for method in METHODS.iter().filter(|method| item.get(method.as_str().to_lowercase()).is_none()) {
            let request = request(method, path, &Value::Null, Some(&app.api_key));
            let answer = match path.starts_with("/v1/") {
                true => app.send(request).await,
                false => docs::send(request).await,
            };
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn what_is_described_as_wanting_a_key_is_a_401_without_one_and_the_rest_is_open() {
    let (app, description) = (App::start().await, docs::description().await);
    let mut open = BTreeSet::new();
    for one in described(&description) {
        if !one.is_authenticated() {
            open.insert(one.path);
            continue;
        }
        let answer = app.send(request(&one.method, one.path, one.operation, None)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}: {}", one.name(), answer.text());
        assert!(one.operation["responses"]["401"].is_object(), "{} does not say so", one.name());
    }
    assert_eq!(open, BTreeSet::from(OPEN), "what anyone may ask");
}

#[tokio::test]
async fn the_roles_that_are_named_are_those_that_may() {
    let (app, description) = (App::start().await, docs::description().await);
    let viewer =
        app.call(Method::POST, "/v1/keys", &app.api_key, &serde_json::json!({"name": "v", "role": "viewer"})).await;
    let viewer = viewer.json()["key"].as_str().expect("a key").to_owned();
    for one in described(&description).iter().filter(|one| one.is_authenticated() && one.tag() != "accounts") {
        let needs = one.operation["description"].as_str().unwrap_or_default();
        let roles = needs.split("these roles have: ").nth(1).expect("roles").split('.').next().unwrap_or_default();
        let answer = app.send(request(&one.method, one.path, one.operation, Some(&viewer))).await;
        let refused = answer.status == StatusCode::FORBIDDEN && answer.error_code() == "permission_denied";
        let may = roles.split(", ").any(|role| role == "viewer");
        assert_eq!(!refused, may, "{}: {roles}: {}", one.name(), answer.text());
        if refused {
            let permission =
                needs.split("Needs `").nth(1).and_then(|rest| rest.split('`').next()).expect("a permission");
            let message: Value = answer.json();
            let message = message["error"]["message"].as_str().unwrap_or_default();
            assert!(message.contains(permission), "{}: {permission}: {message}", one.name());
        }
    }
}
