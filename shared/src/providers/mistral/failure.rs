//! Errors, in the three shapes of [`ErrorBody`].

use super::wire::ErrorBody;
use crate::providers::{Failure, FailureKind, read as parse};
use serde_json::Value;

pub(super) fn read(status: u16, body: &[u8]) -> Failure {
    parse(body).map_or_else(|_| Failure::of_status(status), |error| of_error(status, error))
}

/// An event that is no chunk; none where it is no error either.
pub(super) fn in_stream(data: &[u8]) -> Option<Failure> {
    let error: ErrorBody = parse(data).ok()?;
    (error.message.is_some() || error.detail.is_some()).then(|| of_error(200, error))
}

fn of_error(status: u16, error: ErrorBody) -> Failure {
    let first_item = error.detail.as_ref().or_else(|| error.message.as_ref()?.get("detail")).and_then(|all| all.get(0));
    let param = error.param.or_else(|| first_item.and_then(path));
    let message = error.message.as_ref().and_then(text).or_else(|| error.detail.as_ref().and_then(text));
    let says = |text: &str| message.as_deref().is_some_and(|message| message.contains(text));
    let kind = match error.kind.as_deref() {
        Some("invalid_model") => FailureKind::ModelNotFound,
        Some("rate_limited") => FailureKind::RateLimited,
        _ if says("maximum context length") => FailureKind::ContextLength,
        _ => FailureKind::of_status(status),
    };
    let code = error.code.map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
    Failure { param, ..Failure::new(kind, status, message, code.or(error.kind)) }
}

/// The words of an error. Of an item of a validation only the path and the complaint: its `input` is what the caller sent.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let items = items.iter().filter_map(|item| {
                let complaint = item.get("msg")?.as_str()?;
                Some(path(item).map_or_else(|| complaint.to_owned(), |path| format!("{path}: {complaint}")))
            });
            items.reduce(|all, item| format!("{all}; {item}"))
        }
        Value::Object(members) => members.get("detail").and_then(text),
        _ => None,
    }
}

/// `["body", "messages", 0, "content"]` → `messages.0.content`.
fn path(item: &Value) -> Option<String> {
    let steps = item.get("loc")?.as_array()?.iter();
    let steps = steps.map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned));
    steps.skip_while(|step| step == "body").reduce(|all, step| format!("{all}.{step}"))
}
