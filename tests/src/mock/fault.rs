//! What can be wrong with a request, before a provider puts it in its own words.

/// One mistake. Paths are written as OpenAI writes them, `messages[0].content`; see [`dotted`] for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No credential, or an empty one.
    NoCredential,
    /// The credential `bad-key`, which no provider knows.
    BadCredential(String),
    /// The body is not a JSON object, or is not labelled as JSON.
    NotJson,
    /// The body is larger than any provider takes.
    TooLarge,
    /// There is nothing at this path or for this method.
    NoRoute,
    /// The provider has no such model.
    NoModel(String),
    /// A field that the provider does not know.
    UnknownField(String),
    /// A field that must be there.
    Missing(String),
    /// A list or text that must not be empty.
    Empty(String),
    /// A value of the wrong JSON type.
    Type {
        /// Where.
        path: String,
        /// For example `a string`.
        expected: &'static str,
    },
    /// A role, or a type of content part, that the provider does not have.
    NotOneOf {
        /// Where.
        path: String,
        /// What was there.
        given: String,
        /// What may be there.
        allowed: &'static [&'static str],
    },
    /// A parameter that this model does not take.
    Unsupported {
        /// Where.
        path: String,
        /// In the provider's words.
        message: String,
    },
    /// A thing that this model or this credential may not do (403).
    Forbidden(String),
    /// Something for which the provider has a code of its own.
    Coded {
        /// Where.
        path: String,
        /// In the provider's words.
        message: String,
        /// The code; empty where the provider leaves it out.
        code: &'static str,
    },
    /// Anything else that is wrong with a value.
    Value {
        /// Where.
        path: String,
        /// In the provider's words.
        message: String,
    },
    /// `mock:status=…`.
    Asked {
        /// The status that was asked for.
        status: u16,
        /// Seconds to put in `retry-after`.
        retry_after_s: u64,
    },
}

impl Fault {
    /// See [`Fault::Value`].
    pub fn value(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Value { path: path.into(), message: message.into() }
    }

    /// See [`Fault::Unsupported`].
    pub fn unsupported(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Unsupported { path: path.into(), message: message.into() }
    }

    /// See [`Fault::Coded`].
    pub fn coded(path: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::Coded { path: path.into(), message: message.into(), code }
    }
}

/// A provider's error, ready to be sent.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: String,
}

/// `messages[0].content` as Anthropic, Cohere and Google write it: `messages.0.content`.
pub fn dotted(path: &str) -> String {
    path.replace('[', ".").replace(']', "")
}

/// The credential of an `Authorization: Bearer …` header or of a header of its own.
///
/// # Errors
/// None, an empty one, or `bad-key`.
pub fn check_credential(given: Option<&str>) -> Result<(), Fault> {
    match given.map(str::trim) {
        None | Some("") => Err(Fault::NoCredential),
        Some("bad-key") => Err(Fault::BadCredential("bad-key".to_owned())),
        Some(_) => Ok(()),
    }
}

/// The value of an `Authorization: Bearer …` header.
pub fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credential)
}
