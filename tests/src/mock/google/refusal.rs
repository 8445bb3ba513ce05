//! How Google says what is wrong.

use super::super::fault::Fault;
use super::super::json::{Json, object};

/// The body of an error.
pub fn error(code: u16, message: &str, status: &str, details: Json) -> Json {
    let error = object! { "code": u64::from(code), "message": message, "status": status };
    if matches!(details, Json::Null) { error } else { error.with("details", details) }
}

fn violation(field: &str, message: &str) -> Json {
    let violation = object! { "field": field, "description": message };
    Json::from([object! { "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation] }])
}

/// What tells a wrong key (400!) from a wrong request is in the details alone.
fn wrong_key() -> Json {
    Json::from([object! {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": object! { "service": "generativelanguage.googleapis.com" },
    }])
}

/// Status, its name, message and details.
pub type Words = (u16, &'static str, String, Json);

/// A fault in Google's words.
pub fn in_our_words(fault: &Fault) -> Words {
    let invalid = |message: String, details: Json| (400, "INVALID_ARGUMENT", message, details);
    match fault {
        Fault::NoCredential => {
            let message = "Method doesn't allow unregistered callers (callers without established identity). \
                           Please use API Key or other form of API consumer identity to call this API.";
            (403, "PERMISSION_DENIED", message.to_owned(), Json::Null)
        }
        Fault::BadCredential(_) => invalid("API key not valid. Please pass a valid API key.".to_owned(), wrong_key()),
        Fault::Forbidden(message) => (403, "PERMISSION_DENIED", message.clone(), Json::Null),
        Fault::NotJson => invalid("Invalid JSON payload received.".to_owned(), Json::Null),
        Fault::TooLarge => (413, "INVALID_ARGUMENT", "Request payload size exceeds the limit.".to_owned(), Json::Null),
        Fault::NoRoute => (404, "NOT_FOUND", "Requested entity was not found.".to_owned(), Json::Null),
        Fault::NoModel(model) => {
            let message =
                format!("models/{model} is not found for API version v1beta, or is not supported for generateContent.");
            (404, "NOT_FOUND", message, Json::Null)
        }
        Fault::UnknownField(path) => {
            let (at, name) = path.rsplit_once('.').unwrap_or(("", path));
            let place = if at.is_empty() { String::new() } else { format!(" at '{at}'") };
            let message = format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field.");
            let details = violation(at, &message);
            invalid(message, details)
        }
        Fault::Missing(path) | Fault::Empty(path) => {
            invalid(format!("* GenerateContentRequest.{path}: {path} is not specified\n"), Json::Null)
        }
        Fault::Type { path, expected } => {
            invalid(format!("Invalid value at '{path}', expected {expected}"), Json::Null)
        }
        Fault::NotOneOf { path, given, .. } if !path.ends_with("role") => {
            invalid(format!("Invalid value at '{path}', \"{given}\""), Json::Null)
        }
        Fault::NotOneOf { allowed, .. } => {
            invalid(format!("Please use a valid role: {}.", allowed.join(", ")), Json::Null)
        }
        Fault::Unsupported { message, .. } | Fault::Coded { message, .. } => invalid(message.clone(), Json::Null),
        Fault::Value { path, message } => invalid(format!("* GenerateContentRequest.{path}: {message}\n"), Json::Null),
        Fault::Asked { status, retry_after_s } => asked_for(*status, *retry_after_s),
    }
}

fn asked_for(code: u16, retry_after_s: u64) -> Words {
    let (status, message) = match code {
        401 => ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
        403 => ("PERMISSION_DENIED", "The caller does not have permission"),
        404 => {
            ("NOT_FOUND", "models/mock is not found for API version v1beta, or is not supported for generateContent.")
        }
        413 => ("INVALID_ARGUMENT", "Request payload size exceeds the limit."),
        429 => ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
        500 => ("INTERNAL", "An internal error has occurred. Please retry."),
        503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        501.. => ("UNAVAILABLE", "The service is currently unavailable."),
        _ => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    };
    // There is no `retry-after` header: the wait is in the details.
    let retry =
        object! { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{retry_after_s}s") };
    (code, status, message.to_owned(), if code == 429 { Json::from([retry]) } else { Json::Null })
}
