//! `{"id", "message"}`, sometimes with an `error_type`: <https://docs.cohere.com/reference/errors>.

use super::wire::ErrorBody;
use crate::providers::{Failure, FailureKind, read as parse};

pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    let Ok(error) = parse::<ErrorBody>(body) else { return Failure::of_status(status) };
    let says = |text: &str| error.message.as_deref().is_some_and(|message| message.contains(text));
    let kind = match (status, error.error_type.as_deref()) {
        (400, Some("TOO_MANY_TOKENS")) => FailureKind::ContextLength,
        (400, _) if says("too many tokens") => FailureKind::ContextLength,
        // A trial key is limited by the minute, where waiting helps, and by the month, where it does not.
        (429, _) if says("/ month") => FailureKind::Quota,
        // No credential: a deny-listed token of the text.
        (498, _) => FailureKind::ContentFilter,
        _ => FailureKind::of_status(status),
    };
    Failure::new(kind, status, error.message, error.error_type)
}
