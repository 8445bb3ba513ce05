//! The description of the API and the page that shows it: valid, complete, and the same as what the routes do.

#[path = "docs/answers.rs"]
mod answers;
#[path = "docs/hostile.rs"]
mod hostile;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/routes.rs"]
mod routes;
#[path = "docs/shape.rs"]
mod shape;

use http::Method;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// One operation of the description.
struct Described<'a> {
    path: &'a str,
    method: Method,
    operation: &'a Value,
}

impl Described<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is_authenticated(&self) -> bool {
        let all = self.operation["security"].as_array().expect("every operation says who may call it");
        !all.is_empty() && !all.contains(&json!({}))
    }

    fn tag(&self) -> &str {
        self.operation["tags"][0].as_str().expect("a tag")
    }
}

fn described(description: &Value) -> Vec<Described<'_>> {
    let paths = description["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().expect("a path item").iter().map(move |(method, operation)| {
                let method = method.to_uppercase().parse().expect("a method");
                Described { path, method, operation }
            })
        })
        .collect()
}

/// A schema of the description as one that stands alone, so that a validator finds what it refers to.
fn alone(description: &Value, schema: &Value) -> Value {
    json!({ "allOf": [schema], "components": description["components"] })
}

/// What is wrong with a value, by a schema of the description.
fn faults(description: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let schema = alone(description, schema);
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema);
    let validator = validator.unwrap_or_else(|error| panic!("{error}: {schema}"));
    validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
}

/// What a `$ref` leads to.
fn target<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        None => value,
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("a reference into this document");
            description.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
    }
}
