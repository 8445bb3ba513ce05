//! How Mistral says what is wrong.

use super::super::fault::{Fault, dotted};
use super::super::json::{Json, object};

/// The body of an error.
pub fn error(message: &str, kind: &str, code: &str) -> Json {
    object! { "object": "error", "message": message, "type": kind, "param": Json::Null, "code": code }
}

/// A validation error, as its web framework writes it: the path is a list, and there is no `message` at the top.
fn detail(kind: &str, path: &str, message: &str) -> (u16, Json) {
    let step = |step: &str| step.parse::<u64>().map_or_else(|_| Json::from(step), Json::from);
    let at: Vec<Json> = format!("body.{}", dotted(path)).split('.').map(step).collect();
    (422, object! { "detail": [object! { "type": kind, "loc": at, "msg": message, "input": Json::Null }] })
}

/// A fault in Mistral's words.
pub fn in_our_words(fault: &Fault) -> (u16, Json) {
    match fault {
        Fault::NoCredential => (401, object! { "detail": "Unauthorized" }),
        Fault::BadCredential(_) => (401, object! { "detail": "Invalid API Key" }),
        Fault::Forbidden(message) => (403, error(message, "forbidden", "1401")),
        Fault::NotJson => detail("json_invalid", "0", "JSON decode error"),
        Fault::TooLarge => (413, object! { "message": "Request size limit exceeded" }),
        Fault::NoRoute => (404, object! { "message": "no Route matched with those values" }),
        Fault::NoModel(model) => (400, error(&format!("Invalid model: {model}"), "invalid_model", "1500")),
        Fault::UnknownField(path) => detail("extra_forbidden", path, "Extra inputs are not permitted"),
        Fault::Missing(path) => detail("missing", path, "Field required"),
        Fault::Empty(path) => detail("too_short", path, "List should have at least 1 item after validation, not 0"),
        Fault::Type { path, expected } => detail("type_error", path, &format!("Input should be {expected}")),
        Fault::NotOneOf { path, given, allowed } => {
            let message =
                format!("Input tag '{given}' does not match any of the expected tags: {}", allowed.join(", "));
            detail("union_tag_invalid", path, &message)
        }
        Fault::Unsupported { message, .. } => (400, error(message, "invalid_request_message_order", "3230")),
        Fault::Coded { message, code, .. } => (400, error(message, type_of(code), code)),
        Fault::Value { path, message } => detail("value_error", path, message),
        Fault::Asked { status, .. } => (*status, asked_for(*status)),
    }
}

fn type_of(code: &str) -> &'static str {
    match code {
        "3240" => "invalid_assistant_message",
        "3280" => "invalid_function_call",
        "3291" => "invalid_request_audio",
        _ => "invalid_request_invalid_args",
    }
}

fn asked_for(status: u16) -> Json {
    match status {
        401 => object! { "detail": "Invalid API Key" },
        403 => error("This API key is not allowed to use this model.", "forbidden", "1401"),
        404 => object! { "message": "no Route matched with those values" },
        413 => object! { "message": "Request size limit exceeded" },
        422 => detail("value_error", "messages", "The request is invalid").1,
        429 => error("Rate limit exceeded", "rate_limited", "1300"),
        500.. => error("Service unavailable.", "internal_server_error", "1000"),
        _ => error("The request is invalid", "invalid_request_invalid_args", "3051"),
    }
}
