//! What Anthropic takes of JSON Schema where it promises to keep to it.
//!
//! <https://docs.claude.com/en/docs/build-with-claude/structured-outputs#json-schema-limitations>

use serde_json::{Map, Value};

use super::super::fault::Fault;
use super::super::schema::{first_in, is_open_object, kind};

/// Refuses what cannot be kept to; `at` is what the message begins with.
pub fn check(schema: &Value, at: &str) -> Result<(), Fault> {
    match first_in(schema, &mut |_, part| breach(part)) {
        Some(what) => Err(Fault::unsupported(at, format!("{at}: {what}"))),
        None => Ok(()),
    }
}

fn breach(part: &Map<String, Value>) -> Option<String> {
    if is_open_object(part) {
        return Some("For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned());
    }
    let kind = kind(&Value::Object(part.clone()));
    let refused: &[&str] = match kind.as_str() {
        "integer" | "number" => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
        "string" => &["minLength", "maxLength"],
        "array" => &["maxItems", "uniqueItems", "contains"],
        _ => &[],
    };
    let found: Vec<&str> = refused.iter().copied().filter(|name| part.contains_key(*name)).collect();
    if !found.is_empty() {
        return Some(format!("For '{kind}' type, properties {} are not supported", found.join(", ")));
    }
    if part.get("minItems").and_then(Value::as_u64).is_some_and(|least| least > 1) {
        return Some("For 'array' type, 'minItems' values other than 0 or 1 are not supported".to_owned());
    }
    let unknown = ["oneOf", "not", "if", "patternProperties"].into_iter().find(|name| part.contains_key(*name))?;
    Some(format!("Schema type '{unknown}' is not supported"))
}
