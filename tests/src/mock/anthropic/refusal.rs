//! How Anthropic says what is wrong.

use super::super::fault::{Fault, dotted};
use super::super::json::{Json, object};

/// The body of an error.
pub fn error(status: u16, message: String) -> Json {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    object! { "type": "error", "error": object! { "type": kind, "message": message } }
}

/// A fault in Anthropic's words.
pub fn in_our_words(fault: &Fault) -> (u16, String) {
    match fault {
        Fault::NoCredential => (401, "x-api-key header is required".to_owned()),
        Fault::BadCredential(_) => (401, "invalid x-api-key".to_owned()),
        Fault::Forbidden(message) => (403, message.clone()),
        Fault::NotJson => (400, "The request body is not valid JSON".to_owned()),
        Fault::TooLarge => (413, "Request exceeds the maximum size".to_owned()),
        Fault::NoRoute => (404, "Not found".to_owned()),
        Fault::NoModel(model) => (404, format!("model: {model}")),
        Fault::UnknownField(path) => (400, format!("{}: Extra inputs are not permitted", dotted(path))),
        Fault::Missing(path) => (400, format!("{}: Field required", dotted(path))),
        Fault::Empty(path) if path == "messages" => (400, "messages: at least one message is required".to_owned()),
        Fault::Empty(path) => {
            let message = dotted(path);
            (
                400,
                format!(
                    "{message}: all messages must have non-empty content except for the optional final assistant message"
                ),
            )
        }
        Fault::Type { path, expected } => (400, format!("{}: Input should be {expected}", dotted(path))),
        Fault::NotOneOf { given, path, .. } if given == "system" && path.ends_with("role") => {
            let message =
                "messages: Unexpected role \"system\". The Messages API takes a top-level `system` parameter instead.";
            (400, message.to_owned())
        }
        Fault::NotOneOf { path, given, allowed } => {
            let allowed = allowed.iter().map(|one| format!("'{one}'")).collect::<Vec<_>>().join(" or ");
            (400, format!("{}: Input should be {allowed}, not '{given}'", dotted(path)))
        }
        Fault::Unsupported { message, .. } | Fault::Coded { message, .. } => (400, message.clone()),
        Fault::Value { path, message } => (400, format!("{}: {message}", dotted(path))),
        Fault::Asked { status, .. } => (*status, asked_for(*status).to_owned()),
    }
}

fn asked_for(status: u16) -> &'static str {
    match status {
        401 => "invalid x-api-key",
        402 => "Your credit balance is too low to access the API.",
        403 => "Your API key does not have permission to use the specified resource",
        404 => "model: mock",
        413 => "Request exceeds the maximum size",
        429 => "This request would exceed your organization's rate limit.",
        529 => "Overloaded",
        500.. => "Internal server error",
        _ => "The request is invalid",
    }
}
