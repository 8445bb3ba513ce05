//! How OpenAI says what is wrong.

use super::super::fault::Fault;

/// Status, message, type, param and code.
pub type Words = (u16, String, &'static str, Option<String>, Option<&'static str>);

/// A fault in OpenAI's words.
pub fn in_our_words(fault: &Fault) -> Words {
    const INVALID: &str = "invalid_request_error";
    let bad = |message: String, path: &str, code| (400, message, INVALID, Some(path.to_owned()), code);
    let keys = "You can find your API key at https://platform.openai.com/account/api-keys.";
    match fault {
        Fault::NoCredential => (401, format!("You didn't provide an API key. {keys}"), INVALID, None, None),
        Fault::BadCredential(key) => {
            (401, format!("Incorrect API key provided: {key}. {keys}"), INVALID, None, Some("invalid_api_key"))
        }
        Fault::NotJson => (400, "We could not parse the JSON body of your request.".to_owned(), INVALID, None, None),
        Fault::TooLarge => (413, "Request entity too large.".to_owned(), INVALID, None, None),
        Fault::NoRoute => (404, "Invalid URL".to_owned(), INVALID, None, None),
        Fault::NoModel(model) => {
            let message = format!("The model `{model}` does not exist or you do not have access to it.");
            (404, message, INVALID, None, Some("model_not_found"))
        }
        Fault::UnknownField(path) => bad(format!("Unknown parameter: '{path}'."), path, Some("unknown_parameter")),
        Fault::Missing(path) => {
            bad(format!("Missing required parameter: '{path}'."), path, Some("missing_required_parameter"))
        }
        Fault::Empty(path) => bad(
            format!("Invalid '{path}': empty array. Expected an array with minimum length 1."),
            path,
            Some("empty_array"),
        ),
        Fault::Type { path, expected } => {
            bad(format!("Invalid type for '{path}': expected {expected}."), path, Some("invalid_type"))
        }
        Fault::NotOneOf { path, given, allowed } => {
            let allowed = allowed.iter().map(|one| format!("'{one}'")).collect::<Vec<_>>().join(", ");
            bad(format!("Invalid value: '{given}'. Supported values are: {allowed}."), path, Some("invalid_value"))
        }
        Fault::Unsupported { path, message } => bad(message.clone(), path, Some("unsupported_parameter")),
        Fault::Forbidden(message) => (403, message.clone(), INVALID, None, None),
        Fault::Coded { path, message, code } => {
            let param = Some(path.clone()).filter(|path| !path.is_empty());
            (400, message.clone(), INVALID, param, Some(*code).filter(|code| !code.is_empty()))
        }
        Fault::Value { path, message } => bad(format!("Invalid '{path}': {message}"), path, Some("invalid_value")),
        Fault::Asked { status, .. } => asked_for(*status),
    }
}

fn asked_for(status: u16) -> Words {
    let (message, kind, code) = match status {
        401 => ("Incorrect API key provided: mock.", "invalid_request_error", Some("invalid_api_key")),
        403 => ("You are not allowed to sample from this model", "invalid_request_error", None),
        404 => (
            "The model `mock` does not exist or you do not have access to it.",
            "invalid_request_error",
            Some("model_not_found"),
        ),
        413 => ("Request entity too large.", "invalid_request_error", None),
        429 => ("Rate limit reached for this model on tokens per min (TPM).", "tokens", Some("rate_limit_exceeded")),
        503 => ("The server is currently overloaded. Please try again later.", "server_error", None),
        500.. => ("The server had an error while processing your request. Sorry about that!", "server_error", None),
        _ => ("The request is invalid.", "invalid_request_error", None),
    };
    (status, message.to_owned(), kind, None, code)
}
