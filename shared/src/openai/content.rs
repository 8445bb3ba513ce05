//! What a message says: a string, or parts. Only text parts are offered so far; the others are named so that they can be refused
//! by name, and so that the rest of the dialect has its place.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::{borrow::Cow, fmt};

/// The content of one message.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A plain string.
    Text(String),
    /// An array of parts.
    Parts(Vec<Part>),
}

/// One part of a message's content.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Part {
    /// `text`, `refusal`, `image_url`, `input_audio`, `file` …
    #[serde(rename = "type")]
    pub kind: String,
    /// Of a `text` part.
    pub text: Option<String>,
    /// Of a `refusal` part (an assistant's, sent back).
    pub refusal: Option<String>,
}

impl Part {
    /// The text of a part that has one.
    pub fn as_text(&self) -> Option<&str> {
        match self.kind.as_str() {
            "text" => self.text.as_deref(),
            "refusal" => self.refusal.as_deref(),
            _ => None,
        }
    }
}

impl Content {
    /// The texts, in order; each part is one.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => vec![text],
            Self::Parts(parts) => parts.iter().filter_map(Part::as_text).collect(),
        }
    }

    /// All text as one string; parts are joined by a newline, for providers whose field is a string.
    pub fn joined(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Parts(_) => Cow::Owned(self.texts().join("\n")),
        }
    }

    /// Whether there is no character of text in it.
    pub fn is_empty(&self) -> bool {
        self.texts().iter().all(|text| text.is_empty())
    }
}

/// By hand rather than `untagged`, whose errors cannot say which part is wrong.
impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of content parts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = items.next_element::<ObjectPart>()? {
                    parts.push(part.0);
                }
                Ok(Content::Parts(parts))
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}

/// A part that must be an object: derived structs also accept arrays, and `["text", "hi"]` is not a part.
struct ObjectPart(Part);

impl<'de> Deserialize<'de> for ObjectPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor;
        impl<'de> Visitor<'de> for PartVisitor {
            type Value = ObjectPart;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content part (an object with a `type`)")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, members: A) -> Result<ObjectPart, A::Error> {
                Part::deserialize(MapAccessDeserializer::new(members)).map(ObjectPart)
            }
        }
        deserializer.deserialize_any(PartVisitor)
    }
}
