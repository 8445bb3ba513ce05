//! Whether the routes keep to the description: each is called with its own example, and what it answers is what is described, no field more.

use super::{alone, described, faults};
use Caller::{Operator, Owner};
use http::{Method, Request};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use supergate_tests::{
    app::{Answer, App},
    docs,
};

const MEMBER: &str = "0199f1c27a3e7d0c8b5e4f6a7b8c9d0e";

#[derive(Clone, Copy, PartialEq)]
enum Caller {
    Owner,
    Operator,
}

/// Every authenticated operation, in an order in which each finds what it needs.
#[rustfmt::skip]
const STEPS: &[(&str, Caller, u16, &str)] = &[
    ("listModels",           Owner,    200, "anybody may"),
    ("readModel",            Owner,    200, "the one that the path names"),
    ("createChatCompletion", Owner,    200, "the plain example and the streamed one"),
    ("createEmbeddings",     Owner,    200, "one text"),
    ("createKey",            Owner,    201, "a member's"),
    ("listKeys",             Owner,    200, "the first key and the new one"),
    ("readKey",              Owner,    200, "the new one"),
    ("updateKey",            Owner,    200, "another name"),
    ("rotateKey",            Owner,    200, "a new secret"),
    ("revokeKey",            Owner,    204, "nothing is told"),
    ("readTenant",           Owner,    200, "its own"),
    ("updateTenant",         Owner,    200, "another name, which its end must repeat"),
    ("storeProviderKey",     Owner,    201, "its first"),
    ("listProviderKeys",     Owner,    200, "that one"),
    ("readProviderKey",      Owner,    200, "that one"),
    ("replaceProviderKey",   Owner,    200, "there is one"),
    ("deleteProviderKey",    Owner,    204, "nothing is told"),
    ("replaceProviderKey",   Owner,    201, "there is none any more"),
    ("inviteMember",         Owner,    201, "somebody else"),
    ("listInvitations",      Owner,    200, "that one"),
    ("withdrawInvitation",   Owner,    204, "nothing is told"),
    ("listMembers",          Owner,    200, "the one that the test planted"),
    ("readMember",           Owner,    200, "that one"),
    ("updateMember",         Owner,    200, "another role"),
    ("removeMember",         Owner,    204, "nothing is told"),
    ("createTenant",         Operator, 201, "only operators may"),
    ("listAudit",            Owner,    200, "all of the above"),
    ("deleteTenant",         Owner,    200, "nothing is left to be called after it"),
];

