//! JSON schemas: an instance of one, and a walk through all of its parts for the rules that providers have about them.

use serde_json::{Map, Value, json};

/// How deep an instance goes: a schema may refer to itself.
const DEEPEST: usize = 8;

/// What a model that keeps to `schema` would write after hearing `heard`: every property in the order given, the first of every choice.
pub fn instance(schema: &Value, heard: &str) -> Value {
    Maker { root: schema, heard }.make(schema, 0)
}

struct Maker<'a> {
    root: &'a Value,
    heard: &'a str,
}

impl Maker<'_> {
    fn make(&self, schema: &Value, depth: usize) -> Value {
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(target) = schema["$ref"].as_str() {
            let found = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return found.map_or(Value::Null, |found| self.make(found, depth + 1));
        }
        if let Some(only) = schema.get("const").or_else(|| schema["enum"].as_array()?.first()) {
            return only.clone();
        }
        if let Some(branches) = ["anyOf", "oneOf", "allOf"].iter().find_map(|name| schema[*name].as_array()) {
            let branch = branches.iter().find(|branch| kind(branch) != "null").or(branches.first());
            return branch.map_or(Value::Null, |branch| self.make(branch, depth + 1));
        }
        match kind(schema).as_str() {
            "object" => self.object(schema, depth),
            "array" => match schema.get("items") {
                Some(items) => json!([self.make(items, depth + 1)]),
                None => json!([self.heard]),
            },
            "integer" => json!(7),
            "number" => json!(1.5),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => json!(self.heard),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let properties = schema["properties"].as_object().into_iter().flatten();
        Value::Object(properties.map(|(name, schema)| (name.clone(), self.make(schema, depth + 1))).collect())
    }
}

/// The type in lower case (Google writes `STRING` too); of several the first that is not null.
pub fn kind(schema: &Value) -> String {
    let of_list = |kinds: &Vec<Value>| {
        let names = || kinds.iter().filter_map(Value::as_str);
        names().find(|name| !name.eq_ignore_ascii_case("null")).or(names().next()).map(str::to_ascii_lowercase)
    };
    match &schema["type"] {
        Value::String(name) => name.to_ascii_lowercase(),
        Value::Array(kinds) => of_list(kinds).unwrap_or_default(),
        _ if schema.get("properties").is_some() => "object".to_owned(),
        _ if schema.get("items").is_some() => "array".to_owned(),
        _ => String::new(),
    }
}

/// Shows `look` every part of `schema` and where it stands, as in `["properties", "city"]`, until it has found something.
pub fn first_in<T>(schema: &Value, look: &mut impl FnMut(&[String], &Map<String, Value>) -> Option<T>) -> Option<T> {
    walk(schema, &mut Vec::new(), look)
}

fn walk<T>(
    schema: &Value,
    at: &mut Vec<String>,
    look: &mut impl FnMut(&[String], &Map<String, Value>) -> Option<T>,
) -> Option<T> {
    let map = schema.as_object()?;
    if let Some(found) = look(at, map) {
        return Some(found);
    }
    for (name, value) in map {
        let steps: Vec<(Vec<String>, &Value)> = match (name.as_str(), value) {
            ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(map)) => {
                map.iter().map(|(inner, part)| (vec![name.clone(), inner.clone()], part)).collect()
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(parts)) => {
                parts.iter().enumerate().map(|(i, part)| (vec![name.clone(), i.to_string()], part)).collect()
            }
            ("items" | "additionalProperties" | "not", part) => vec![(vec![name.clone()], part)],
            _ => Vec::new(),
        };
        for (step, part) in steps {
            let length = at.len();
            at.extend(step);
            let found = walk(part, at, look);
            at.truncate(length);
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

/// Whether this part of a schema is an object that may hold anything beside its properties.
pub fn is_open_object(part: &Map<String, Value>) -> bool {
    kind(&Value::Object(part.clone())) == "object" && part.get("additionalProperties") != Some(&Value::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_every_property_in_the_order_given() {
        let schema = json!({
            "type": "object",
            "properties": {
                "z": {"type": "string"}, "a": {"type": ["null", "integer"]}, "n": {"type": "NUMBER"}, "b": {"type": "boolean"},
                "list": {"type": "array", "items": {"enum": ["first", "second"]}}, "none": {"type": "null"},
                "either": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/inner"}]},
            },
            "$defs": {"inner": {"type": "object", "properties": {"deep": {"const": 1}}}},
        });
        let made = instance(&schema, "hi").to_string();
        assert_eq!(made, r#"{"z":"hi","a":7,"n":1.5,"b":true,"list":["first"],"none":null,"either":{"deep":1}}"#);
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
        assert!(instance(&schema, "hi").to_string().len() < 200);
    }

    #[test]
    fn a_walk_finds_what_is_deep_inside_and_says_where() {
        let schema =
            json!({"properties": {"a": {"items": {"anyOf": [{"type": "object"}]}}}, "additionalProperties": false});
        let found = first_in(&schema, &mut |at, part| is_open_object(part).then(|| at.join(".")));
        assert_eq!(found.as_deref(), Some("properties.a.items.anyOf.0"));
    }
}
