//! Tools: what a model may call, what it must, what it called.

use super::Invalid;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};
use std::fmt;

/// A tool that is offered.
#[derive(Debug, Clone, Deserialize)]
pub struct Tool {
    /// `function`, or `custom` with OpenAI.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of a `function` tool.
    pub function: Option<Function>,
    /// A mark for a provider's prompt cache. An extension.
    pub cache_control: Option<Value>,
    /// Other kinds' fields.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A function that a model may call.
#[derive(Debug, Clone, Deserialize)]
pub struct Function {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// When to call it.
    pub description: Option<String>,
    /// A JSON schema; absent: no parameters.
    pub parameters: Option<Value>,
    /// Whether the arguments must fit the schema exactly.
    pub strict: Option<bool>,
}

/// What a model must call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// Nothing.
    None,
    /// What it likes.
    Auto,
    /// Something.
    Required,
    /// This function.
    Function(String),
    /// One of these; it must call one if `required`.
    Allowed {
        /// Whether it must.
        required: bool,
        /// Their names.
        names: Vec<String>,
    },
    /// Another kind of tool by name, which only OpenAI has.
    Custom(String),
}

/// A call that a model made, sent back by the caller or given to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Pairs the call with its result.
    pub id: String,
    /// `function`.
    #[serde(rename = "type", default = "function")]
    pub kind: String,
    /// What was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionCall>,
    /// Other kinds' fields, and what a provider wants back with the call.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A function's name and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// Which.
    pub name: String,
    /// A JSON object, as text: models can make mistakes in it.
    #[serde(default)]
    pub arguments: String,
}

fn function() -> String {
    "function".into()
}

impl ToolCall {
    /// A call of a function.
    pub fn function(id: String, name: String, arguments: String) -> Self {
        Self { id, kind: function(), function: Some(FunctionCall { name, arguments }), other: Map::new() }
    }
}

impl FunctionCall {
    /// The arguments as an object, for providers that take them so. An empty text is an empty object.
    ///
    /// # Errors
    /// [`Invalid`] at `path` when they are no JSON object.
    pub fn arguments_object(&self, path: &str) -> Result<Map<String, Value>, Invalid> {
        if self.arguments.trim().is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_str(&self.arguments)
            .map_err(|_| Invalid::value(format!("{path}.function.arguments"), "must be a JSON object as text"))
    }
}

impl Tool {
    pub(super) fn check(&self, path: &str) -> Result<(), Invalid> {
        match (self.kind.as_str(), &self.function) {
            ("function", Some(function)) => function.check(&format!("{path}.function")),
            ("function", None) => Err(Invalid::value(format!("{path}.function"), "is required")),
            ("custom", _) => Ok(()),
            _ => Err(Invalid::value(format!("{path}.type"), "is not a kind of tool; functions are `function`")),
        }
    }
}

impl Function {
    pub(super) fn check(&self, path: &str) -> Result<(), Invalid> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !(1..=64).contains(&self.name.len()) || !self.name.chars().all(allowed) {
            return Err(Invalid::value(
                format!("{path}.name"),
                "must have 1 to 64 letters, digits, underscores and hyphens",
            ));
        }
        match &self.parameters {
            None | Some(Value::Object(_) | Value::Null) => Ok(()),
            Some(_) => Err(Invalid::value(format!("{path}.parameters"), "must be a JSON schema, an object")),
        }
    }
}

/// A string, or an object that names what must be called.
impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoiceVisitor;

        #[derive(Deserialize)]
        struct Object {
            #[serde(rename = "type")]
            kind: Option<String>,
            function: Option<Named>,
            custom: Option<Named>,
            /// Of the legacy `function_call`.
            name: Option<String>,
            allowed_tools: Option<Allowed>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        #[derive(Deserialize)]
        struct Allowed {
            mode: String,
            tools: Vec<AllowedTool>,
        }
        #[derive(Deserialize)]
        struct AllowedTool {
            function: Option<Named>,
        }

        impl<'de> Visitor<'de> for ChoiceVisitor {
            type Value = ToolChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, `auto`, `required`, or an object that names a function")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ToolChoice, E> {
                match text {
                    "none" => Ok(ToolChoice::None),
                    "auto" => Ok(ToolChoice::Auto),
                    "required" | "any" => Ok(ToolChoice::Required),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<ToolChoice, A::Error> {
                let object = Object::deserialize(MapAccessDeserializer::new(members))?;
                match (object.kind.as_deref(), object.function, object.custom, object.allowed_tools, object.name) {
                    (Some("function") | None, Some(function), ..) => Ok(ToolChoice::Function(function.name)),
                    (Some("custom"), _, Some(custom), ..) => Ok(ToolChoice::Custom(custom.name)),
                    (Some("allowed_tools"), _, _, Some(allowed), _) => Ok(ToolChoice::Allowed {
                        required: allowed.mode == "required",
                        names: allowed
                            .tools
                            .into_iter()
                            .filter_map(|tool| tool.function.map(|function| function.name))
                            .collect(),
                    }),
                    (None, None, None, None, Some(name)) => Ok(ToolChoice::Function(name)),
                    _ => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(ChoiceVisitor)
    }
}
