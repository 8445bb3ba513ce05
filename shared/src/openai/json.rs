//! Strict JSON. Two parsers that disagree about a duplicate key are a security hole (one checks, the other acts), so a body is read
//! once, here, and every later step works on what was read.

mod object;

pub use object::Object;

use super::Invalid;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// How deep objects and arrays may nest.
pub const MAX_DEPTH: usize = 64;

/// Reads a whole body: one JSON value, no duplicate key at any depth, at most [`MAX_DEPTH`] deep.
///
/// # Errors
/// [`Invalid`] with code `invalid_json` that says where.
pub fn parse(body: &[u8]) -> Result<Value, Invalid> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Strict { depth_left: MAX_DEPTH }.deserialize(&mut reader).map_err(|error| not_json(&error))?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// Reads a body into a type, naming the path of the first thing that does not fit.
///
/// # Errors
/// [`Invalid`]: `invalid_json` from [`parse`], `invalid_value` with the path otherwise.
pub fn parse_as<T: DeserializeOwned>(body: &[u8]) -> Result<T, Invalid> {
    let value = parse(body)?;
    if !value.is_object() {
        return Err(Invalid::json("the body must be a JSON object"));
    }
    // Keeping the path costs an allocation for every key, so it is only looked for where there is a fault to name.
    T::deserialize(value)
        .or_else(|_| serde_path_to_error::deserialize(parse(body)?).map_err(|error| at_its_path(&error)))
}

fn at_its_path(error: &serde_path_to_error::Error<serde_json::Error>) -> Invalid {
    let path = error.path().to_string();
    let problem = without_values(&error.inner().to_string());
    // A missing field is reported at its parent; name the field itself.
    match problem.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        Some(field) if path == "." => Invalid::value(field, "is required"),
        Some(field) => Invalid::value(format!("{path}.{field}"), "is required"),
        None => Invalid::value(path, problem),
    }
}

fn not_json(error: &serde_json::Error) -> Invalid {
    let text = error.to_string();
    let text = match error.classify() {
        serde_json::error::Category::Data => text,
        serde_json::error::Category::Eof => "empty, or ends too early".to_owned(),
        _ => format!("not JSON: {text}"),
    };
    Invalid::json(format!("the body is {text}"))
}

/// serde quotes the offending value (`invalid type: string "my prompt", expected f64`); an error must not repeat what a caller wrote.
pub(crate) fn without_values(message: &str) -> String {
    let Some((_, expected)) = message.rsplit_once("expected ") else { return message.to_owned() };
    let expected = match expected {
        "f64" => "a number",
        "u32" | "u64" => "a whole number, zero or more",
        "i64" => "a whole number",
        "a map" => "an object",
        "a sequence" => "an array",
        // Rust's names of our types mean nothing to a caller.
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("expected {expected}")
}

struct Strict {
    depth_left: usize,
}

impl Strict {
    fn deeper<E: Error>(&self) -> Result<usize, E> {
        self.depth_left.checked_sub(1).ok_or_else(|| E::custom(format!("nested deeper than {MAX_DEPTH} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth_left = self.deeper()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(Strict { depth_left })? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let depth_left = self.deeper()?;
        let mut out = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict { depth_left })?;
            if out.contains_key(&key) {
                // The key is the caller's own word, but bounded: it could be a pasted prompt.
                let key: String = key.chars().take(64).collect();
                return Err(A::Error::custom(format!("ambiguous: the key `{key}` appears twice in one object")));
            }
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let deep = format!("{}1{}", "[".repeat(65), "]".repeat(65));
        #[rustfmt::skip]
        let table = [
            (r#"{"a":1,"a":2}"#,                "appears twice", "a duplicate key"),
            (r#"{"a":[{"b":{"c":1,"c":1}}]}"#,  "appears twice", "at any depth"),
            (r#"{"a":1,"\u0061":2}"#,           "appears twice", "an escaped duplicate is a duplicate"),
            (deep.as_str(),                     "deeper than 64", "a bomb"),
            (r#"{"a":NaN}"#,                    "not JSON",      "not a JSON number"),
            (r#"{"a":Infinity}"#,               "not JSON",      "not a JSON number"),
            (r#"{"a":1e999}"#,                  "not JSON",      "it would become infinite"),
            (r#"{"a":1} trailing"#,             "not JSON",      "two values in one body"),
            ("",                                "empty",         "no body"),
            (r#"{"a":"#,                        "ends too early", "half a body"),
            ("{\"a\":\"\u{1}\"}",               "not JSON",      "a raw control character"),
        ];
        for (body, says, why) in table {
            let error = parse(body.as_bytes()).expect_err(why);
            assert!(error.message.contains(says), "{why}: {}", error.message);
        }
    }

    #[test]
    fn sixty_four_levels_are_allowed() {
        let body = format!("{}1{}", "[".repeat(64), "]".repeat(64));
        assert!(parse(body.as_bytes()).is_ok());
    }

    #[test]
    fn an_error_never_repeats_a_value() {
        #[derive(Debug, serde::Deserialize)]
        struct Sample {
            #[expect(dead_code, reason = "only its type matters")]
            temperature: f64,
        }
        let error = parse_as::<Sample>(br#"{"temperature":"my secret prompt"}"#).expect_err("a string is no number");
        assert_eq!(error.message, "`temperature`: expected a number");
    }
}
