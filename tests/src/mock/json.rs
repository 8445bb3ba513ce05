//! JSON whose keys stay in the order they were written.
//!
//! The providers' bodies have a fixed key order, which a reader of a log compares by eye, and keys that are known when this is compiled.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;
use serde_json::ser::Formatter;

/// A JSON value in writing order. Made with `object!` and `From`.
#[derive(Debug, Clone)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// Any number.
    Number(Number),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, its keys as given.
    Object(Vec<(&'static str, Json)>),
    /// What did not come from here: the arguments of a call.
    Foreign(serde_json::Value),
}

/// Writes an object literal; values are anything that is `Into<Json>`.
macro_rules! object {
    ($($key:literal: $value:expr),* $(,)?) => {
        $crate::mock::json::Json::Object(vec![$(($key, $crate::mock::json::Json::from($value))),*])
    };
}
pub(super) use object;

impl Json {
    /// `{"a":1,"b":2}`
    pub fn compact(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialize")
    }

    /// Indented by two, as OpenAI and Google send plain answers and errors.
    pub fn pretty(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers always serialize")
    }

    /// `{"a": 1,"b": 2}`: Google's streams have a space after the colon and none after the comma.
    pub fn google_line(&self) -> String {
        let mut out = Vec::with_capacity(256);
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, ColonSpace);
        self.serialize(&mut serializer).expect("strings and numbers always serialize");
        String::from_utf8(out).expect("serde_json writes UTF-8")
    }

    /// Adds a key at the end of an object: for the fields that a provider sends only sometimes.
    pub fn with(mut self, key: &'static str, value: impl Into<Json>) -> Self {
        if let Self::Object(fields) = &mut self {
            fields.push((key, value.into()));
        }
        self
    }
}

struct ColonSpace;

impl Formatter for ColonSpace {
    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => items.serialize(serializer),
            Self::Foreign(value) => value.serialize(serializer),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self::Number(value.into())
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Self {
        Number::from_f64(value).map_or(Self::Null, Self::Number)
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        Self::Foreign(value.clone())
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<Json>> for Json {
    fn from(value: Vec<Json>) -> Self {
        Self::List(value)
    }
}

impl<const N: usize> From<[Json; N]> for Json {
    fn from(value: [Json; N]) -> Self {
        Self::List(value.into())
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
