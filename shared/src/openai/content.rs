//! What a message says: a string, or parts of text, images, sound and documents.

use super::Invalid;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde_json::{Map, Value};
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
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
pub struct Part {
    /// `text`, `refusal`, `image_url`, `input_audio` or `file`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of a `text` part.
    pub text: Option<String>,
    /// Of a `refusal` part (an assistant's, sent back).
    pub refusal: Option<String>,
    /// Of an `image_url` part.
    pub image_url: Option<ImageUrl>,
    /// Of an `input_audio` part.
    pub input_audio: Option<InputAudio>,
    /// Of a `file` part.
    pub file: Option<FileInput>,
    /// A mark for a provider's prompt cache. An extension.
    pub cache_control: Option<Value>,
    /// The rest.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// An image, by address or with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUrl {
    /// An https URL, or a data URL in base 64.
    pub url: String,
    /// How closely to look: `low`, `high`, `auto`.
    pub detail: Option<String>,
    /// The rest.
    pub other: Map<String, Value>,
}

/// Sound.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct InputAudio {
    /// In base 64.
    pub data: String,
    /// `wav` or `mp3`.
    pub format: String,
    /// The rest.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A document, most often a PDF.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct FileInput {
    /// A data URL in base 64, or an https URL.
    pub file_data: Option<String>,
    /// Of a file that was uploaded to OpenAI.
    pub file_id: Option<String>,
    /// For the model.
    pub filename: Option<String>,
    /// The rest.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A part by what it is. Of a checked request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartBody<'a> {
    /// Text.
    Text(&'a str),
    /// What an assistant refused with.
    Refusal(&'a str),
    /// An image.
    Image(&'a ImageUrl),
    /// Sound.
    Audio(&'a InputAudio),
    /// A document.
    File(&'a FileInput),
}

/// Where the bytes of an image or a document are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// In the request, in base 64.
    Inline {
        /// As `image/png`.
        media_type: &'a str,
        /// The base 64.
        data: &'a str,
    },
    /// At an https URL, which the provider may fetch; the gateway never does.
    Url(&'a str),
}

impl<'a> Source<'a> {
    /// Reads a data URL or an https URL; none where it is neither.
    pub fn of(url: &'a str) -> Option<Self> {
        if let Some(rest) = url.strip_prefix("data:") {
            let (head, data) = rest.split_once(',')?;
            let media_type = head.strip_suffix(";base64")?.split(';').next()?;
            return (!media_type.is_empty() && !data.is_empty()).then_some(Self::Inline { media_type, data });
        }
        url.strip_prefix("https://").filter(|rest| !rest.is_empty()).map(|_| Self::Url(url))
    }
}

impl Part {
    /// The text of a part that has one.
    pub fn as_text(&self) -> Option<&str> {
        match self.body() {
            Some(PartBody::Text(text) | PartBody::Refusal(text)) => Some(text),
            _ => None,
        }
    }

    /// What it is; none where the field that its type demands is missing, which a checked request has not.
    pub fn body(&self) -> Option<PartBody<'_>> {
        match self.kind.as_str() {
            "text" => self.text.as_deref().map(PartBody::Text),
            "refusal" => self.refusal.as_deref().map(PartBody::Refusal),
            "image_url" => self.image_url.as_ref().map(PartBody::Image),
            "input_audio" => self.input_audio.as_ref().map(PartBody::Audio),
            "file" => self.file.as_ref().map(PartBody::File),
            _ => None,
        }
    }

    pub(super) fn check(&self, path: &str) -> Result<(), Invalid> {
        let field = match self.kind.as_str() {
            kind @ ("text" | "refusal" | "image_url" | "input_audio" | "file") => kind,
            _ => return Err(Invalid::value(format!("{path}.type"), "is not a kind of content part")),
        };
        let source = |field: &str, url: &str| match Source::of(url) {
            Some(_) => Ok(()),
            None => Err(Invalid::value(
                format!("{path}.{field}"),
                "must be an https URL or a data URL in base 64, as `data:image/png;base64,...`",
            )),
        };
        match self.body() {
            None => Err(Invalid::value(format!("{path}.{field}"), "is required")),
            Some(PartBody::Text(_) | PartBody::Refusal(_) | PartBody::Audio(_)) => Ok(()),
            Some(PartBody::Image(image)) => source("image_url.url", &image.url),
            Some(PartBody::File(file)) => match (&file.file_data, &file.file_id) {
                (Some(data), _) => source("file.file_data", data),
                (None, Some(_)) => Ok(()),
                (None, None) => Err(Invalid::value(format!("{path}.file.file_data"), "is required, or `file_id`")),
            },
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
        match self.texts().as_slice() {
            [one] => Cow::Borrowed(one),
            several => Cow::Owned(several.join("\n")),
        }
    }

    /// Whether there is no character of text in it, nor anything else.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.iter().all(|part| part.as_text().is_some_and(str::is_empty)),
        }
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

/// A part: an object (derived structs also accept arrays, and `["text", "hi"]` is not a part) or, as OpenAI takes it too, a string.
struct ObjectPart(Part);

impl<'de> Deserialize<'de> for ObjectPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor;
        impl<'de> Visitor<'de> for PartVisitor {
            type Value = ObjectPart;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content part (an object with a `type`)")
            }

            fn visit_str<E>(self, text: &str) -> Result<ObjectPart, E> {
                let text = Some(text.to_owned());
                Ok(ObjectPart(Part { kind: "text".into(), text, ..Part::default() }))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, members: A) -> Result<ObjectPart, A::Error> {
                Part::deserialize(MapAccessDeserializer::new(members)).map(ObjectPart)
            }
        }
        deserializer.deserialize_any(PartVisitor)
    }
}

/// An object, or the URL alone, as OpenAI takes it too.
impl<'de> Deserialize<'de> for ImageUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Object {
            url: String,
            detail: Option<String>,
            #[serde(flatten)]
            other: Map<String, Value>,
        }
        struct ImageVisitor;
        impl<'de> Visitor<'de> for ImageVisitor {
            type Value = ImageUrl;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a `url`")
            }

            fn visit_str<E>(self, url: &str) -> Result<ImageUrl, E> {
                Ok(ImageUrl { url: url.to_owned(), detail: None, other: Map::new() })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, members: A) -> Result<ImageUrl, A::Error> {
                let Object { url, detail, other } = Object::deserialize(MapAccessDeserializer::new(members))?;
                Ok(ImageUrl { url, detail, other })
            }
        }
        deserializer.deserialize_any(ImageVisitor)
    }
}
