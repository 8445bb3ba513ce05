//! Any change of any field is another namespace, but for those that are set aside. Which fields there are is read from the source.

use super::*;
use crate::tenancy::ids::{KeyId, PersonId, TenantId};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

const CHAT: &str = include_str!("../../openai/chat.rs");
const CONTENT: &str = include_str!("../../openai/content.rs");
const TOOLS: &str = include_str!("../../openai/tools.rs");
const FORMAT: &str = include_str!("../../openai/format.rs");
const NAMESPACE: &str = include_str!("../namespace.rs");

/// The names of a struct's public fields.
fn fields_of(source: &str, name: &str) -> BTreeSet<String> {
    let start = source.find(&format!("pub struct {name}")).unwrap_or_else(|| panic!("{name} is nowhere"));
    let body = source[start..].split_once("{\n").expect("a body").1.split_once("\n}").expect("an end").0;
    let field =
        |line: &str| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0.trim_start_matches("r#").to_owned());
    body.lines().filter_map(field).collect()
}

fn surroundings() -> Surroundings<'static> {
    Surroundings {
        tenant: TenantId::generate(Duration::from_secs(1)),
        key: None,
        person: None,
        sharing: Sharing::Key,
        label: None,
        endpoint: "chat.completions",
        provider: "p",
        model: "m",
        embedder: "e/1",
    }
}

/// A request in which everything is set, so that each thing can be changed and taken away.
fn full() -> Value {
    json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief.", "name": "sys"},
            {"role": "user", "name": "ann", "content": [
                {"type": "text", "text": "What is in these?", "cache_control": {"type": "ephemeral"}, "x": 1},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low", "y": 1}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav", "z": 1}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "file_id": "f", "filename": "a.pdf", "w": 1}},
            ]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}], "refusal": "no", "reasoning_content": "hm",
                "reasoning_details": [{"text": "hm"}], "cache_control": {"type": "ephemeral"}, "v": 1,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}", "u": 1}, "t": 1},
                    {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "x"}},
                ]},
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
            {"role": "user", "content": "And the next?"},
        ],
        "temperature": 0.5, "top_p": 0.9, "n": 1, "stop": ["a", "b"], "max_completion_tokens": 10,
        "tools": [
            {"type": "function", "cache_control": {"type": "ephemeral"}, "s": 1,
                "function": {"name": "look", "description": "looks", "parameters": {"type": "object"}, "strict": true, "r": 1}},
            {"type": "custom", "custom": {"name": "run", "q": 1}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "response_format": {"type": "json_schema", "p": 1,
            "json_schema": {"name": "n", "description": "d", "schema": {"type": "object", "a": 1}, "strict": true, "o": 1}},
        "require_parameters": true,
        "seed": 7, "frequency_penalty": 0.1, "presence_penalty": 0.1, "logit_bias": {"1": 2}, "reasoning_effort": "low", "verbosity": "low",
        "reasoning": {"effort": "low"}, "service_tier": "flex", "modalities": ["text"], "logprobs": false, "something_new": [1],
        "web_search_options": {"a": 1}, "prediction": {"type": "content", "content": "x"}, "parallel_tool_calls": false,
    })
}

fn keys_of(body: &Value) -> Keys {
    let surroundings = surroundings();
    let request: ChatRequest = serde_json::from_value(body.clone()).expect("a request");
    let fixed = Surroundings { tenant: TenantId::from_uuid(uuid::Uuid::nil()), ..surroundings };
    keys(&fixed, &request)
}

/// Every place in a body, as a JSON pointer, with whether it is a leaf.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    if !at.is_empty() {
        all.push(at.to_owned());
    }
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), all)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, value)| places(value, &format!("{at}/{i}"), all)),
        _ => {}
    }
}

fn changed(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("{text}x")),
        Value::Number(number) if number.is_f64() => json!(number.as_f64().expect("a number") / 2.0),
        Value::Number(number) => json!(number.as_u64().expect("a number") + 1),
        Value::Bool(value) => json!(!value),
        other => other.clone(),
    }
}

fn taken_away(body: &Value, place: &str) -> Value {
    let (parent, name) = place.rsplit_once('/').expect("a place");
    let mut body = body.clone();
    match body.pointer_mut(parent).expect("a parent") {
        Value::Object(members) => drop(members.shift_remove(name)),
        Value::Array(items) => drop(items.remove(name.parse::<usize>().expect("an index"))),
        _ => {}
    }
    body
}

