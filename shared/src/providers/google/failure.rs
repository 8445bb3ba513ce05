//! `{"error": {"code", "message", "status", "details"}}`, which is `google.rpc.Status`:
//! <https://ai.google.dev/gemini-api/docs/troubleshooting>.

use super::wire::{Error, ErrorBody};
use crate::{
    providers::{Failure, FailureKind, read as parse},
    usage::Tokens,
};
use serde_json::Value;

pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    let error = match parse::<ErrorBody>(body) {
        Ok(ErrorBody::One { error }) => Some(error),
        Ok(ErrorBody::Many(items)) => items.into_iter().next().map(|item| item.error),
        Err(_) => None,
    };
    error.map_or_else(|| Failure::of_status(status), |error| of_error(status, error))
}

pub(super) fn of_error(status: u16, error: Error) -> Failure {
    let says = |text: &str| error.message.as_deref().is_some_and(|message| message.contains(text));
    let has_reason = |reason: &str| error.details.iter().any(|detail| detail.reason.as_deref() == Some(reason));
    let kind = match error.status.as_deref() {
        // A wrong key is a 400 here.
        _ if has_reason("API_KEY_INVALID") || says("API key not valid") => FailureKind::Credential,
        Some("INVALID_ARGUMENT") if says("exceeds the maximum number of tokens") => FailureKind::ContextLength,
        Some("UNAUTHENTICATED" | "PERMISSION_DENIED") => FailureKind::Credential,
        Some("NOT_FOUND") => FailureKind::ModelNotFound,
        Some("RESOURCE_EXHAUSTED") => FailureKind::RateLimited,
        Some("UNAVAILABLE") => FailureKind::Overloaded,
        // Inside a stream the status says nothing, the error's own code does.
        _ => FailureKind::of_status(error.code.filter(|_| status == 200).unwrap_or(status)),
    };
    let retry_after_s = error.details.iter().find_map(|detail| seconds(detail.retry_delay.as_deref()?));
    Failure { retry_after_s, ..Failure::new(kind, status, error.message, error.status) }
}

/// A prompt that was blocked before a word of an answer: a 200 with `promptFeedback` and nothing else.
/// <https://ai.google.dev/api/generate-content#BlockReason>
pub(super) fn blocked(reason: &Value, used: Option<Tokens>) -> Failure {
    let is_word = |word: &&str| word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let message = reason.as_str().filter(is_word).map(|word| format!("the prompt was blocked ({word})"));
    Failure { used: used.map(Box::new), ..Failure::new(FailureKind::ContentFilter, 200, message, None) }
}

/// `google.protobuf.Duration` as JSON: seconds with up to nine decimals and an `s`. Rounded up: too early is refused again.
fn seconds(duration: &str) -> Option<u64> {
    let (whole, fraction) = duration.strip_suffix('s').map(|number| number.split_once('.').unwrap_or((number, "")))?;
    let rest = fraction.bytes().any(|digit| digit != b'0');
    whole.parse::<u64>().ok()?.checked_add(u64::from(rest))
}
