//! How Cohere says what is wrong.

use super::super::fault::{Fault, dotted};

/// A fault in Cohere's words.
pub fn in_our_words(fault: &Fault) -> (u16, String) {
    let invalid = |what: String| (400, format!("invalid request: {what}"));
    match fault {
        Fault::NoCredential => (401, "no api key supplied".to_owned()),
        Fault::BadCredential(_) => (401, "invalid api token".to_owned()),
        Fault::Forbidden(message) => (403, message.clone()),
        Fault::NotJson => (400, "invalid request: the body is not valid JSON".to_owned()),
        Fault::TooLarge => (413, "request body too large".to_owned()),
        Fault::NoRoute => (404, "not found".to_owned()),
        Fault::NoModel(model) => {
            let advice = "make sure the correct model ID was used and that you have access to the model.";
            (404, format!("model '{model}' not found, {advice}"))
        }
        Fault::UnknownField(path) => {
            (422, format!("unknown field: parameter '{}' is not a valid field.", dotted(path)))
        }
        Fault::Missing(path) => invalid(format!("{} is required", dotted(path))),
        Fault::Empty(path) => invalid(format!("{} must not be empty", dotted(path))),
        Fault::Type { path, expected } => invalid(format!("{} must be {expected}", dotted(path))),
        Fault::NotOneOf { path, given, allowed } => {
            invalid(format!("{}: '{given}' is not one of {}", dotted(path), allowed.join(", ")))
        }
        Fault::Unsupported { message, .. } | Fault::Coded { message, .. } => invalid(message.clone()),
        Fault::Value { path, message } => invalid(format!("{} {message}", dotted(path))),
        Fault::Asked { status, .. } => (*status, asked_for(*status).to_owned()),
    }
}

fn asked_for(status: u16) -> &'static str {
    match status {
        401 => "invalid api token",
        403 => "this API key is not allowed to use this endpoint",
        404 => "model 'mock' not found, make sure the correct model ID was used and that you have access to the model.",
        413 => "request body too large",
        422 => "No valid response generated. Try updating messages",
        429 => "You are using a Trial key, which is limited to a number of API calls a minute.",
        500 => "internal server error, this is our fault",
        501.. => "the server is overloaded, please try again later",
        _ => "invalid request",
    }
}
