//! Messages by who says them, where they stand, and what they carry beside what is said.

use super::{Probe, said};
use serde_json::{Value, json};

fn hello() -> Value {
    json!({ "role": "user", "content": "Hello" })
}

fn answer() -> Value {
    json!({ "role": "assistant", "content": "Good day." })
}

pub(super) fn messages() -> Vec<Probe> {
    let alone = || json!([hello()]);
    let with = |message: Value| json!([message, hello()]);
    let marked = json!({ "role": "user", "content": "Hello", "cache_control": { "type": "ephemeral" } });
    vec![
        said("messages[].role", "system", alone(), with(json!({ "role": "system", "content": "Be brief." }))),
        said("messages[].role", "developer", alone(), with(json!({ "role": "developer", "content": "Be brief." }))),
        said(
            "messages[].role",
            "system, after the user",
            alone(),
            json!([hello(), { "role": "system", "content": "Be brief." }]),
        ),
        said("messages[].role", "only system", alone(), json!([{ "role": "system", "content": "Be brief." }])),
        said("messages[].role", "two users in a row", alone(), json!([hello(), { "role": "user", "content": "And?" }])),
        said(
            "messages[].role",
            "an assistant in between",
            json!([hello(), hello()]),
            json!([hello(), answer(), hello()]),
        ),
        said("messages[].role", "an assistant first", alone(), with(answer())),
        said("messages[].role", "an assistant last", alone(), json!([hello(), answer()])),
        said(
            "messages[].content",
            "a blank text between others",
            json!([hello(), answer(), hello()]),
            json!([hello(), answer(), hello(), { "role": "user", "content": " " }]),
        )
        .asks_for_nothing(),
        said(
            "messages[].content",
            "an assistant's, null",
            json!([hello(), hello()]),
            json!([hello(), { "role": "assistant", "content": null }, hello()]),
        )
        .asks_for_nothing(),
        said("messages[].name", "", alone(), json!([{ "role": "user", "content": "Hello", "name": "ada" }])),
        said(
            "messages[].name",
            "a system message's",
            with(json!({ "role": "system", "content": "Be brief." })),
            with(json!({ "role": "system", "content": "Be brief.", "name": "rules" })),
        ),
        said("messages[].cache_control", "", alone(), json!([marked])),
    ]
}

/// An assistant's message without and with a field, and a person after it.
fn brought(field: &'static str, note: &'static str, more: Value) -> Probe {
    let around = |answer: Value| json!([hello(), answer, { "role": "user", "content": "Go on." }]);
    said(field, note, around(answer()), around(super::extend(answer(), more)))
}

fn details(detail: Value) -> Value {
    json!({ "reasoning_content": "Hm.", "reasoning_details": [detail] })
}

pub(super) fn brought_back() -> Vec<Probe> {
    let refusal = |refusal: Value| json!([hello(), super::extend(json!({ "role": "assistant" }), refusal), { "role": "user", "content": "Go on." }]);
    let signed = json!({ "type": "reasoning.text", "provider": "anthropic", "format": "anthropic-claude-v1", "text": "Hm.", "signature": "c2ln" });
    let thought = json!({ "type": "reasoning.encrypted", "provider": "google", "format": "google-thought-signature-v1", "data": "c2ln", "start": 0, "end": 9 });
    vec![
        said(
            "messages[].refusal",
            "",
            json!([hello(), { "role": "user", "content": "Go on." }]),
            refusal(json!({ "refusal": "I cannot." })),
        ),
        brought("messages[].refusal", "beside content", json!({ "refusal": "I cannot." })),
        brought("messages[].name", "an assistant's", json!({ "name": "bot" })),
        brought("messages[].audio", "", json!({ "audio": { "id": "audio_1" } })),
        brought("messages[].reasoning_content", "", json!({ "reasoning_content": "Hm." })),
        brought("messages[].reasoning_details", "Anthropic's", details(signed)),
        brought("messages[].reasoning_details", "Google's", details(thought)),
        brought(
            "messages[].reasoning_details",
            "Cohere's",
            details(json!({ "type": "thinking", "provider": "cohere", "format": "cohere-v2", "text": "Hm." })),
        ),
        brought(
            "messages[].reasoning_details",
            "Mistral's",
            details(json!({ "type": "thinking", "provider": "mistral", "format": "mistral-v1", "text": "Hm." })),
        ),
        brought(
            "messages[].annotations",
            "",
            json!({ "annotations": [{ "type": "url_citation", "url_citation": { "url": "https://example.com", "title": "a", "start_index": 0, "end_index": 4 } }] }),
        ),
        brought("messages[].annotations", "empty", json!({ "annotations": [] })).asks_for_nothing(),
        brought("messages[].prefix", "", json!({ "prefix": true })),
        said(
            "messages[].prefix",
            "of the last message",
            json!([hello(), answer()]),
            json!([hello(), super::extend(answer(), json!({ "prefix": true }))]),
        ),
    ]
}
