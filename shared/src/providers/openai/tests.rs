//! The fixtures, and what is not passed on.

use super::OpenAi;
use crate::{
    openai::ChatRequest,
    providers::{Provider, golden, model},
};
use serde_json::{Value, json};

#[test]
fn every_fixture_translates_as_written() {
    golden::check(&OpenAi);
}

/// OpenAI answers an empty `tools`, a `tool_choice` without tools and our own `models` with a 400.
#[test]
fn what_asks_for_nothing_is_left_out_and_what_is_new_is_named() {
    let body = json!({
        "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "hi" }],
        "tools": [], "tool_choice": "none", "models": [], "tomorrow": { "b": 1, "a": 2 },
    });
    let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
    let card = model(&OpenAi, &request.model).expect("a model");
    let prepared = OpenAi.chat_request(card, &request).expect("a text request");
    let wire: Value = serde_json::from_slice(&prepared.body).expect("JSON");
    assert_eq!(wire, json!({ "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "hi" }] }));
    assert_eq!(prepared.ignored, ["tomorrow"]);
}

/// A tier has its own price; one that is not in the price list would be billed at another than it is charged.
#[test]
fn a_tier_without_a_price_is_refused() {
    for (tier, passes) in [("auto", true), ("default", true), ("flex", false), ("priority", false)] {
        let body = json!({
            "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "hi" }], "service_tier": tier,
        });
        let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
        let card = model(&OpenAi, &request.model).expect("a model");
        assert_eq!(OpenAi.chat_request(card, &request).is_ok(), passes, "{tier}");
    }
}
