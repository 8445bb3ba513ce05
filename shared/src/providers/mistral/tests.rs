//! The fixtures, and what an error may repeat.

use super::{Mistral, ids};
use crate::{
    openai::ChatRequest,
    providers::{Provider, golden, model},
};
use serde_json::{Value, json};

#[test]
fn every_fixture_translates_as_written() {
    golden::check(&Mistral);
}

#[test]
fn an_error_never_repeats_what_the_caller_said() {
    let body = br#"{"detail":[{"loc":["body","messages",0],"msg":"Field required","input":"my secret prompt","ctx":{"x":"secret"}}]}"#;
    let failure = Mistral.failure(422, body);
    assert!(!format!("{failure:?}").contains("secret"), "{failure:?}");
}

#[test]
fn the_front_ends_words_are_read_too() {
    for body in
        [r#"{"message":"no Route matched with those values"}"#, r#"{"detail":"no Route matched with those values"}"#]
    {
        assert_eq!(
            Mistral.failure(404, body.as_bytes()).message.as_deref(),
            Some("no Route matched with those values")
        );
    }
}

fn wire(model_id: &str, messages: &Value) -> Value {
    let body = json!({ "model": model_id, "messages": messages });
    let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
    let prepared = Mistral.chat_request(model(&Mistral, model_id).expect("a model"), &request).expect("a request");
    serde_json::from_slice(&prepared.body).expect("JSON")
}

#[test]
fn an_id_of_another_provider_becomes_one_of_mistrals() {
    assert_eq!(ids::for_mistral("a1B2c3D4e"), "a1B2c3D4e", "Mistral's own");
    let foreign = ["call_1", "call_2", "toolu_01A09q90qw90lq917835lq9", "", "a1B2c3D4\u{e9}", "call-1234"];
    let mut made: Vec<_> = foreign.map(ids::for_mistral).into();
    assert_eq!(made, foreign.map(ids::for_mistral), "always the same");
    assert!(made.iter().all(|id| id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{made:?}");
    made.sort();
    made.dedup();
    assert_eq!(made.len(), foreign.len(), "different ones stay different");
}

#[test]
fn between_a_tool_and_a_person_older_models_say_something() {
    let messages = json!([
        { "role": "user", "content": "a" },
        { "role": "assistant", "tool_calls": [{ "id": "call_1", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": "call_1", "content": "r" },
        { "role": "user", "content": "b" },
    ]);
    let roles = |id: &str| {
        let wire = wire(id, &messages);
        let roles = wire["messages"].as_array().expect("messages").iter().map(|one| one["role"].clone());
        roles.collect::<Vec<_>>()
    };
    assert_eq!(roles("mistral-large-latest"), ["user", "assistant", "tool", "assistant", "user"]);
    assert_eq!(roles("mistral-small-latest"), ["user", "assistant", "tool", "user"]);
    let wire = wire("mistral-large-latest", &messages);
    assert_eq!(wire["messages"][1]["tool_calls"][0]["id"], wire["messages"][2]["tool_call_id"]);
}

#[test]
fn thoughts_go_back_only_to_a_model_that_thinks() {
    let messages = json!([
        { "role": "user", "content": "a" },
        { "role": "assistant", "content": "b", "reasoning_content": "t" },
        { "role": "user", "content": "c" },
    ]);
    let parts = json!([
        { "type": "thinking", "thinking": [{ "type": "text", "text": "t" }] },
        { "type": "text", "text": "b" },
    ]);
    assert_eq!(wire("magistral-medium-latest", &messages)["messages"][1]["content"], parts);
    assert_eq!(wire("mistral-large-latest", &messages)["messages"][1]["content"], "b");
}

/// An answer in the older form of tools has room for one call, so no second one is asked for.
#[test]
fn the_older_form_of_tools_has_one_call_at_a_time() {
    let body = json!({
        "model": "mistral-large-latest", "messages": [{ "role": "user", "content": "hi" }], "functions": [{ "name": "f" }],
    });
    let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
    let prepared =
        Mistral.chat_request(model(&Mistral, &request.model).expect("a model"), &request).expect("a request");
    let wire: Value = serde_json::from_slice(&prepared.body).expect("JSON");
    assert_eq!(wire["parallel_tool_calls"], false);
}
