//! The fixtures, and the ranges that are narrower than the dialect's.

use super::Cohere;
use crate::{
    openai::ChatRequest,
    providers::{Provider, golden, model},
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