#[test]
fn any_change_of_any_field_is_a_miss() {
    let body = full();
    let before = keys_of(&body).namespace;
    let mut all = Vec::new();
    places(&body, "", &mut all);
    let mut tried = 0;
    for place in all.iter().filter(|place| !place.starts_with("/model") && *place != "/messages/4/content") {
        let mut other = body.clone();
        let value = other.pointer_mut(place).expect("a place");
        let is_leaf = !value.is_object() && !value.is_array();
        *value = changed(value);
        // What does not parse in another form cannot be looked up either.
        // A call and a choice without a type are a function's.
        let is_default = ["/messages/2/tool_calls/0/type", "/tool_choice/type"].contains(&place.as_str());
        let without = (!is_default).then(|| taken_away(&body, place));
        for body in [is_leaf.then_some(other), without].into_iter().flatten() {
            if serde_json::from_value::<ChatRequest>(body.clone()).is_ok() {
                assert_ne!(keys_of(&body).namespace, before, "{place} is not in the namespace");
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "only {tried} changes were tried");
}

#[test]
fn every_field_of_every_type_of_the_request_is_in_the_body_that_is_changed() {
    let mut all = Vec::new();
    places(&full(), "", &mut all);
    let named: BTreeSet<&str> = all.iter().filter_map(|place| place.rsplit('/').next()).collect();
    #[rustfmt::skip]
    let types = [
        (CHAT, "ChatRequest"), (CHAT, "Message"), (CONTENT, "Part"), (CONTENT, "ImageUrl"), (CONTENT, "InputAudio"), (CONTENT, "FileInput"),
        (TOOLS, "Tool"), (TOOLS, "CustomTool"), (TOOLS, "Function"), (TOOLS, "ToolCall"), (TOOLS, "FunctionCall"), (TOOLS, "CustomCall"),
        (FORMAT, "ResponseFormat"), (FORMAT, "JsonSchema"),
    ];
    #[rustfmt::skip]
    let elsewhere = [
        ("kind", "is called `type` in a body"), ("other", "is the rest of a body"), ("legacy_functions", "comes with `functions`"),
        ("function_call", "is among the calls of a parsed request"), ("max_tokens", "is the older name of `max_completion_tokens`"),
    ];
    for (source, name) in types {
        for field in fields_of(source, name) {
            let known = named.contains(field.as_str())
                || elsewhere.iter().any(|(name, _)| *name == field)
                || SET_ASIDE.iter().any(|(name, _)| *name == field);
            assert!(known, "{name}.{field} is new: give it a value in `full`, or a reason among what is set aside");
        }
    }
}

#[test]
fn the_surroundings_are_in_the_namespace_each_of_them() {
    let request: ChatRequest = serde_json::from_value(full()).expect("a request");
    let plain = surroundings();
    let key = KeyId::generate(Duration::from_secs(2));
    #[rustfmt::skip]
    let table = [
        ("tenant",   Surroundings { tenant: TenantId::generate(Duration::from_secs(9)), ..plain }),
        ("key",      Surroundings { key: Some(key), ..plain }),
        ("person",   Surroundings { person: Some(PersonId::generate(Duration::from_secs(2))), ..plain }),
        ("sharing",  Surroundings { sharing: Sharing::Tenant, ..plain }),
        ("label",    Surroundings { label: Some(""), ..plain }),
        ("endpoint", Surroundings { endpoint: "responses", ..plain }),
        ("provider", Surroundings { provider: "q", ..plain }),
        ("model",    Surroundings { model: "n", ..plain }),
        ("embedder", Surroundings { embedder: "e/2", ..plain }),
    ];
    let named: BTreeSet<String> = table.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(fields_of(NAMESPACE, "Surroundings<'a>"), named);
    for (name, other) in table {
        assert_ne!(keys(&other, &request).namespace, keys(&plain, &request).namespace, "{name}");
    }
}

#[test]
fn what_is_set_aside_changes_nothing_and_a_user_changes_whom_it_is_for() {
    let before = keys_of(&full());
    for (name, why) in SET_ASIDE.iter().filter(|(name, _)| *name != "user") {
        let mut body = full();
        body[*name] = if *name == "stream" { json!(true) } else { json!({"include_usage": true}) };
        assert_eq!(keys_of(&body), before, "{name}: {why}");
    }
    let mut body = full();
    body["user"] = json!("ann");
    assert_ne!(keys_of(&body).namespace, before.namespace, "another person's answer");
    let mut request: ChatRequest = serde_json::from_value(body).expect("a request");
    let shared = Surroundings { sharing: Sharing::Tenant, ..surroundings() };
    let with = keys(&shared, &request).namespace;
    request.other.shift_remove("user");
    assert_eq!(with, keys(&shared, &request).namespace, "the tenant said that its people share");
}

#[test]
fn only_what_a_person_said_last_may_match_loosely() {
    let ask = |content: Value| keys_of(&json!({"model": "m", "messages": [{"role": "user", "content": content}]}));
    let (one, same, other) =
        (ask(json!("How do I sort a list?")), ask(json!("how can I sort lists")), ask(json!("How do I sort a file?")));
    assert_eq!(one.namespace, same.namespace);
    assert_ne!(one.exact, same.exact);
    assert_eq!(one.canonical, same.canonical);
    assert_ne!(one.canonical, other.canonical);
    assert_eq!(one, ask(json!([{"type": "text", "text": "How do I sort a list?"}])), "one part of text is a text");
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let seen = ask(json!([{"type": "text", "text": "How do I sort a list?"}, image]));
    assert_eq!((seen.canonical, &seen.prompt), (None, &None));
    assert_ne!(seen.namespace, one.namespace);
}
