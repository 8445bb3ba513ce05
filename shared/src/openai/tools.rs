//! Tools: what a model may call, what it must, what it called.

use super::Invalid;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};
use std::{borrow::Cow, fmt};

/// A tool that is offered.
#[derive(Debug, Clone, Deserialize)]
pub struct Tool {
    /// `function`, or `custom` with OpenAI.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of a `function` tool.
    pub function: Option<Function>,
    /// Of a `custom` tool.
    pub custom: Option<CustomTool>,
    /// A mark for a provider's prompt cache. An extension.
    pub cache_control: Option<Value>,
    /// The rest.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A tool that a model calls with any text, which only OpenAI has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CustomTool {
    /// As a function's.
    pub name: String,
    /// When to call it, and what form the text must have.
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
    /// The rest.
    #[serde(flatten)]
    pub other: Map<String, Value>,
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
        /// The functions' names.
        names: Vec<String>,
        /// The custom tools' names.
        custom: Vec<String>,
    },
    /// This custom tool.
    Custom(String),
}

/// A call that a model made, sent back by the caller or given to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Pairs the call with its result.
    pub id: String,
    /// `function` or `custom`.
    #[serde(rename = "type", default = "function")]
    pub kind: String,
    /// What was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionCall>,
    /// The same of a custom tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomCall>,
    /// The rest, and what a provider wants back with the call.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A custom tool's name and what it was called with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomCall {
    /// Which.
    pub name: String,
    /// Any text.
    #[serde(default)]
    pub input: String,
}

/// A function's name and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// Which.
    pub name: String,
    /// A JSON object, as text: models can make mistakes in it.
    #[serde(default)]
    pub arguments: String,
    /// What else came with a call that is sent back.
    #[serde(flatten, skip_serializing)]
    pub other: Map<String, Value>,
}

/// Under which name arguments that are no object go back to a provider that takes nothing else.
const BROKEN: &str = "invalid_arguments";

fn function() -> String {
    "function".into()
}

impl ToolCall {
    /// A call of a function.
    pub fn function(id: String, name: String, arguments: String) -> Self {
        let called = FunctionCall { name, arguments, other: Map::new() };
        Self { id, kind: function(), function: Some(called), custom: None, other: Map::new() }
    }

    /// A call of a custom tool.
    pub fn custom(id: String, name: String, input: String) -> Self {
        Self { id, kind: "custom".into(), function: None, custom: Some(CustomCall { name, input }), other: Map::new() }
    }

    pub(super) fn check(&self, path: &str) -> Result<(), Invalid> {
        match (self.kind.as_str(), &self.function, &self.custom) {
            ("function", Some(_), _) | ("custom", _, Some(_)) => Ok(()),
            (kind @ ("function" | "custom"), ..) => Err(Invalid::value(format!("{path}.{kind}"), "is required")),
            _ => Err(Invalid::value(format!("{path}.type"), "must be `function` or `custom`")),
        }
    }
}

impl FunctionCall {
    /// The arguments as an object, for providers that take them so. An empty text is an empty object. A call that was cut off or is no
    /// JSON stays in a conversation for good, beside the result that says so; OpenAI takes it back, so its text is kept, in an object.
    pub fn arguments_object(&self) -> Map<String, Value> {
        if self.arguments.trim().is_empty() {
            return Map::new();
        }
        serde_json::from_str(&self.arguments)
            .unwrap_or_else(|_| Map::from_iter([(BROKEN.to_owned(), Value::String(self.arguments.clone()))]))
    }

    /// The same as text, for providers that read it: as it came where that is an object.
    pub fn arguments_text(&self) -> Cow<'_, str> {
        let is_json = |text: &str| serde_json::from_str::<de::IgnoredAny>(text).is_ok();
        match self.arguments.trim_start().starts_with('{') && is_json(&self.arguments) {
            true => Cow::Borrowed(&self.arguments),
            false => Cow::Owned(Value::Object(self.arguments_object()).to_string()),
        }
    }
}

impl Tool {
    pub(super) fn check(&self, path: &str) -> Result<(), Invalid> {
        match (self.kind.as_str(), &self.function, &self.custom) {
            ("function", Some(function), _) => function.check(&format!("{path}.function")),
            ("custom", _, Some(custom)) => check_name(&custom.name, &format!("{path}.custom")),
            (kind @ ("function" | "custom"), ..) => Err(Invalid::value(format!("{path}.{kind}"), "is required")),
            _ => Err(Invalid::value(format!("{path}.type"), "is not a kind of tool; functions are `function`")),
        }
    }

    /// The function, if it is one.
    pub fn as_function(&self) -> Option<&Function> {
        self.function.as_ref().filter(|_| self.kind == "function")
    }

    /// The custom tool, if it is one.
    pub fn as_custom(&self) -> Option<&CustomTool> {
        self.custom.as_ref().filter(|_| self.kind == "custom")
    }
}

fn check_name(name: &str, path: &str) -> Result<(), Invalid> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        true => Ok(()),
        false => {
            Err(Invalid::value(format!("{path}.name"), "must have 1 to 64 letters, digits, underscores and hyphens"))
        }
    }
}

impl Function {
    pub(super) fn check(&self, path: &str) -> Result<(), Invalid> {
        check_name(&self.name, path)?;
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

        // Nothing beside a choice is kept, so nothing beside it is let through.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
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
        #[serde(deny_unknown_fields)]
        struct Named {
            name: String,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Allowed {
            mode: Mode,
            tools: Vec<AllowedTool>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Mode {
            Auto,
            Required,
        }
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
        enum AllowedTool {
            Function { function: Named },
            Custom { custom: Named },
        }

        fn allow(allowed: Allowed) -> ToolChoice {
            let (mut names, mut custom) = (Vec::new(), Vec::new());
            for tool in allowed.tools {
                match tool {
                    AllowedTool::Function { function } => names.push(function.name),
                    AllowedTool::Custom { custom: tool } => custom.push(tool.name),
                }
            }
            ToolChoice::Allowed { required: matches!(allowed.mode, Mode::Required), names, custom }
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
                    (Some("allowed_tools"), _, _, Some(allowed), _) => Ok(allow(allowed)),
                    (None, None, None, None, Some(name)) => Ok(ToolChoice::Function(name)),
                    _ => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(ChoiceVisitor)
    }
}
