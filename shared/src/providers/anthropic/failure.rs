//! `{"type": "error", "error": {"type", "message"}}`: <https://platform.claude.com/docs/en/api/errors>.

use super::wire::{Error, ErrorBody};
use crate::providers::{Failure, FailureKind, read as parse};

pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    of_error(status, parse::<ErrorBody>(body).ok().map(|body| body.error))
}

/// The type decides, as the status says nothing inside a stream. Both limits of an account and of a model come as an
/// `invalid_request_error`, told apart by their text alone.
pub(super) fn of_error(status: u16, error: Option<Error>) -> Failure {
    let Some(error) = error else { return Failure::of_status(status) };
    let says = |text: &str| error.message.as_deref().is_some_and(|message| message.contains(text));
    let kind = match error.kind.as_deref() {
        Some("invalid_request_error") if says("credit balance is too low") => FailureKind::Quota,
        Some("invalid_request_error") if says("prompt is too long") || says("exceed context limit") => {
            FailureKind::ContextLength
        }
        Some("invalid_request_error") if says("content filtering policy") => FailureKind::ContentFilter,
        Some("invalid_request_error") => FailureKind::BadRequest,
        Some("authentication_error" | "permission_error") => FailureKind::Credential,
        Some("billing_error") => FailureKind::Quota,
        Some("not_found_error") => FailureKind::ModelNotFound,
        Some("request_too_large") => FailureKind::TooLarge,
        Some("rate_limit_error") => FailureKind::RateLimited,
        Some("overloaded_error") => FailureKind::Overloaded,
        Some("api_error" | "timeout_error") => FailureKind::Server,
        _ => FailureKind::of_status(status),
    };
    Failure::new(kind, status, error.message, error.kind)
}
