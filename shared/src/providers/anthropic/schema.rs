//! JSON schemas as Anthropic takes them. What a tool is called with may have almost any schema; what an answer or a strict call is held
//! to only a part of the language: <https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations>.

use serde_json::{Map, Value, json};
use std::collections::HashSet;

type Schema = Map<String, Value>;

/// Keywords that no answer can be held to. They become words of the description, which the model reads.
const WORDS_ONLY: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "if",
    "then",
    "else",
    "not",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "unevaluatedProperties",
];

const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

const UNIONS: &[&str] = &["anyOf", "oneOf", "allOf"];

/// The schema of a tool's input: an object, with no union at its top ("input_schema does not support oneOf, allOf, or anyOf at the top
/// level"). Says which keywords could not be kept.
pub(super) fn of_input(parameters: Option<&Value>) -> (Value, Vec<&'static str>) {
    let Some(Value::Object(given)) = parameters else { return (json!({ "type": "object", "properties": {} }), vec![]) };
    let (mut schema, mut lost) = (given.clone(), Vec::new());
    modernise(&mut schema);
    for &union in UNIONS {
        if let Some(Value::Array(variants)) = schema.shift_remove(union) {
            merge(&mut schema, &variants, union == "allOf");
            if union != "allOf" {
                lost.push(union);
            }
        }
    }
    schema.insert("type".into(), "object".into());
    if !schema.contains_key("properties") && !schema.contains_key("$ref") {
        schema.insert("properties".into(), json!({}));
    }
    (Value::Object(schema), lost)
}

/// The schema that something is held to, with the keywords that could only be kept as words; none where it cannot be held to it at all
/// because it contains itself or what is elsewhere.
pub(super) fn of_constraint(schema: &Value) -> Option<(Value, Vec<String>)> {
    if !(References { root: schema, open: Vec::new(), closed: HashSet::new() }).end(schema) {
        return None;
    }
    let (mut schema, mut lost) = (schema.as_object()?.clone(), Vec::new());
    constrain(&mut schema, &mut lost);
    Some((Value::Object(schema), lost))
}

/// Drafts before 2020-12, which Anthropic refuses: a flag beside a bound, and a list of items.
fn modernise(schema: &mut Schema) {
    for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match schema.get(flag) {
            Some(Value::Bool(true)) => match schema.shift_remove(bound) {
                Some(value) => drop(schema.insert(flag.into(), value)),
                None => drop(schema.shift_remove(flag)),
            },
            Some(Value::Bool(false)) => drop(schema.shift_remove(flag)),
            _ => {}
        }
    }
    if schema.get("items").is_some_and(Value::is_array)
        && let Some(items) = schema.shift_remove("items")
    {
        schema.insert("prefixItems".into(), items);
    }
    each_child(schema, &mut modernise);
}

/// What any of several objects may have becomes what one may have; only what all of `allOf` demand stays demanded.
fn merge(schema: &mut Schema, variants: &[Value], keep_required: bool) {
    for variant in variants.iter().filter_map(Value::as_object) {
        if let Some(Value::Object(more)) = variant.get("properties")
            && let Value::Object(properties) = schema.entry("properties").or_insert_with(|| json!({}))
        {
            for (name, property) in more {
                properties.entry(name).or_insert_with(|| property.clone());
            }
        }
        if keep_required
            && let Some(Value::Array(more)) = variant.get("required")
            && let Value::Array(required) = schema.entry("required").or_insert_with(|| json!([]))
        {
            required.extend(more.iter().cloned());
        }
    }
}

fn constrain(schema: &mut Schema, lost: &mut Vec<String>) {
    if schema.contains_key("$ref") {
        schema.retain(|name, _| matches!(name.as_str(), "$ref" | "$defs" | "definitions"));
    }
    if !schema.contains_key("anyOf")
        && let Some(variants) = schema.shift_remove("oneOf")
    {
        schema.insert("anyOf".into(), variants);
    }
    let is_kept = |name: &str, value: &Value| match name {
        "minItems" => value.as_u64().is_some_and(|least| least <= 1),
        "format" => value.as_str().is_some_and(|format| FORMATS.contains(&format)),
        "pattern" => value.as_str().is_some_and(is_plain_pattern),
        _ => !WORDS_ONLY.contains(&name),
    };
    let (kept, words): (Vec<_>, Vec<_>) =
        std::mem::take(schema).into_iter().partition(|(name, value)| is_kept(name, value));
    *schema = kept.into_iter().collect();
    if !words.is_empty() {
        let text: Vec<_> = words.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let described =
            schema.get("description").and_then(Value::as_str).map_or(String::new(), |text| format!("{text} "));
        schema.insert("description".into(), format!("{described}({})", text.join(", ")).into());
        lost.extend(words.into_iter().map(|(name, _)| name));
    }
    let is_object = match schema.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => schema.contains_key("properties"),
    };
    // "For 'object' type, 'additionalProperties' must be explicitly set to false".
    if is_object && schema.insert("additionalProperties".into(), false.into()).is_some_and(|old| old.is_object()) {
        lost.push("additionalProperties".into());
    }
    each_child(schema, &mut |child| constrain(child, lost));
}

/// No look-around, no back reference, no word boundary.
fn is_plain_pattern(pattern: &str) -> bool {
    let special = |(one, next): (char, char)| {
        (one, next) == ('(', '?') || (one == '\\' && (matches!(next, 'b' | 'B') || next.is_ascii_digit()))
    };
    !pattern.chars().zip(pattern.chars().skip(1)).any(special)
}

fn each_child(schema: &mut Schema, act: &mut impl FnMut(&mut Schema)) {
    for (name, value) in schema.iter_mut() {
        match (name.as_str(), value) {
            ("properties" | "$defs" | "definitions" | "patternProperties" | "dependentSchemas", Value::Object(all)) => {
                all.values_mut().filter_map(Value::as_object_mut).for_each(&mut *act);
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(all)) => {
                all.iter_mut().filter_map(Value::as_object_mut).for_each(&mut *act);
            }
            (
                "items" | "additionalProperties" | "not" | "if" | "then" | "else" | "contains" | "propertyNames",
                Value::Object(one),
            ) => act(one),
            _ => {}
        }
    }
}

/// Follows references, each once.
struct References<'a> {
    root: &'a Value,
    open: Vec<&'a str>,
    closed: HashSet<&'a str>,
}

impl<'a> References<'a> {
    /// Whether following every reference comes to an end, inside the schema. A definition is judged where it is used.
    fn end(&mut self, at: &'a Value) -> bool {
        match at {
            Value::Array(items) => items.iter().all(|item| self.end(item)),
            Value::Object(members) => members.iter().all(|(name, value)| match (name.as_str(), value) {
                ("$defs" | "definitions", _) => true,
                ("$ref", Value::String(reference)) => self.follow(reference),
                _ => self.end(value),
            }),
            _ => true,
        }
    }

    fn follow(&mut self, reference: &'a str) -> bool {
        /// More in a row are taken for a circle.
        const MAX_OPEN: usize = 16;
        if self.closed.contains(reference) {
            return true;
        }
        if self.open.contains(&reference) || self.open.len() == MAX_OPEN {
            return false;
        }
        let Some(target) = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
            return false;
        };
        self.open.push(reference);
        let ends = self.end(target);
        self.open.pop();
        ends && self.closed.insert(reference)
    }
}
