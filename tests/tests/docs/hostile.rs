//! Every field of every body and every parameter of the description with values that nobody should send: what is wrong is the caller's fault, and
//! told so. A new route, field or parameter is tried because it is described.

use super::{Described, described, target};
use http::{Method, Request};
use serde_json::{Map, Value, json};
use std::time::Duration;
use supergate::tenancy::{CacheEntryId, InvitationId, PriceId};
use supergate_tests::{
    app::{Answer, App},
    docs,
    office::text,
};

/// What stands where an id goes: things that there are, for what changes them.
struct Ids(Vec<(&'static str, String)>);

impl Ids {
    async fn make(app: &App) -> Self {
        let key = app.new_key(&app.api_key, json!({"name": "n", "role": "viewer"})).await;
        let budget = json!({"scope": {"tag": "hostile"}, "limit_usd": 1, "period": "month", "hard": true});
        let budget = app.call(Method::POST, "/v1/budgets", &app.api_key, &budget).await.json();
        let then = Duration::from_secs(1);
        Self(vec![
            ("{key_id}", text(&key["id"])),
            ("{budget_id}", text(&budget["id"])),
            ("{member_id}", app.member(&app.tenant_id, "ada", "member").await.id),
            ("{price_id}", PriceId::generate(then).to_string()),
            ("{entry_id}", CacheEntryId::generate(then).to_string()),
            ("{invitation_id}", InvitationId::generate(then).to_string()),
            ("{provider}", "openai".to_owned()),
            ("{model}", "openai/gpt-4o-mini".to_owned()),
        ])
    }

    fn path(&self, template: &str) -> String {
        self.0.iter().fold(template.to_owned(), |path, (name, id)| path.replace(name, id))
    }
}

/// Who gets as far as the body: a person, who may do what keys may and has an account; operators where only they may.
fn caller<'a>(one: &Described<'_>, person: &'a str, operator: &'a str) -> &'a str {
    if one.operation["operationId"] == "createTenant" { operator } else { person }
}

async fn send(app: &App, one: &Described<'_>, uri: &str, credential: &str, body: Option<&Value>) -> Answer {
    let request =
        Request::builder().method(&one.method).uri(uri).header("authorization", format!("Bearer {credential}"));
    let request = match body {
        None => request.body(lambda_http::Body::Empty),
        Some(body) => {
            request.header("content-type", "application/json").body(lambda_http::Body::Text(body.to_string()))
        }
    };
    app.send(request.expect("a request")).await
}

/// The example bodies of an operation.
fn examples(operation: &Value) -> Vec<Value> {
    let examples = operation["requestBody"]["content"]["application/json"]["examples"].as_object();
    examples.into_iter().flat_map(Map::values).map(|example| example["value"].clone()).collect()
}

/// Where there is a value within another, as a pointer; objects and arrays too.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    if !at.is_empty() {
        found.push(at.to_owned());
    }
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| places(item, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn no_parameter_of_any_route_is_a_fault_of_ours() {
    let (app, description) = (App::start().await, docs::description().await);
    let (person, operator) = (app.token_of("owner").await, app.operator_key.clone());
    let ids = Ids::make(&app).await;
    let long = "x".repeat(5_000);
    let mut tried = 0;
    for one in described(&description).iter().filter(|one| one.is_authenticated()) {
        let parameters = one.operation["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.map(|parameter| target(&description, parameter));
        let body = examples(one.operation).into_iter().next();
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().expect("a name");
            for value in [
                "%00",
                "a%00b",
                "openai/a%00b",
                "%ff",
                "%e2%80%ae",
                "-1",
                "1e9",
                "99999999999999999999",
                "%27",
                "",
                &long,
            ] {
                let uri = format!("{}?{name}={value}", ids.path(one.path));
                let answer = send(&app, one, &uri, caller(one, &person, &operator), body.as_ref()).await;
                let what = format!("{} ?{name}={}: {}", one.name(), &value[..value.len().min(30)], answer.text());
                assert!(answer.status.as_u16() < 500, "{what}");
                if value.contains("%00") {
                    assert!([400, 404].contains(&answer.status.as_u16()), "a control character: {what}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "only {tried} were tried");
}

#[tokio::test]
async fn no_value_in_any_body_is_a_fault_of_ours_and_no_field_is_let_pass_unknown() {
    let (app, description) = (App::start().await, docs::description().await);
    app.unbilled("some of what is sent is answered");
    let (person, operator) = (app.token_of("owner").await, app.operator_key.clone());
    let ids = Ids::make(&app).await;
    let hostile = [
        json!("a\u{0}b"),
        json!("\u{202e}"),
        json!(""),
        json!("x".repeat(50_000)),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(true),
        json!([]),
        json!({}),
        json!([{"a": [1]}]),
    ];
    let (mut tried, mut unknown) = (0, 0);
    for one in described(&description).iter().filter(|one| one.path.starts_with("/v1/")) {
        let credential = caller(one, &person, &operator);
        for example in examples(one.operation) {
            let mut found = Vec::new();
            places(&example, "", &mut found);
            for place in &found {
                for value in &hostile {
                    let mut body = example.clone();
                    *body.pointer_mut(place).expect("a place") = value.clone();
                    let answer = send(&app, one, &ids.path(one.path), credential, Some(&body)).await;
                    let told: String = value.to_string().chars().take(30).collect();
                    assert!(answer.status.as_u16() < 500, "{} {place} = {told}: {}", one.name(), answer.text());
                    tried += 1;
                }
            }
            // What the models' own dialect does not know is told in a header.
            if one.tag() == "inference" {
                continue;
            }
            let objects = found
                .iter()
                .map(String::as_str)
                .chain([""])
                .filter(|place| example.pointer(place).is_some_and(Value::is_object));
            for place in objects {
                let mut body = example.clone();
                body.pointer_mut(place).expect("an object")["a_field_of_nobody"] = json!(1);
                let answer = send(&app, one, &ids.path(one.path), credential, Some(&body)).await;
                let what = format!("{} {place}: {}", one.name(), answer.text());
                assert_eq!(answer.status.as_u16(), 400, "{what}");
                let name = [place.trim_start_matches('/').replace('/', ".").as_str(), "a_field_of_nobody"].join(".");
                assert!(answer.text().contains(&format!("`{}`", name.trim_start_matches('.'))), "by its path: {what}");
                unknown += 1;
            }
        }
    }
    assert!(tried > 500 && unknown > 20, "only {tried} values and {unknown} fields were tried");
}
