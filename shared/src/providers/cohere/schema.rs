//! JSON schemas that Cohere enforces: <https://docs.cohere.com/docs/structured-outputs#parameter-types-support>.

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
    "allOf",
    "not",
];

/// The only ones that are known.
const FORMATS: &[&str] = &["date-time", "uuid", "date", "time"];

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

/// Writes what Cohere refuses in another way, or leaves it out and names it.
pub(super) fn relax(schema: &mut Map<String, Value>, path: &str, extras: &mut Extras<'_>) {
    rewrite(schema);
    for &keyword in UNSUPPORTED {
        if schema.shift_remove(keyword).is_some() {
            extras.ignore(format!("{path}.{keyword}"));
        }
    }
    let is_unknown = |name: &str, value: &Value| match name {
        "format" => !value.as_str().is_some_and(|format| FORMATS.contains(&format)),
        "pattern" => {
            value.as_str().is_none_or(|pattern| ["^", "$", "?=", "?!"].iter().any(|one| pattern.contains(one)))
        }
        _ => false,
    };
    for keyword in ["format", "pattern"] {
        if schema.get(keyword).is_some_and(|value| is_unknown(keyword, value)) {
            schema.shift_remove(keyword);
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

/// What means the same: any of several for one of several, and one schema for all of several. A pattern here is of the whole text.
fn rewrite(schema: &mut Map<String, Value>) {
    if !schema.contains_key("anyOf")
        && let Some(variants) = schema.shift_remove("oneOf")
    {
        schema.insert("anyOf".into(), variants);
    }
    if let Some(Value::Array(all)) = schema.get("allOf") {
        let mut whole = schema.clone();
        whole.shift_remove("allOf");
        if all.iter().all(|one| one.as_object().is_some_and(|one| join(&mut whole, one))) {
            *schema = whole;
        }
    }
    if let Some(Value::String(pattern)) = schema.get_mut("pattern")
        && let Some(inner) = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'))
    {
        *pattern = inner.to_owned();
    }
    // "Every object in the schema must have at least one required field": what has its first one fits as well.
    let has_required = schema.get("required").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
    let first = schema.get("properties").and_then(Value::as_object).and_then(|properties| properties.keys().next());
    if let Some(first) = first.filter(|_| !has_required).cloned() {
        schema.insert("required".into(), Value::Array(vec![first.into()]));
    }
}

/// Demands what another schema does, too. Says whether that could be done; two demands of one kind are not understood.
fn join(schema: &mut Map<String, Value>, other: &Map<String, Value>) -> bool {
    other.iter().all(|(name, value)| match (schema.get_mut(name), value) {
        (None, value) => schema.insert(name.clone(), value.clone()).is_none(),
        (Some(Value::Object(into)), Value::Object(more)) if name == "properties" => more.iter().all(|(name, value)| {
            let known = into.entry(name).or_insert_with(|| value.clone());
            known == value
        }),
        (Some(Value::Array(into)), Value::Array(more)) if name == "required" => {
            into.extend(more.iter().cloned());
            true
        }
        // Its own words say more than those of what it is made of.
        (Some(_), _) if matches!(name.as_str(), "title" | "description") => true,
        (Some(own), value) => own == value,
    })
}
