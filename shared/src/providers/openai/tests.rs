//! The fixtures, and what is not passed on.

use super::OpenAi;
use crate::{
    openai::ChatRequest,
    providers::{AnswerError, FailureKind, Provider, golden, model},
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

/// What a model refuses is left out and named, rather than sent for a 400.
#[test]
fn what_a_model_refuses_is_left_out_and_named() {
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    #[rustfmt::skip]
    let table = [
        ("gpt-4o",                     json!({ "temperature": 0.5, "top_p": 0.5, "stop": "a", "logprobs": true }), json!([])),
        ("o4-mini",                    json!({ "temperature": 0.5, "top_p": 0.5, "stop": "a", "logprobs": true }), json!(["logprobs", "temperature", "top_p", "stop"])),
        ("gpt-5.4",                    json!({ "temperature": 0.5, "reasoning_effort": "none" }),                  json!([])),
        ("gpt-5.4",                    json!({ "temperature": 0.5, "reasoning_effort": "low" }),                   json!(["temperature"])),
        ("gpt-5.4",                    json!({ "tools": tools, "reasoning_effort": "low" }),                       json!(["reasoning_effort"])),
        ("gpt-5.6",                    json!({ "tools": tools }),                                                  json!([])),
        ("gpt-5",                      json!({ "prediction": { "type": "content", "content": "a" } }),             json!(["prediction"])),
        ("gpt-4o-mini-search-preview", json!({ "stop": "a", "temperature": 0.5 }),                                 json!(["temperature", "stop"])),
        ("gpt-audio",                  json!({ "logprobs": true }),                                                json!(["logprobs"])),
        ("gpt-4o",                     json!({ "reasoning": { "enabled": false } }),                               json!([])),
        ("gpt-4o",                     json!({ "reasoning_effort": "high" }),                                      json!(["reasoning_effort"])),
        ("gpt-4o",                     json!({ "parallel_tool_calls": true }),                                     json!([])),
        ("gpt-5",                      json!({ "verbosity": "low" }),                                              json!([])),
        ("gpt-4o",                     json!({ "verbosity": "low" }),                                              json!(["verbosity"])),
        ("o3",                         json!({ "verbosity": "medium" }),                                           json!([])),
        ("gpt-5",                      json!({ "metadata": { "a": "b" }, "store": true }),                         json!(["metadata", "store"])),
        ("o3",                         json!({ "tools": tools, "parallel_tool_calls": false }),                    json!([])),
    ];
    for (name, fields, ignored) in table {
        let mut body = json!({ "model": name, "messages": [{ "role": "user", "content": "hi" }] });
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
        let prepared = OpenAi.chat_request(model(&OpenAi, name).expect("a model"), &request).expect("a request");
        assert_eq!(json!(prepared.ignored), ignored, "{name} {fields}");
        let wire: Value = serde_json::from_slice(&prepared.body).expect("JSON");
        let sent = |field: &Value| wire.get(field.as_str().unwrap_or_default()).is_some_and(|value| value != "none");
        assert!(!ignored.as_array().expect("an array").iter().any(sent), "{name} {fields}");
    }
}

/// Another provider's signatures, and fields that nobody here knows, are not OpenAI's to see.
#[test]
fn what_a_message_carries_for_others_stays_here() {
    let body = json!({
        "model": "gpt-4o-mini",
        "messages": [
            { "role": "user", "content": "hi", "mood": "good", "cache_control": { "type": "ephemeral" } },
            { "role": "assistant", "content": "a", "reasoning_content": "b", "reasoning_details": [{ "type": "c" }], "annotations": [] },
        ],
        "require_parameters": false,
    });
    let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
    let card = model(&OpenAi, &request.model).expect("a model");
    let prepared = OpenAi.chat_request(card, &request).expect("a request");
    let wire: Value = serde_json::from_slice(&prepared.body).expect("JSON");
    let messages = json!([{ "role": "user", "content": "hi" }, { "role": "assistant", "content": "a" }]);
    assert_eq!(wire, json!({ "model": "gpt-4o-mini", "messages": messages }));
    assert_eq!(prepared.ignored, ["cache_control", "messages[].mood"]);
}

/// Servers that pass other models' answers on do that.
#[test]
fn an_error_with_a_good_status_is_an_error_all_the_same() {
    let body = json!({ "error": { "message": "slow", "type": "requests", "code": "rate_limit_exceeded" } });
    let error = OpenAi.chat_answer(body.to_string().as_bytes()).expect_err("no answer");
    let AnswerError::Failed(failure) = error else { panic!("{error:?}") };
    assert_eq!((failure.kind, failure.message.as_deref()), (FailureKind::RateLimited, Some("slow")));
}
