//! What a provider's error means, in terms that do not depend on the provider.

use super::{bounded_word, quotes};
use crate::usage::Tokens;

/// An error answer, or an error event inside a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// The provider's status; 200 for an event inside a stream.
    pub status: u16,
    /// The provider's own words, if it sent any. Only for the caller whose request it was, never for a log.
    pub message: Option<String>,
    /// The provider's own code, as `context_length_exceeded`.
    pub code: Option<String>,
    /// The field at fault, if the provider names one.
    pub param: Option<String>,
    /// How long to wait, where the body says so. Most providers say it in a `retry-after` header, which is not seen here.
    pub retry_after_s: Option<u64>,
    /// What the provider counted, if it did although there is no answer.
    pub used: Option<Box<Tokens>>,
    /// The provider's id of the request, for its support.
    pub request_id: Option<Box<str>>,
}

/// What an error means for the caller and for the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The request is wrong, and would be wrong again.
    BadRequest,
    /// The request is longer than the model's context.
    ContextLength,
    /// The provider refuses the credential: ours to mend, not the caller's.
    Credential,
    /// The provider does not have the model.
    ModelNotFound,
    /// The body is too large for the provider.
    TooLarge,
    /// A filter refused the prompt, or the answer before its first word.
    ContentFilter,
    /// Too many requests or tokens; waiting helps.
    RateLimited,
    /// The account is out of credit; waiting does not help.
    Quota,
    /// The provider is overloaded.
    Overloaded,
    /// The provider broke.
    Server,
}

impl FailureKind {
    /// What a bare status means. A success says nothing about a failure inside it.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Credential,
            402 => Self::Quota,
            404 => Self::ModelNotFound,
            413 => Self::TooLarge,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::BadRequest,
            _ => Self::Server,
        }
    }
}

impl Failure {
    /// A failure in the provider's own words. What it says about a credential is left out, as some quote parts of the key, and so is what it
    /// quotes elsewhere.
    pub fn new(kind: FailureKind, status: u16, message: Option<String>, code: Option<String>) -> Self {
        let message = message.filter(|text| kind != FailureKind::Credential && !text.is_empty());
        let message = message.map(|text| quotes::without(&text));
        let code = code.map(|code| bounded_word(&code));
        Self { kind, status, message, code, param: None, retry_after_s: None, used: None, request_id: None }
    }

    /// A failure of which only the status is known: a proxy's page, an empty body.
    pub fn of_status(status: u16) -> Self {
        Self::new(FailureKind::of_status(status), status, None, None)
    }
}
