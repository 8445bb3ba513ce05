//! Whether the routes keep to the description: each is called with its own example, and what it answers is what is described, no field more.

use super::{alone, described, faults};
use Caller::{Cookie, Operator, Owner, Person};
use http::{Request, request::Builder};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use supergate_tests::{
    app::{Answer, App},
    cache_rows, docs,
};

#[derive(Clone, Copy, PartialEq)]
enum Caller {
    Owner,
    Operator,
    /// With an access token.
    Person,
    /// With what the last answer left in the browser, which at first is nothing.
    Cookie,
}

/// Every operation of `/v1`, in an order in which each finds what it needs.
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
    ("createBudget",         Owner,    201, "a tag's"),
    ("listBudgets",          Owner,    200, "that one"),
    ("readBudget",           Owner,    200, "that one"),
    ("updateBudget",         Owner,    200, "another limit"),
    ("deleteBudget",         Owner,    204, "nothing is told"),
    ("createPrice",          Owner,    201, "one that begins later"),
    ("listPrices",           Owner,    200, "that one"),
    ("readPrice",            Owner,    200, "that one"),
    ("listUnpricedModels",   Owner,    200, "all that answered have a price"),
    ("deletePrice",          Owner,    204, "nothing is told"),
    ("setLimit",             Owner,    200, "the tenant's"),
    ("listLimits",           Owner,    200, "that one"),
    ("deleteLimit",          Owner,    204, "nothing is told"),
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
    ("inviteMember",         Owner,    201, "the same again"),
    ("register",             Cookie,   201, "who was invited, with a tenant of their own"),
    ("login",                Cookie,   200, "the same"),
    ("readAccount",          Person,   200, "their own"),
    ("updateAccount",        Person,   200, "another name"),
    ("acceptInvitation",     Person,   200, "the second one"),
    ("switchTenant",         Cookie,   200, "to that tenant"),
    ("refresh",              Cookie,   200, "the session goes on"),
    ("changePassword",       Person,   204, "nothing is told"),
    ("logout",               Cookie,   204, "nothing is told"),
    ("listMembers",          Owner,    200, "who accepted"),
    ("readMember",           Owner,    200, "the same"),
    ("updateMember",         Owner,    200, "another role"),
    ("removeMember",         Owner,    204, "nothing is told"),
    ("createTenant",         Operator, 201, "only operators may"),
    ("listAudit",            Owner,    200, "all of the above"),
    ("readUsage",            Owner,    200, "the calls above"),
    ("breakUsageDown",       Owner,    200, "the same by model"),
    ("chartUsage",           Owner,    200, "hour by hour"),
    ("listUsage",            Owner,    200, "each of them"),
    ("exportUsage",          Owner,    200, "as a file"),
    ("updateCacheSettings",  Owner,    200, "the tenant's"),
    ("readCacheSettings",    Owner,    200, "the same"),
    ("resetCacheSettings",   Owner,    204, "nothing is told"),
    ("listCacheEntries",     Owner,    200, "one that was put there"),
    ("readCacheEntry",       Owner,    200, "that one"),
    ("reportCacheEntry",     Owner,    200, "that one"),
    ("readCacheStats",       Owner,    200, "the report among them"),
    ("readCacheTimeseries",  Owner,    200, "hour by hour"),
    ("deleteCacheEntry",     Owner,    204, "nothing is told"),
    ("emptyCache",           Owner,    200, "nothing was left"),
    ("deleteTenant",         Owner,    200, "nothing is left to be called after it"),
];

/// What must stand behind the question mark.
const QUERIES: &[(&str, &str)] = &[("breakUsageDown", "?by=model,key")];

/// What earlier answers gave, by where it is needed: parts of paths, fields of bodies, and who calls.
type Known = BTreeMap<&'static str, String>;

