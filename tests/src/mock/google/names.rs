//! Protobuf's JSON has two spellings of every name.

use serde_json::Value;

/// What is inside is the caller's and not protobuf's.
const FREE: &[&str] = &["args", "response", "parametersJsonSchema", "responseJsonSchema"];

/// `system_instruction` as `systemInstruction`, at any depth, but for names that the caller made up.
pub fn in_camel_case(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let field = |(name, value): (&String, &Value)| {
                let name = camel(name);
                let value = match (name.as_str(), value) {
                    (name, value) if FREE.contains(&name) => value.clone(),
                    ("properties", Value::Object(map)) => {
                        map.iter().map(|(name, value)| (name.clone(), in_camel_case(value))).collect()
                    }
                    (_, value) => in_camel_case(value),
                };
                (name, value)
            };
            map.iter().map(field).collect()
        }
        Value::Array(items) => items.iter().map(in_camel_case).collect(),
        other => other.clone(),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}
