//! JSON schemas that Cohere enforces: <https://docs.cohere.com/docs/parameter-types-in-json>.

use crate::providers::extras::Extras;
use serde_json::{Map, Value};

/// Refused in a schema that is enforced.
const UNSUPPORTED: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

/// Members whose members are schemas by name.
const NAMED: &[&str] = &["properties", "patternProperties", "$defs", "definitions"];

/// Members that are values, not schemas.
const VALUES: &[&str] = &["enum", "const", "default", "examples", "required"];

/// The schema of an object, as Cohere demands it at the top.
pub(super) fn of_object(schema: Option<&Value>) -> Map<String, Value> {
    let mut schema = schema.and_then(Value::as_object).cloned().unwrap_or_default();
    schema.entry("type").or_insert_with(|| "object".into());
    if schema["type"] == "object" {
        schema.entry("properties").or_insert_with(|| Map::new().into());
    }
    schema
}

/// Leaves out what Cohere refuses, and names it.
pub(super) fn relax(schema: &mut Map<String, Value>, path: &str, extras: &mut Extras<'_>) {
    for &keyword in UNSUPPORTED {
        if schema.shift_remove(keyword).is_some() {
            extras.ignore(format!("{path}.{keyword}"));
        }
    }
    for (name, member) in schema.iter_mut() {
        match member {
            _ if VALUES.contains(&name.as_str()) => {}
            Value::Object(members) if NAMED.contains(&name.as_str()) => {
                for member in members.values_mut().filter_map(Value::as_object_mut) {
                    relax(member, path, extras);
                }
            }
            Value::Object(member) => relax(member, path, extras),
            Value::Array(members) => {
                for member in members.iter_mut().filter_map(Value::as_object_mut) {
                    relax(member, path, extras);
                }
            }
            _ => {}
        }
    }
}
