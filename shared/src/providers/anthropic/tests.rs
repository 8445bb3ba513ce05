//! The fixtures, and the rules that differ between models.

use super::Anthropic;
use crate::{
    crypto::ProviderKey,
    openai::ChatRequest,
    providers::{Prepared, Provider, golden, model},
};
use serde_json::{Value, json};

fn prepare(body: &Value) -> (Prepared, Value) {
    let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
    let card = model(&Anthropic, &request.model).expect("a model");
    let prepared = Anthropic.chat_request(card, &request).expect("a request that can be honoured");
    let body = serde_json::from_slice(&prepared.body).expect("JSON");
    (prepared, body)
}

#[test]
fn every_fixture_translates_as_written() {
    golden::check(&Anthropic);
}

#[test]
fn the_key_has_a_header_of_its_own() {
    let (name, value) = Anthropic.authorize(&ProviderKey::new("secret".into())).expect("plain text");
    assert_eq!((name.as_str(), value.as_bytes(), value.is_sensitive()), ("x-api-key", &b"secret"[..], true));
}

#[test]
fn each_generation_of_models_takes_its_own_sampling() {
    #[rustfmt::skip]
    let table = [
        ("claude-3-haiku-20240307",  json!(0.5),  json!(0.9),  json!(0.5),  json!(0.9),  vec![],                       "the first takes both"),
        ("claude-sonnet-4-20250514", json!(0.5),  json!(0.9),  json!(0.5),  json!(0.9),  vec![],                       "as does Sonnet 4"),
        ("claude-opus-4-1",          json!(0.5),  json!(0.9),  json!(0.5),  json!(null), vec!["top_p"],                "from Opus 4.1 on one of the two"),
        ("claude-sonnet-4-6",        json!(0.5),  json!(1),    json!(0.5),  json!(null), vec![],                       "1 is the default and asks for nothing"),
        ("claude-haiku-4-5",         json!(1),    json!(0.9),  json!(null), json!(0.9),  vec![],                       "of temperature too"),
        ("claude-haiku-4-5",         json!(1),    json!(1),    json!(1.0),  json!(null), vec![],                       "both defaults"),
        ("claude-haiku-4-5",         json!(1.7),  json!(null), json!(1.0),  json!(null), vec!["temperature"],          "the range ends at 1"),
        ("claude-opus-4-7",          json!(0.5),  json!(0.9),  json!(null), json!(null), vec!["temperature", "top_p"], "from Opus 4.7 on neither"),
        ("claude-sonnet-5",          json!(1),    json!(1),    json!(null), json!(null), vec![],                       "whose defaults are what is asked"),
        ("claude-fable-5",           json!(2),    json!(null), json!(null), json!(null), vec!["temperature"],          "and hotter is not offered"),
    ];
    for (model, temperature, top_p, sent_temperature, sent_top_p, ignored, why) in table {
        let (prepared, body) = prepare(&json!({
            "model": model, "temperature": temperature, "top_p": top_p, "messages": [{ "role": "user", "content": "hi" }],
        }));
        assert_eq!((&body["temperature"], &body["top_p"]), (&sent_temperature, &sent_top_p), "{model}: {why}");
        assert_eq!(prepared.ignored, ignored, "{model}: {why}");
    }
}

#[test]
fn a_last_word_of_the_model_is_continued_where_that_is_allowed() {
    for (model, turns) in [("claude-sonnet-4-5", 2), ("claude-opus-4-6", 3), ("claude-opus-5", 3)] {
        let (_, body) = prepare(&json!({
            "model": model, "messages": [{ "role": "user", "content": "hi" }, { "role": "assistant", "content": "So" }],
        }));
        assert_eq!(body["messages"].as_array().map(Vec::len), Some(turns), "{model}");
    }
}
