//! A provider that repeats the prompt in its error: what it repeats is struck out, for an error is kept where a prompt must not be.

use crate::{error::GatewayError, openai::ChatRequest};

/// So many characters in common are a quotation and no coincidence.
const A_QUOTATION: usize = 16;
/// Shorter texts are ordinary words, and may be the name of a field.
const A_TEXT: usize = 6;
/// In its place.
const CUT: &str = "…";

/// An error whose words do not repeat what the caller sent: whole, or from the beginning of a text as far as it goes.
pub(super) fn removed<'a>(mut error: GatewayError, sent: impl Iterator<Item = &'a str>) -> GatewayError {
    if let GatewayError::Provider { failure, .. } = &mut error
        && let Some(words) = &mut failure.message
    {
        sent.for_each(|text| strike_out(words, text.trim()));
    }
    error
}

/// The texts of a request's messages.
pub(super) fn texts(request: &ChatRequest) -> impl Iterator<Item = &str> {
    request.messages.iter().flat_map(|message| {
        let texts = message.content.iter().flat_map(|content| content.texts());
        let calls = message.tool_calls().iter().filter_map(|call| call.function.as_ref());
        let others = [&message.refusal, &message.reasoning_content].into_iter().flatten().map(String::as_str);
        texts.chain(others).chain(calls.map(|function| function.arguments.as_str()))
    })
}

fn strike_out(words: &mut String, text: &str) {
    if text.chars().count() < A_TEXT {
        return;
    }
    let begin = text.char_indices().nth(A_QUOTATION).map_or(text, |(at, _)| &text[..at]);
    while let Some(at) = words.find(begin) {
        let common =
            words[at..].chars().zip(text.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum::<usize>();
        words.replace_range(at..at + common, CUT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_caller_said_is_not_repeated() {
        let body = json!({ "model": "m", "messages": [
            { "role": "system", "content": "role" },
            { "role": "user", "content": [{ "type": "text", "text": " the secret plan of the company " }] },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "a", "type": "function", "function": { "name": "f", "arguments": "{\"pin\":1234}" } },
            ] },
        ] });
        let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
        #[rustfmt::skip]
        let table = [
            ("bad text: the secret plan of the company!", "bad text: …!",          "all of it"),
            ("bad text: the secret plan of th...",        "bad text: …...",        "its beginning"),
            ("arguments {\"pin\":1234} are wrong",        "arguments … are wrong", "of a call"),
            ("`role` must be a string",                   "`role` must be a string", "a word that is no secret"),
        ];
        for (words, left, why) in table {
            let mut words = words.to_owned();
            texts(&request).for_each(|text| strike_out(&mut words, text.trim()));
            assert_eq!(words, left, "{why}");
        }
    }
}
