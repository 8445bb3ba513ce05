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

#[test]
fn each_generation_of_models_is_told_to_think_in_its_own_way() {
    let low = json!({ "reasoning_effort": "low" });
    let off = json!({ "reasoning_effort": "none" });
    let xhigh = json!({ "reasoning": { "effort": "xhigh" } });
    let tokens = json!({ "reasoning": { "max_tokens": 3000 } });
    let short = json!({ "reasoning_effort": "high", "max_completion_tokens": 2000 });
    let tiny = json!({ "reasoning_effort": "high", "max_tokens": 1024 });
    let both = json!({ "reasoning": { "effort": "high", "max_tokens": 9000 }, "max_tokens": 4000 });
    let budget = |tokens: u32| json!({ "type": "enabled", "budget_tokens": tokens });
    let adaptive = json!({ "type": "adaptive", "display": "summarized" });
    let disabled = json!({ "type": "disabled" });
    #[rustfmt::skip]
    let table = [
        ("claude-3-haiku-20240307",    &low,    json!(null),  json!(null),    4096,  vec!["reasoning_effort"],     "it cannot think"),
        ("claude-3-haiku-20240307",    &off,    json!(null),  json!(null),    4096,  vec![],                       "which is what is asked"),
        ("claude-3-7-sonnet-20250219", &low,    budget(4096), json!(null),    20480, vec![],                       "room for the answer is added"),
        ("claude-sonnet-4-5",          &tokens, budget(3000), json!(null),    19384, vec![],                       "as given"),
        ("claude-sonnet-4-5",          &short,  budget(1600), json!(null),    2000,  vec![],                       "a caller's limit holds"),
        ("claude-sonnet-4-5",          &both,   budget(3999), json!(null),    4000,  vec!["reasoning.max_tokens"], "for a budget too"),
        ("claude-sonnet-4-5",          &tiny,   json!(null),  json!(null),    1024,  vec!["reasoning_effort"],     "no budget fits"),
        ("claude-sonnet-4-5",          &off,    disabled.clone(), json!(null), 16384, vec![],                      "off"),
        ("claude-sonnet-4-6",          &low,    adaptive.clone(), json!("low"), 16384, vec![],                     "by effort"),
        ("claude-sonnet-4-6",          &tokens, budget(3000), json!(null),    19384, vec![],                       "or by budget"),
        ("claude-opus-4-6",            &xhigh,  adaptive.clone(), json!("high"), 16384, vec!["reasoning"],         "its efforts have a gap"),
        ("claude-opus-4-7",            &xhigh,  adaptive.clone(), json!("xhigh"), 16384, vec![],                   "that was filled"),
        ("claude-opus-4-7",            &tokens, adaptive.clone(), json!(null), 16384, vec!["reasoning.max_tokens"], "budgets are gone"),
        ("claude-opus-5",              &off,    disabled,     json!(null),    16384, vec![],                       "it thinks unless told otherwise"),
        ("claude-fable-5",             &off,    json!(null),  json!(null),    16384, vec!["reasoning_effort"],     "it always thinks"),
        ("claude-fable-5",             &low,    adaptive,     json!("low"),   16384, vec![],                       "as hard as it is told"),
    ];
    for (model, wish, thinking, effort, max_tokens, ignored, why) in table {
        let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
        body.as_object_mut().expect("an object").extend(wish.as_object().expect("an object").clone());
        let (prepared, body) = prepare(&body);
        assert_eq!(body["thinking"], thinking, "{model}: {why}");
        assert_eq!(body["output_config"]["effort"], effort, "{model}: {why}");
        assert_eq!(body["max_tokens"], max_tokens, "{model}: {why}");
        assert_eq!(prepared.ignored, ignored, "{model}: {why}");
    }
}

#[test]
fn a_call_that_is_forced_is_made_without_a_thought() {
    for (model, effort) in [("claude-sonnet-4-5", json!(null)), ("claude-opus-4-8", json!("high"))] {
        let (prepared, body) = prepare(&json!({
            "model": model, "messages": [{ "role": "user", "content": "hi" }], "reasoning_effort": "high", "temperature": 1,
            "tools": [{ "type": "function", "function": { "name": "f" } }], "tool_choice": "required",
        }));
        assert_eq!((&body["thinking"], &body["output_config"]["effort"]), (&json!(null), &effort), "{model}");
        assert_eq!(prepared.ignored, ["reasoning_effort"], "{model}");
    }
}

