//! What form an answer must have, and how much a model may think.

use super::Invalid;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The form of the answer.
#[derive(Debug, Clone, Deserialize)]
pub struct ResponseFormat {
    /// `text`, `json_object` or `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of `json_schema`.
    pub json_schema: Option<JsonSchema>,
    /// The rest.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A schema that the answer must fit.
#[derive(Debug, Clone, Deserialize)]
pub struct JsonSchema {
    /// For the model.
    pub name: String,
    /// For the model.
    pub description: Option<String>,
    /// A JSON schema.
    pub schema: Option<Value>,
    /// Whether it must fit exactly.
    pub strict: Option<bool>,
    /// The rest.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a response format asks for.
#[derive(Debug, Clone, Copy)]
pub enum Form<'a> {
    /// Any text.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema(&'a JsonSchema),
}

impl ResponseFormat {
    /// What it asks for. Of a checked request.
    pub fn form(&self) -> Form<'_> {
        match (self.kind.as_str(), &self.json_schema) {
            ("json_schema", Some(schema)) => Form::JsonSchema(schema),
            ("json_object", _) => Form::JsonObject,
            _ => Form::Text,
        }
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        match (self.kind.as_str(), &self.json_schema) {
            ("text" | "json_object", _) => Ok(()),
            ("json_schema", None) => Err(Invalid::value("response_format.json_schema", "is required")),
            ("json_schema", Some(JsonSchema { schema: Some(Value::Object(_)) | None, .. })) => Ok(()),
            ("json_schema", Some(_)) => Err(Invalid::value("response_format.json_schema.schema", "must be an object")),
            _ => Err(Invalid::value("response_format.type", "must be `text`, `json_object` or `json_schema`")),
        }
    }
}

/// How hard to think, in OpenAI's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// More.
    Xhigh,
    /// As much as there is.
    Max,
}

impl Effort {
    /// As the dialect has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

/// `reasoning`: an extension that several gateways share. `reasoning_effort` is OpenAI's own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reasoning {
    /// How hard to think.
    pub effort: Option<Effort>,
    /// How many tokens thinking may take.
    pub max_tokens: Option<u32>,
    /// Whether to leave the thoughts out of the answer.
    pub exclude: Option<bool>,
    /// Whether to think at all.
    pub enabled: Option<bool>,
}

impl Reasoning {
    /// Whether a caller who does not want to see thoughts (`exclude`) gets this one of `reasoning_details` nevertheless: what is signed or
    /// encrypted is wanted back with the next request, and calls of tools cannot be answered without it.
    pub fn is_wanted_back(detail: &Value) -> bool {
        ["signature", "data"].iter().any(|name| detail[name].as_str().is_some_and(|text| !text.is_empty()))
    }
}
