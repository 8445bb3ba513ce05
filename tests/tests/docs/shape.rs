//! Whether the description is one: OpenAPI 3.1's fields and no others, references that lead somewhere, schemas that are schemas, examples
//! that fit them, and every error code.

use super::{alone, described, faults, read, target};
use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};
use supergate_tests::docs;

/// The fields of each object of OpenAPI 3.1, as far as we use them: what must be there, and what may be.
#[rustfmt::skip]
const FIELDS: &[(&str, &[&str], &[&str])] = &[
    ("document",   &["openapi", "info", "paths"],  &["servers", "components", "security", "tags", "externalDocs", "webhooks"]),
    ("info",       &["title", "version"],          &["description", "summary", "license", "contact", "termsOfService"]),
    ("operation",  &["operationId", "responses"],  &["tags", "summary", "description", "parameters", "requestBody", "security", "deprecated"]),
    ("parameter",  &["name", "in", "schema"],      &["description", "required", "deprecated", "example"]),
    ("body",       &["content"],                   &["description", "required"]),
    ("response",   &["description"],               &["headers", "content", "links"]),
    ("header",     &["schema"],                    &["description", "required", "deprecated"]),
    ("media type", &["schema"],                    &["example", "examples", "encoding"]),
    ("example",    &["value"],                     &["summary", "description"]),
    ("components", &[],                            &["schemas", "responses", "headers", "securitySchemes"]),
];

fn check_fields(kind: &str, at: &str, value: &Value) {
    let (_, must, may) = FIELDS.iter().find(|row| row.0 == kind).expect(kind);
    let object = value.as_object().unwrap_or_else(|| panic!("{at} is no object: {value}"));
    for name in *must {
        assert!(object.contains_key(*name), "{at}: a {kind} has `{name}`");
    }
    for name in object.keys() {
        assert!(must.iter().chain(*may).any(|known| known == name), "{at}: a {kind} has no `{name}`");
    }
}

fn check_content(description: &Value, at: &str, content: &Value) {
    for (media_type, content) in content.as_object().into_iter().flatten() {
        let at = format!("{at} as {media_type}");
        check_fields("media type", &at, content);
        for (_, example) in content["examples"].as_object().into_iter().flatten() {
            check_fields("example", &at, example);
        }
        let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
        let examples: Vec<&Value> = content.get("example").into_iter().chain(named).collect();
        assert!(!examples.is_empty() || content["schema"]["type"] == "string", "{at} has no example");
        for example in examples {
            let faults = faults(description, &content["schema"], example);
            assert!(faults.is_empty(), "{at}: {example}: {faults:?}");
        }
    }
}

fn check_response(description: &Value, at: &str, response: &Value) {
    let response = target(description, response);
    check_fields("response", at, response);
    for (_, header) in response["headers"].as_object().into_iter().flatten() {
        check_fields("header", at, target(description, header));
    }
    check_content(description, at, &response["content"]);
}

fn check_references(description: &Value, value: &Value) {
    match value {
        Value::Object(object) => {
            if object.get("$ref").is_some_and(Value::is_string) {
                target(description, value);
            }
            object.values().for_each(|value| check_references(description, value));
        }
        Value::Array(items) => items.iter().for_each(|value| check_references(description, value)),
        _ => {}
    }
}

#[tokio::test]
async fn the_description_is_openapi_3_1_and_every_example_fits_its_schema() {
    let description = docs::description().await;
    assert_eq!(description["openapi"], "3.1.0");
    check_fields("document", "the description", &description);
    check_fields("info", "info", &description["info"]);
    check_fields("components", "components", &description["components"]);
    check_references(&description, &description);
    assert_eq!(description["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(description["components"]["securitySchemes"]["cookie"]["in"], "cookie");
    let tags: Vec<&str> =
        description["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()).collect();
    let mut ids = BTreeSet::new();
    for one in described(&description) {
        let (at, operation) = (one.name(), one.operation);
        check_fields("operation", &at, operation);
        assert!(ids.insert(operation["operationId"].to_string()), "{at}: its id is another's too");
        assert!(tags.contains(&one.tag()), "{at}: its tag has no description");
        let mut filled_in = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            check_fields("parameter", &at, parameter);
            assert!(parameter["description"].is_string(), "{at}: {parameter} is not described");
            if parameter["in"] == "path" {
                assert_eq!(parameter["required"], true, "{at}: {parameter}");
                filled_in.push(parameter["name"].as_str().expect("a name"));
            }
        }
        let parts: Vec<&str> = one.path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(filled_in, parts, "{at}: the parts of its path and its parameters");
        if operation["requestBody"].is_object() {
            check_fields("body", &at, &operation["requestBody"]);
            check_content(&description, &at, &operation["requestBody"]["content"]);
        }
        for (status, response) in operation["responses"].as_object().expect("responses") {
            check_response(&description, &format!("{at} → {status}"), response);
        }
    }
    for (name, schema) in description["components"]["schemas"].as_object().expect("schemas") {
        let alone = alone(&description, schema);
        jsonschema::draft202012::meta::validate(&alone).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
async fn what_a_body_does_not_have_is_refused_by_the_description_too() {
    let description = docs::description().await;
    for one in described(&description).iter().filter(|one| one.tag() != "inference") {
        for (_, content) in one.operation["requestBody"]["content"].as_object().into_iter().flatten() {
            let mut body = content["examples"]["example"]["value"].clone();
            body["colour"] = "red".into();
            assert!(!faults(&description, &content["schema"], &body).is_empty(), "{}: {body}", one.name());
        }
    }
}

/// What stands beside the codes: OpenAI's classes, and a field.
const OTHER_WORDS: &[&str] = &["invalid_request_error", "server_error", "requests", "model"];

#[tokio::test]
async fn every_error_code_is_described() {
    let mut codes = BTreeSet::new();
    let errors: TokenStream = read("shared/src/error.rs").parse().expect("Rust");
    let words =
        literals(errors).into_iter().filter(|text| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    codes.extend(words.filter(|word| !OTHER_WORDS.contains(&word.as_str())));
    codes_of_fields(&super::root().join("shared/src"), &mut codes);
    assert!(codes.len() > 20 && codes.contains("invalid_json") && codes.contains("byok_required"), "{codes:?}");

    let description = docs::description().await;
    let responses = description["components"]["responses"].as_object().expect("responses");
    let listed: BTreeSet<String> = responses
        .values()
        .flat_map(|one| one["content"]["application/json"]["examples"].as_object())
        .flatten()
        .map(|(code, _)| code.clone())
        .collect();
    assert_eq!(codes, listed, "the codes in the source, and those that the description lists");
    for (name, response) in responses {
        for (code, example) in response["content"]["application/json"]["examples"].as_object().into_iter().flatten() {
            assert_eq!(example["value"]["error"]["code"], **code, "{name}");
        }
    }
}

/// The string literals of a file, but for those of its tests.
fn literals(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    let mut after_tests = false;
    for token in tokens {
        match token {
            TokenTree::Ident(name) => after_tests = name == "tests",
            TokenTree::Group(group) if !after_tests => found.extend(literals(group.stream())),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                found.extend(text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned));
            }
            _ => {}
        }
    }
    found
}

/// The codes that are given as `code: "..."`, wherever that is.
fn codes_of_fields(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            codes_of_fields(&path, codes);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("text");
            let production = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            let given = production.split("code: \"").skip(1).filter_map(|rest| rest.split('"').next());
            codes.extend(given.map(str::to_owned));
        }
    }
}