#[test]
fn what_an_answer_thought_goes_back_as_it_came() {
    let blocks = json!([
        { "type": "thinking", "thinking": "Hm.", "signature": "c2ln" },
        { "type": "text", "text": "Zürich. " },
        { "type": "redacted_thinking", "data": "ZGF0YQ==" },
        { "type": "text", "text": "I look." },
        { "type": "tool_use", "id": "toolu_1", "name": "f", "input": { "b": 1, "a": 2.5 } },
        { "type": "thinking", "thinking": "", "signature": "c2lo" },
        { "type": "tool_use", "id": "toolu_2", "name": "f", "input": {} },
    ]);
    let answer = json!({ "id": "msg_1", "model": "m", "content": blocks, "stop_reason": "tool_use" });
    let answer = Anthropic.chat_answer(answer.to_string().as_bytes()).expect("an answer");
    let choice = &answer.choices[0];
    let (_, body) = prepare(&json!({ "model": "claude-sonnet-4-6", "messages": [
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": choice.text, "reasoning_content": choice.reasoning,
          "reasoning_details": choice.reasoning_details, "tool_calls": choice.tool_calls },
        { "role": "tool", "tool_call_id": "toolu_1", "content": "1" },
        { "role": "tool", "tool_call_id": "toolu_2", "content": "2" },
    ] }));
    assert_eq!(body["messages"][1]["content"], blocks);
    assert_eq!(body["messages"][2]["content"].as_array().map(Vec::len), Some(2), "results share a turn");
}

#[test]
fn what_is_under_an_id_that_anthropic_never_gave_does_not_go_back() {
    #[rustfmt::skip]
    let table = [
        (json!({ "type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {} }),       true,  "theirs"),
        (json!({ "type": "server_tool_use", "id": "a.b", "name": "web_search", "input": {} }),              false, "a dot"),
        (json!({ "type": "server_tool_use", "id": "", "name": "web_search", "input": {} }),                 false, "empty"),
        (json!({ "type": "server_tool_use", "id": 7, "name": "web_search", "input": {} }),                  false, "a number"),
        (json!({ "type": "web_search_tool_result", "tool_use_id": "a b", "content": [] }),                  false, "of another call"),
        (json!({ "type": "compaction", "content": "So far." }),                                             true,  "without an id"),
    ];
    for (block, goes_back, why) in table {
        let detail = json!({ "type": "provider.content", "provider": "anthropic", "content": block });
        let (_, body) = prepare(&json!({ "model": "claude-sonnet-4-6", "messages": [
            { "role": "user", "content": "hi" },
            { "role": "assistant", "content": "Well.", "reasoning_details": [detail] },
            { "role": "user", "content": "go on" },
        ] }));
        let sent = body["messages"][1]["content"].as_array().expect("blocks");
        assert_eq!(sent.contains(&block), goes_back, "{why}");
    }
}

#[test]
fn a_schema_that_cannot_be_had_is_named() {
    #[rustfmt::skip]
    let table = [
        (json!({ "type": "string", "maxLength": 3 }),                                                 vec!["response_format.json_schema.schema.maxLength"], "kept as words"),
        (json!({ "type": "object", "additionalProperties": { "type": "string" } }),                   vec!["response_format.json_schema.schema.additionalProperties"], "no open objects"),
        (json!({ "type": "object", "additionalProperties": true }),                                   vec![],                  "a closed one fits too"),
        (json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "string" } } }),                      vec![],                  "a reference"),
        (json!({ "$ref": "#/$defs/a", "$defs": { "a": { "anyOf": [{ "$ref": "#/$defs/a" }] } } }),    vec!["response_format"], "a circle"),
        (json!({ "$ref": "https://example.com/schema" }),                                             vec!["response_format"], "elsewhere"),
        (json!({ "type": "string", "pattern": "^(?=a)" }),                                            vec!["response_format.json_schema.schema.pattern"], "a look-ahead"),
        (json!({ "type": "object", "properties": { "maximum": { "type": "integer" } } }),             vec![],                  "a name is no keyword"),
    ];
    for (schema, ignored, why) in table {
        let (prepared, _) = prepare(&json!({
            "model": "claude-opus-5", "messages": [{ "role": "user", "content": "hi" }],
            "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": schema } },
        }));
        assert_eq!(prepared.ignored, ignored, "{why}");
    }
}

#[test]
fn the_schema_of_an_input_is_an_object_of_todays_draft() {
    let empty = json!({ "type": "object", "properties": {} });
    #[rustfmt::skip]
    let table = [
        (json!(null),                                                       empty.clone(), "absent"),
        (json!({}),                                                         empty,         "empty"),
        (json!({ "type": ["object", "null"], "properties": {} }),           json!({ "type": "object", "properties": {} }), "or nothing"),
        (json!({ "properties": { "a": { "minimum": 1, "exclusiveMinimum": true } } }),
            json!({ "type": "object", "properties": { "a": { "exclusiveMinimum": 1 } } }), "an old bound"),
        (json!({ "properties": { "a": { "items": [{ "type": "string" }] } } }),
            json!({ "type": "object", "properties": { "a": { "prefixItems": [{ "type": "string" }] } } }), "an old tuple"),
        (json!({ "allOf": [{ "properties": { "a": {} }, "required": ["a"] }] }),
            json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] }), "all of several"),
    ];
    for (parameters, wanted, why) in table {
        let (_, body) = prepare(&json!({
            "model": "claude-haiku-4-5", "messages": [{ "role": "user", "content": "hi" }],
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": parameters } }],
        }));
        assert_eq!(body["tools"][0]["input_schema"], wanted, "{why}");
    }
}
