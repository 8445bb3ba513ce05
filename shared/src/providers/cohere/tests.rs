//! The fixtures, and the ranges that are narrower than the dialect's.

use super::Cohere;
use crate::{
    openai::ChatRequest,
    providers::{Prepared, Provider, golden, model},
    usage::ModelCard,
};
use serde_json::{Value, json};

#[test]
fn every_fixture_translates_as_written() {
    golden::check(&Cohere);
}

#[test]
fn a_value_beyond_the_range_is_brought_to_its_end_and_named() {
    #[rustfmt::skip]
    let table = [
        ("temperature",       json!(1.0),  "temperature",       json!(1.0),  true,  "the end itself"),
        ("temperature",       json!(1.01), "temperature",       json!(1.0),  false, "the dialect goes to 2"),
        ("top_p",             json!(1),    "p",                 json!(0.99), true,  "as good as all tokens"),
        ("top_p",             json!(0),    "p",                 json!(0.01), true,  "as good as one token"),
        ("presence_penalty",  json!(-0.5), "presence_penalty",  json!(0.0),  false, "no rewards here"),
        ("frequency_penalty", json!(1.5),  "frequency_penalty", json!(1.0),  false, "the dialect goes to 2"),
    ];
    for (name, value, wire_name, sent, is_honoured, why) in table {
        let mut body = json!({ "model": "command-a-03-2025", "messages": [{ "role": "user", "content": "hi" }] });
        body[name] = value;
        let request = ChatRequest::parse(body.to_string().as_bytes()).expect(why);
        let card = model(&Cohere, &request.model).expect("a model");
        let prepared = Cohere.chat_request(card, &request).expect(why);
        let wire: Value = serde_json::from_slice(&prepared.body).expect("JSON");
        assert_eq!(wire[wire_name], sent, "{name}: {why}");
        assert_eq!(prepared.ignored.is_empty(), is_honoured, "{name}: {why}");
    }
}

#[test]
fn several_answers_are_refused_before_anything_is_spent() {
    let body = br#"{"model":"command-a-03-2025","n":2,"messages":[{"role":"user","content":"hi"}]}"#;
    let request = ChatRequest::parse(body).expect("a request in the dialect");
    let card = model(&Cohere, &request.model).expect("a model");
    assert_eq!(Cohere.chat_request(card, &request).expect_err("two answers").param.as_deref(), Some("n"));
}

fn prepare(id: &'static str, extra: &Value) -> Prepared {
    let mut body = json!({ "model": "command-a-03-2025", "messages": [{ "role": "user", "content": "hi" }] });
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
    let card = model(&Cohere, &request.model).expect("a model");
    Cohere.chat_request(&ModelCard { id: id.into(), ..card.clone() }, &request).expect("a request for Cohere")
}

fn wire(prepared: &Prepared) -> Value {
    serde_json::from_slice(&prepared.body).expect("JSON")
}

#[test]
fn only_a_model_that_thinks_is_told_how_much() {
    const THINKER: &str = "command-a-reasoning-08-2025";
    #[rustfmt::skip]
    let table = [
        (json!({}),                                                        json!(null)),
        (json!({ "reasoning_effort": "none" }),                            json!({ "type": "disabled" })),
        (json!({ "reasoning_effort": "low" }),                             json!({ "type": "enabled", "token_budget": 2048 })),
        (json!({ "reasoning_effort": "high" }),                            json!({ "type": "enabled" })),
        (json!({ "reasoning": { "max_tokens": 700 } }),                    json!({ "type": "enabled", "token_budget": 700 })),
        (json!({ "reasoning": { "enabled": false } }),                     json!({ "type": "disabled" })),
    ];
    for (asked, thinking) in table {
        let prepared = prepare(THINKER, &asked);
        assert_eq!(wire(&prepared).get("thinking").unwrap_or(&Value::Null), &thinking, "{asked}");
        assert!(prepared.ignored.is_empty(), "{asked}");
        let other = prepare("command-a-03-2025", &asked);
        assert!(wire(&other).get("thinking").is_none(), "{asked}");
        assert_eq!(other.ignored.is_empty(), thinking.is_null() || thinking["type"] == "disabled", "{asked}");
    }
}

#[test]
fn thoughts_go_back_to_a_model_that_has_them() {
    let said = json!({ "messages": [
        { "role": "user", "content": "a" },
        { "role": "assistant", "content": "b", "reasoning_content": "t",
          "reasoning_details": [{ "type": "thinking", "provider": "cohere", "format": "cohere-v2", "text": "t" }] },
        { "role": "user", "content": "c" },
    ] });
    let thinker = wire(&prepare("command-a-plus-05-2026", &said));
    let parts = json!([{ "type": "thinking", "thinking": "t" }, { "type": "text", "text": "b" }]);
    assert_eq!(thinker["messages"][1]["content"], parts);
    let other = wire(&prepare("command-a-03-2025", &said));
    assert_eq!(other["messages"][1], json!({ "role": "assistant", "content": "b" }));
}

#[test]
fn another_providers_thoughts_stay_away() {
    let said = json!({ "messages": [
        { "role": "user", "content": "a" },
        { "role": "assistant", "content": "b", "reasoning_content": "t", "reasoning_details": [{ "type": "thinking", "provider": "mistral", "text": "t" }] },
        { "role": "user", "content": "c" },
    ] });
    let prepared = prepare("command-a-reasoning-08-2025", &said);
    assert_eq!(wire(&prepared)["messages"][1]["content"], "b");
    assert!(prepared.ignored.is_empty());
}