#[tokio::test]
async fn each_route_takes_its_example_and_answers_as_described() {
    let (app, description) = (App::start().await, docs::description().await);
    app.unbilled("a ledger goes with its tenant");
    let tenant = app.tenant_id.strip_prefix("ten_").and_then(|id| id.parse().ok()).expect("a tenant's id");
    let entry = cache_rows::plant(&app.database.superuser().await, tenant, &Value::Null).await;
    let all = described(&description);
    let mut known = Known::from([
        ("model", "openai/gpt-4o-mini".to_owned()),
        ("provider", "openai".to_owned()),
        ("tenant_id", app.tenant_id.clone()),
        ("entry_id", entry),
    ]);
    for (id, caller, status, why) in STEPS {
        let one = all.iter().find(|one| one.operation["operationId"] == *id).unwrap_or_else(|| panic!("{id}"));
        let path =
            known.iter().fold(one.path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        let path = format!("{path}{}", QUERIES.iter().find(|row| row.0 == *id).map_or("", |row| row.1));
        for body in bodies(one.operation, &known) {
            let request = Request::builder().method(&one.method).uri(&path);
            let request = match caller {
                Owner => request.header("authorization", format!("Bearer {}", app.api_key)),
                Operator => request.header("authorization", format!("Bearer {}", app.operator_key)),
                Person => request.header("authorization", format!("Bearer {}", known["access_token"])),
                Cookie => request.header("cookie", known.get("cookie").map_or("", String::as_str)),
            };
            let answer = send(&app, request, body.as_ref()).await;
            assert_eq!(answer.status.as_u16(), *status, "{id}: {why}: {}", answer.text());
            assert!(answer.header("x-request-id").starts_with("req_"), "{id}");
            check(&description, one.operation, &answer, one.tag() == "inference");
            remember(&mut known, id, &answer);
        }
    }
    let called: BTreeSet<&str> = STEPS.iter().map(|step| step.0).collect();
    let expected = all.iter().filter(|one| one.path.starts_with("/v1/"));
    let expected: BTreeSet<&str> = expected.filter_map(|one| one.operation["operationId"].as_str()).collect();
    assert_eq!(called, expected, "the operations that are called, and those that are described");
}

/// Keeps what later steps need.
fn remember(known: &mut Known, id: &str, answer: &Answer) {
    #[rustfmt::skip]
    let table = [
        ("createKey",    "/id",           "key_id"),
        ("createBudget", "/id",           "budget_id"),
        ("createPrice",  "/id",           "price_id"),
        ("inviteMember", "/id",           "invitation_id"),
        ("inviteMember", "/invitation",   "invitation"),
        ("register",     "/user/id",      "member_id"),
        ("login",        "/access_token", "access_token"),
        ("refresh",      "/access_token", "access_token"),
    ];
    for (_, pointer, name) in table.iter().filter(|row| row.0 == id) {
        let value = answer.json().pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned();
        known.insert(name, value);
    }
    if let Some(cookie) = answer.headers.get("set-cookie") {
        let cookie = cookie.to_str().expect("text").split(';').next().unwrap_or_default();
        known.insert("cookie", cookie.to_owned());
    }
}

/// The examples of an operation's body, or one call without a body. What only this run can know is put in; an example that would need more
/// than that says so in its name.
fn bodies(operation: &Value, known: &Known) -> Vec<Option<Value>> {
    let Some(examples) = operation["requestBody"]["content"]["application/json"]["examples"].as_object() else {
        return vec![None];
    };
    let mut bodies = Vec::new();
    for (_, example) in examples.iter().filter(|(name, _)| *name != "invited") {
        let mut body = example["value"].clone();
        for (name, value) in body.as_object_mut().expect("an object") {
            if let Some(known) =
                known.get(name.as_str()).filter(|_| ["invitation", "tenant_id"].contains(&name.as_str()))
            {
                *value = known.clone().into();
            }
        }
        bodies.push(Some(body));
    }
    bodies
}

async fn send(app: &App, request: Builder, body: Option<&Value>) -> Answer {
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
