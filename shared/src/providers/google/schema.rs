//! JSON schemas. Google takes them nearly as they are and skips keywords it does not know; what it refuses is written another way:
//! <https://ai.google.dev/api/generate-content#FIELDS.response_json_schema>.

use crate::providers::extras::Extras;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// What would narrow an answer and is skipped: "only the following properties are supported", and these are not among them.
const SKIPPED: &[&str] = &[
    "additionalItems",
    "allOf",
    "const",
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxContains",
    "maxLength",
    "maxProperties",
    "minContains",
    "minLength",
    "minProperties",
    "multipleOf",
    "not",
    "pattern",
    "patternProperties",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Names the keywords of a rewritten schema that hold nobody to anything.
pub(super) fn name_skipped(schema: &Value, path: &str, extras: &mut Extras<'_>) {
    let Value::Object(members) = schema else { return };
    for (key, value) in members {
        match (key.as_str(), value) {
            (key, _) if SKIPPED.contains(&key) => extras.ignore(format!("{path}.{key}")),
            ("properties" | "$defs", Value::Object(named)) => {
                named.values().for_each(|one| name_skipped(one, path, extras));
            }
            ("anyOf" | "oneOf" | "prefixItems", Value::Array(all)) => {
                all.iter().for_each(|one| name_skipped(one, path, extras));
            }
            ("items" | "additionalProperties", one) => name_skipped(one, path, extras),
            _ => {}
        }
    }
}

/// A schema as Google takes it; the order of its keys stays.
pub(super) fn rewrite(schema: &Value) -> Cow<'_, Value> {
    if needs_rewriting(schema) { Cow::Owned(rewritten(schema)) } else { Cow::Borrowed(schema) }
}

/// Whether any object in it has a key that may have to change. Says yes too often where a property has such a name.
fn needs_rewriting(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            let odd = |(key, value): (&String, &Value)| match key.as_str() {
                "$schema" | "const" | "allOf" | "definitions" => true,
                "$ref" => members.len() > 1,
                "description" | "title" | "format" => value.is_null(),
                _ => needs_rewriting(value),
            };
            members.iter().any(odd)
        }
        Value::Array(items) => items.iter().any(needs_rewriting),
        _ => false,
    }
}

fn rewritten(schema: &Value) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let mut out = Map::with_capacity(members.len());
    for (key, value) in members {
        match (key.as_str(), value) {
            ("$schema", _) | ("description" | "title" | "format", Value::Null) => {}
            ("enum" | "default" | "example" | "examples" | "required", _) => {
                out.insert(key.clone(), value.clone());
            }
            ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(named)) => {
                let key = if key == "definitions" { "$defs" } else { key };
                let named = named.iter().map(|(name, value)| (name.clone(), rewritten(value)));
                out.insert(key.to_owned(), Value::Object(named.collect()));
            }
            ("const", _) => constant(value, members, &mut out),
            ("$ref", Value::String(to)) => {
                out.insert(key.clone(), Value::String(to.replacen("#/definitions/", "#/$defs/", 1)));
            }
            ("allOf", Value::Array(all)) if all.len() == 1 => {
                // One schema and all of one schema are the same.
                if let Some(Value::Object(only)) = all.first().map(rewritten) {
                    for (key, value) in only {
                        out.entry(key).or_insert(value);
                    }
                }
            }
            (_, Value::Array(items)) => {
                out.insert(key.clone(), items.iter().map(rewritten).collect());
            }
            _ => {
                out.insert(key.clone(), rewritten(value));
            }
        }
    }
    alone(out)
}

/// A constant is a choice of one. Google knows choices of texts and numbers only; another constant it skips.
fn constant(value: &Value, members: &Map<String, Value>, out: &mut Map<String, Value>) {
    let kind = match value {
        Value::String(_) => "string",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !members.contains_key("type") {
        out.insert("type".into(), kind.into());
    }
    match value {
        Value::String(_) | Value::Number(_) => drop(out.insert("enum".into(), json!([value]))),
        Value::Null => {}
        _ => drop(out.insert("const".into(), value.clone())),
    }
}

/// "If `$ref` is set on a sub-schema, no other properties, except for those starting with `$`, may be set."
fn alone(mut schema: Map<String, Value>) -> Value {
    let has_company = schema.keys().any(|key| !key.starts_with('$')) && !schema.contains_key("anyOf");
    if has_company && let Some(to) = schema.shift_remove("$ref") {
        schema.insert("anyOf".into(), json!([{ "$ref": to }]));
    }
    Value::Object(schema)
}
