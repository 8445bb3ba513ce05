//! What OpenAI demands of a schema: little, unless `strict` is set.
//!
//! <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>

use serde_json::{Map, Value};

use super::super::fault::Fault;
use super::super::schema::{first_in, is_open_object, kind};

/// Not permitted in a strict schema.
const REFUSED: &[&str] = &[
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "default",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
];

/// The schema of a function's arguments.
pub fn of_function(name: &str, schema: &Value, strict: bool, at: &str) -> Result<(), Fault> {
    let wrong = |what: String| {
        let message = format!("Invalid schema for function '{name}': {what}");
        Fault::coded(at, "invalid_function_parameters", message)
    };
    let is_given = schema.as_object().is_some_and(|map| !map.is_empty());
    if is_given && kind(schema) != "object" {
        let given = schema["type"].as_str().unwrap_or("None");
        return Err(wrong(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{given}\"'.")));
    }
    match breach(schema).filter(|_| strict) {
        Some(what) => Err(wrong(what)),
        None => Ok(()),
    }
}

/// The schema of the answer.
pub fn of_answer(name: &str, schema: &Value, strict: bool) -> Result<(), Fault> {
    let wrong = |what: String| {
        let message = format!("Invalid schema for response_format '{name}': {what}");
        Fault::coded("response_format", "", message)
    };
    if !strict {
        return Ok(());
    }
    if kind(schema) != "object" || schema.get("anyOf").is_some() {
        let given = schema["type"].as_str().unwrap_or("None");
        return Err(wrong(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{given}\"'.")));
    }
    breach(schema).map_or(Ok(()), |what| Err(wrong(what)))
}

/// The first rule of strict schemas that this one breaks.
fn breach(schema: &Value) -> Option<String> {
    first_in(schema, &mut |at, part| {
        let context = context(at);
        if let Some(name) = REFUSED.iter().find(|name| part.contains_key(**name)) {
            return Some(format!("In context={context}, '{name}' is not permitted."));
        }
        if is_open_object(part) {
            return Some(format!(
                "In context={context}, 'additionalProperties' is required to be supplied and to be false."
            ));
        }
        let missing = optional(part)?;
        Some(format!(
            "In context={context}, 'required' is required to be supplied and to be an array including every key in properties. \
             Missing '{missing}'."
        ))
    })
}

/// The first property that is not required.
fn optional(part: &Map<String, Value>) -> Option<&str> {
    let required: Vec<&str> =
        part.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    part.get("properties")?.as_object()?.keys().map(String::as_str).find(|name| !required.contains(name))
}

/// As Python writes a tuple.
fn context(at: &[String]) -> String {
    let quoted: Vec<String> = at.iter().map(|step| format!("'{step}'")).collect();
    match &quoted[..] {
        [only] => format!("({only},)"),
        all => format!("({})", all.join(", ")),
    }
}