#[tokio::test]
async fn each_route_takes_its_example_and_answers_as_described() {
    let (app, description) = (App::start().await, docs::description().await);
    plant_member(&app).await;
    let all = described(&description);
    let mut ids: BTreeMap<String, String> =
        [("member_id", format!("usr_{MEMBER}")), ("model", "openai/gpt-4o-mini".into()), ("provider", "openai".into())]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
    for (id, caller, status, why) in STEPS {
        let one = all.iter().find(|one| one.operation["operationId"] == *id).unwrap_or_else(|| panic!("{id}"));
        let path =
            ids.iter().fold(one.path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        let key = if *caller == Operator { &app.operator_key } else { &app.api_key };
        for body in bodies(one.operation) {
            let answer = call(&app, &one.method, &path, key, body.as_ref()).await;
            assert_eq!(answer.status.as_u16(), *status, "{id}: {why}: {}", answer.text());
            assert!(answer.header("x-request-id").starts_with("req_"), "{id}");
            check(&description, one.operation, &answer, one.tag() == "inference");
            if let Some(name) =
                [("createKey", "key_id"), ("inviteMember", "invitation_id")].iter().find(|row| row.0 == *id)
            {
                ids.insert(name.1.to_owned(), answer.json()["id"].as_str().expect("an id").to_owned());
            }
        }
    }
    let called: BTreeSet<&str> = STEPS.iter().map(|step| step.0).collect();
    let authenticated = all.iter().filter(|one| one.is_authenticated());
    let expected: BTreeSet<&str> = authenticated.filter_map(|one| one.operation["operationId"].as_str()).collect();
    assert_eq!(called, expected, "the operations that are called, and those that are described");
}

/// Somebody who belongs to the tenant. People register through a function of their own.
async fn plant_member(app: &App) {
    let tenant = app.tenant_id.trim_start_matches("ten_");
    let sql = format!(
        "insert into people (id, email, name) values ('{MEMBER}', 'grace@example.com', 'Grace'); \
         insert into members (tenant_id, person_id, role) values ('{tenant}', '{MEMBER}', 'member')"
    );
    app.database.superuser().await.batch_execute(&sql).await.expect("a member");
}

/// The examples of an operation's body, or one call without a body.
fn bodies(operation: &Value) -> Vec<Option<Value>> {
    let examples = operation["requestBody"]["content"]["application/json"]["examples"].as_object();
    match examples {
        None => vec![None],
        Some(examples) => examples.values().map(|example| Some(example["value"].clone())).collect(),
    }
}

async fn call(app: &App, method: &Method, path: &str, key: &str, body: Option<&Value>) -> Answer {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
    let request = match body {
        None => request.body(lambda_http::Body::Empty),
        Some(body) => {
            request.header("content-type", "application/json").body(lambda_http::Body::Text(body.to_string()))
        }
    };
    app.send(request.expect("a request")).await
}

fn check(description: &Value, operation: &Value, answer: &Answer, open: bool) {
    let id = &operation["operationId"];
    let response = &operation["responses"][answer.status.as_str()];
    assert!(response.is_object(), "{id}: {} is not described", answer.status);
    for name in answer.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-supergate-")) {
        assert!(response["headers"][name].is_object(), "{id}: the header {name} is not described");
    }
    let Some(content) = response["content"].as_object() else {
        return assert!(answer.text().is_empty(), "{id}: {}", answer.text());
    };
    let media_type = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
    let content = content.get(&media_type).unwrap_or_else(|| panic!("{id}: {media_type} is not described"));
    if media_type != "application/json" {
        return;
    }
    let schema = &content["schema"];
    let found = match open {
        true => faults(description, schema, &answer.json()),
        false => faults(&closed(description), &close(schema, false), &answer.json()),
    };
    assert!(found.is_empty(), "{id}: {}: {found:?}", answer.text());
}

/// The description, with no room for a field that it does not name.
fn closed(description: &Value) -> Value {
    let schemas = description["components"]["schemas"].as_object().expect("schemas");
    // A component may be part of another, so it stays open, and what refers to it closes it.
    let schemas: Map<String, Value> =
        schemas.iter().map(|(name, schema)| (name.clone(), close(schema, true))).collect();
    json!({ "components": { "schemas": schemas } })
}

fn close(schema: &Value, part_of_another: bool) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(|item| close(item, part_of_another)).collect(),
        Value::Object(object) if object.get("$ref").is_some_and(Value::is_string) && !part_of_another => {
            json!({ "allOf": [schema], "unevaluatedProperties": false })
        }
        Value::Object(object) => {
            let within = |(name, value): (&String, &Value)| (name.clone(), close(value, name == "allOf"));
            let mut closed: Map<String, Value> = object.iter().map(within).collect();
            if object.get("properties").is_some_and(Value::is_object) && !part_of_another {
                closed.insert("unevaluatedProperties".into(), false.into());
            }
            Value::Object(closed)
        }
        other => other.clone(),
    }
}

#[test]
fn a_closed_schema_names_what_is_not_in_it() {
    let description = json!({"components": {"schemas": {
        "Key": {"type": "object", "properties": {"id": {"type": "string"}}},
        "Both": {"allOf": [{"$ref": "#/components/schemas/Key"}, {"type": "object", "properties": {"key": {"type": "string"}}}]},
    }}});
    let both = json!({"$ref": "#/components/schemas/Both"});
    let closed_description = closed(&description);
    let wrong = |value: Value| !faults(&closed_description, &close(&both, false), &value).is_empty();
    assert!(!wrong(json!({"id": "a", "key": "b"})), "each is named by one of the two");
    assert!(
        wrong(json!({"id": "a", "key": "b", "hash": "c"})),
        "nobody names the third: {}",
        alone(&closed_description, &both)
    );
}
