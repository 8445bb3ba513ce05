//! A JSON object in a text, read strictly and written anew. It borrows its words from the text, which makes it several times cheaper
//! than a tree of [`serde_json::Value`].

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;
use std::{borrow::Cow, fmt};

/// The members of an object, in their order; no name twice at any depth.
#[derive(Debug, PartialEq)]
pub struct Object<'a>(Vec<(Word<'a>, Node<'a>)>);

/// Owned only where the text has escapes in it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Node<'a> {
    Null,
    Flag(bool),
    Number(Number),
    Text(Word<'a>),
    Items(Vec<Self>),
    Members(Object<'a>),
}

impl<'a> Object<'a> {
    /// None where the text is anything else.
    pub fn read(text: &'a str) -> Option<Self> {
        match serde_json::from_str(text) {
            Ok(Node::Members(object)) => Some(object),
            _ => None,
        }
    }

    fn is_ambiguous(&self) -> bool {
        let mut names: Vec<_> = self.0.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Node<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Flag(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Number::from_f64(value).map(Node::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(Word(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Word(Cow::Owned(text.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Node::Items(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = Object(Vec::new());
        while let Some(member) = members.next_entry()? {
            object.0.push(member);
        }
        if object.is_ambiguous() { Err(A::Error::custom("a name twice")) } else { Ok(Node::Members(object)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_as_it_was_read() {
        let text = r#"{"b":{"n":[1,-2,0.5,1e20,null,true]},"a":"Zürich \"HB\"\n","":{},"\u00e9":[[]]}"#;
        let object = Object::read(text).expect("an object");
        let written = serde_json::to_string(&object).expect("JSON");
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(text).expect("JSON").to_string());
    }

    #[test]
    fn what_is_no_object_or_could_be_read_in_two_ways_is_none() {
        #[rustfmt::skip]
        let table = [
            ("",                          "nothing"),
            ("[{}]",                      "an array"),
            (r#""{}""#,                   "a text"),
            (r#"{"a":1"#,                 "cut off"),
            (r#"{"a":1} {}"#,             "two objects"),
            (r#"{"a":1,"b":2,"a":3}"#,    "a name twice"),
            (r#"{"a":[{"b":1,"\u0062":2}]}"#, "a name twice, deep and escaped"),
            (r#"{"a":1e999}"#,            "an infinite number"),
            (r#"{"a":"\ud800"}"#,         "half a character"),
        ];
        for (text, why) in table {
            assert_eq!(Object::read(text), None, "{why}");
        }
    }
}
