//! `{"error": {"message", "type", "param", "code"}}`: <https://platform.openai.com/docs/guides/error-codes>.

use super::wire_answer::{Error, ErrorBody};
use crate::providers::{Failure, FailureKind, read as parse};

pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    match parse::<ErrorBody<'_>>(body) {
        Ok(body) => of_error(status, &body.error),
        Err(_) => Failure::of_status(status),
    }
}

pub(super) fn of_error(status: u16, error: &Error<'_>) -> Failure {
    let code = error.code.as_ref().map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
    let says = |text: &str| error.message.as_deref().is_some_and(|message| message.contains(text));
    let kind = match (code.as_deref(), error.kind.as_deref()) {
        (Some("context_length_exceeded"), _) => FailureKind::ContextLength,
        // Some models and servers have no code for it.
        (None, Some("invalid_request_error")) if says("maximum context length") || says("context window") => {
            FailureKind::ContextLength
        }
        (Some("server_is_overloaded" | "slow_down"), _) => FailureKind::Overloaded,
        (Some("insufficient_quota" | "billing_hard_limit_reached" | "billing_not_active"), _)
        | (_, Some("insufficient_quota")) => FailureKind::Quota,
        (Some("rate_limit_exceeded"), _) => FailureKind::RateLimited,
        (Some("model_not_found"), _) => FailureKind::ModelNotFound,
        (Some("content_filter" | "content_policy_violation"), _) => FailureKind::ContentFilter,
        (Some("invalid_api_key"), _) => FailureKind::Credential,
        (_, Some("invalid_request_error")) if status == 200 => FailureKind::BadRequest,
        // Inside a stream the status says nothing.
        _ if status == 200 => FailureKind::Server,
        _ => FailureKind::of_status(status),
    };
    let message = error.message.as_deref().map(str::to_owned);
    Failure { param: error.param.as_deref().map(str::to_owned), ..Failure::new(kind, status, message, code) }
}
