//! OpenAI's error body, and the one error of these words: a request that is not what the dialect allows.

use serde::Serialize;

/// A request that cannot be understood or honoured. The caller reads it, so it names the path and the cure and never echoes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// What is wrong and what to change.
    pub message: String,
    /// The path of the field, as `messages[2].content`.
    pub param: Option<String>,
    /// A code that a program can branch on.
    pub code: &'static str,
}

impl Invalid {
    /// A field whose value is wrong.
    pub fn value(param: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        let param = param.into();
        Self { message: format!("`{param}`: {problem}"), param: Some(param), code: "invalid_value" }
    }

    /// A field, or a kind of content, that is part of the dialect but not offered here.
    pub fn unsupported(param: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self { code: "unsupported_parameter", ..Self::value(param, problem) }
    }

    /// A body that is not JSON, or JSON that two readers could read differently.
    pub fn json(message: impl Into<String>) -> Self {
        Self { message: message.into(), param: None, code: "invalid_json" }
    }
}

/// `{"error": {...}}`, as every OpenAI SDK expects it.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    /// The one member.
    pub error: ErrorDetail<'a>,
}

/// What an SDK shows of an error.
#[derive(Debug, Serialize)]
pub struct ErrorDetail<'a> {
    /// For a person.
    pub message: &'a str,
    /// OpenAI's class, as `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The field at fault, if one is.
    pub param: Option<&'a str>,
    /// For a program.
    pub code: &'a str,
}
