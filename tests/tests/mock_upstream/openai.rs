//! OpenAI's own forms and rules.

use serde_json::{Value, json};
use supergate_tests::mock::MockUpstream;

use crate::client::{in_bern, joined, refuses, tell, weather, with};

fn asked(text: &str) -> Value {
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]})
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": weather()}})
}

fn called(ids: &[&str]) -> Value {
    let call = |id: &&str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": "{}"}});
    json!({"role": "assistant", "content": null, "tool_calls": ids.iter().map(call).collect::<Vec<_>>()})
}

#[tokio::test]
async fn calls_are_the_same_plain_and_in_fragments() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let tools = json!({"tools": [tool("weather"), tool("news")]});
    let body = with(&asked("mock:calls=2 Bern"), tools);
    let plain = tell(&mock, "openai", body.clone()).await.json();
    let choice = &plain["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("tool_calls"), &Value::Null));
    let calls = choice["message"]["tool_calls"].as_array().expect("calls");
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[0]["id"], calls[1]["id"]);

    let events = tell(&mock, "openai", with(&body, json!({"stream": true}))).await.events();
    for (index, call) in calls.iter().enumerate() {
        assert_eq!(call["function"]["name"], ["weather", "news"][index]);
        let arguments: Value =
            serde_json::from_str(call["function"]["arguments"].as_str().expect("text")).expect("JSON");
        assert_eq!(arguments, in_bern());
        let deltas = events.iter().filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0"));
        let ours: Vec<Value> = deltas.filter(|delta| delta["index"] == index as u64).cloned().collect();
        assert!(ours.len() > 3, "in several fragments");
        assert!(ours[0]["id"].as_str().is_some_and(|id| id.starts_with("call_")) && ours[0]["type"] == "function");
        assert_eq!(joined(&ours, "/function/arguments"), call["function"]["arguments"]);
    }
    assert_eq!(events[events.len() - 1]["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn the_choice_among_tools_is_kept_to() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let only = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "news"}}]}});
    #[rustfmt::skip]
    let table = [
        (json!("auto"),     "Bern",              vec![],                  "nothing is due"),
        (json!("none"),     "mock:call Bern",    vec![],                  "it must not"),
        (json!("required"), "Bern",              vec!["weather"],         "it must, and the first will do"),
        (json!({"type": "function", "function": {"name": "news"}}), "Bern", vec!["news"], "it must call this one"),
        (only,              "Bern",              vec!["news"],            "it must call one of these"),
        (json!("auto"),     "mock:calls=3 Bern", vec!["weather", "news", "weather"], "fewer tools than calls"),
    ];
    for (choice, text, names, why) in table {
        let body = with(&asked(text), json!({"tools": [tool("weather"), tool("news")], "tool_choice": choice}));
        let message = tell(&mock, "openai", body.clone()).await.json()["choices"][0]["message"].clone();
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        let called: Vec<&str> = calls.iter().filter_map(|call| call["function"]["name"].as_str()).collect();
        assert_eq!(called, names, "{choice} {text}: {why}");
        let one = tell(&mock, "openai", with(&body, json!({"parallel_tool_calls": false}))).await.json();
        let calls = one["choices"][0]["message"]["tool_calls"].as_array().map_or(0, Vec::len);
        assert_eq!(calls, names.len().min(1), "{choice} {text}: one at a time");
    }
    let custom = json!({"tools": [{"type": "custom", "custom": {"name": "sql"}}]});
    for stream in [false, true] {
        let body = with(&asked("mock:call select it"), with(&custom, json!({"stream": stream})));
        let reply = tell(&mock, "openai", body).await;
        let (events, step) = if stream { (reply.events(), "delta") } else { (vec![reply.json()], "message") };
        let said = joined(&events, &format!("/choices/0/{step}/tool_calls/0/custom/input"));
        assert_eq!(said, "select it", "a custom tool takes any text");
    }
    let body =
        json!({"functions": [{"name": "weather", "parameters": weather()}], "function_call": {"name": "weather"}});
    let legacy = tell(&mock, "openai", with(&asked("Bern"), body.clone())).await.json();
    assert_eq!(legacy["choices"][0]["message"]["function_call"]["name"], "weather");
    let events = tell(&mock, "openai", with(&asked("Bern"), with(&body, json!({"stream": true})))).await.events();
    let arguments = joined(&events, "/choices/0/delta/function_call/arguments");
    assert_eq!(serde_json::from_str::<Value>(&arguments).expect("JSON"), in_bern());
    assert_eq!(events[events.len() - 1]["choices"][0]["finish_reason"], "function_call");
}

#[tokio::test]
async fn effort_log_probabilities_refusals_and_sources_have_their_places() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let body = with(&asked("one two"), json!({"model": "gpt-5", "reasoning_effort": "low"}));
    let answer = tell(&mock, "openai", body).await.json();
    let usage = &answer["usage"];
    let words = answer["choices"][0]["message"]["content"].as_str().expect("text").split(' ').count() as u64;
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 4, r#"thinking about: "one two""#);
    assert_eq!(usage["completion_tokens"], words + 4, "and they are part of the completion");
    assert_eq!(mock.bill()[0].output_tokens, words + 4);

    let body = with(&asked("mock:words=2"), json!({"logprobs": true, "top_logprobs": 1}));
    let answer = tell(&mock, "openai", body.clone()).await.json();
    let token = &answer["choices"][0]["logprobs"]["content"][1];
    assert_eq!((&token["token"], &token["logprob"]), (&json!(" word2"), &json!(-0.25)));
    assert_eq!(token["top_logprobs"][0]["token"], " word2");
    let events = tell(&mock, "openai", with(&body, json!({"stream": true}))).await.events();
    assert_eq!(joined(&events, "/choices/0/logprobs/content/0/token"), "word1 word2");

    for stream in [false, true] {
        let refused = tell(&mock, "openai", with(&asked("mock:refuse"), json!({"stream": stream}))).await;
        let cited = tell(&mock, "openai", with(&asked("mock:cite mock:words=2"), json!({"stream": stream}))).await;
        let (refused, cited, step) = match stream {
            true => (refused.events(), cited.events(), "delta"),
            false => (vec![refused.json()], vec![cited.json()], "message"),
        };
        assert_eq!(joined(&refused, &format!("/choices/0/{step}/refusal")), "I cannot help with that.");
        let found =
            cited.iter().find_map(|event| event.pointer(&format!("/choices/0/{step}/annotations/0/url_citation")));
        let source = json!({"end_index": 5, "start_index": 0, "title": "Source", "url": "https://example.com/source"});
        assert_eq!(found, Some(&source));
    }
}

#[tokio::test]
async fn what_openai_refuses_of_tools_and_models() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let named = |name: &str| json!([{"type": "function", "function": {"name": name}}]);
    let strict =
        |schema: Value| json!([{"type": "function", "function": {"name": "f", "strict": true, "parameters": schema}}]);
    let optional = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": [], "additionalProperties": false});
    let open = json!({"type": "object", "properties": {}, "required": []});
    let tools = json!([tool("weather")]);
    #[rustfmt::skip]
    let table = [
        (json!({"metadata": {"a": "b"}}), "only allowed when 'store' is enabled", "kept for what is stored"),
        (json!({"metadata": {"a": "b"}, "store": true}), "", "which this is"),
        (json!({"tools": []}), "empty_array", "no tools is not a list of none"),
        (json!({"tools": named("a.b")}), "does not match pattern", "names are plain"),
        (json!({"tool_choice": "auto"}), "only allowed when 'tools' are specified", "nothing to choose from"),
        (json!({"parallel_tool_calls": false}), "only allowed when 'tools' are specified", "nothing to call"),
        (json!({"tools": tools, "tool_choice": {"type": "function", "function": {"name": "x"}}}), "not found in 'tools'", "must be offered"),
        (json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}]}), "type: \"object\"", "arguments are named"),
        (json!({"tools": strict(optional)}), "Missing 'a'", "strict: all are required"),
        (json!({"tools": strict(open)}), "'additionalProperties' is required", "strict: and nothing else"),
        (json!({"tools": strict(weather())}), "", "strict and right"),
        (json!({"reasoning_effort": "low"}), "Unrecognized request argument", "it does not think"),
        (json!({"model": "gpt-5", "reasoning_effort": "xhigh"}), "Supported values are", "not that hard"),
        (json!({"model": "gpt-5.4", "tools": tools, "reasoning_effort": "low"}), "/v1/responses", "thinking with tools is for the other API"),
        (json!({"model": "gpt-5.4", "tools": tools}), "", "silence is none"),
        (json!({"model": "gpt-5.6-luna", "tools": tools}), "/v1/responses", "silence is some"),
        (json!({"model": "gpt-5.6-luna", "tools": tools, "reasoning_effort": "none"}), "", "none is none"),
        (json!({"model": "gpt-5", "stop": ["x"]}), "'stop' is not supported", "thinkers do not stop"),
        (json!({"model": "gpt-5.4-mini", "stop": ["x"]}), "'stop' is not supported", "later ones neither"),
        (json!({"model": "o3", "presence_penalty": 1}), "'presence_penalty' is not supported", "nor are they punished"),
        (json!({"model": "o4-mini", "max_tokens": 5}), "max_completion_tokens", "the old name counts no thoughts"),
        (json!({"model": "o3", "logprobs": true}), "not allowed to request logprobs", "403"),
        (json!({"top_logprobs": 2}), "'logprobs' is enabled", "one needs the other"),
    ];
    refuses(&mock, "openai", &asked("hi"), &table).await;
}

#[tokio::test]
async fn what_openai_refuses_of_messages_and_schemas() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let (user, result) = (
        json!({"role": "user", "content": "hi"}),
        |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "r"}),
    );
    let part = |part: Value| json!([{"role": "user", "content": [part]}]);
    let format =
        |schema: Value| json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}});
    let deep = json!({"type": "object", "properties": {"a": {"type": "object"}}, "required": ["a"], "additionalProperties": false});
    #[rustfmt::skip]
    let table = [
        (json!({"messages": [user, result("a")]}), "preceeding message with 'tool_calls'", "a result of nothing"),
        (json!({"messages": [user, called(&["a"]), user]}), "did not have response messages: a", "a call without a result"),
        (json!({"messages": [user, called(&["a", "b"]), result("a")]}), "did not have response messages: b", "one of two"),
        (json!({"messages": [user, called(&["a"]), result("b")]}), "'tool_call_id' of 'b' not found", "a result of another"),
        (json!({"messages": [user, called(&["b", "a"]), result("a"), result("b"), user]}), "", "all of them, in any order"),
        (json!({"messages": part(json!({"type": "text", "text": "hi", "cache_control": {}}))}), "Unknown parameter", "marks are for others"),
        (json!({"messages": part(json!({"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AAAA"}}))}), "invalid_image_format", "four kinds"),
        (json!({"messages": part(json!({"type": "file", "file": {"file_data": "data:text/plain;base64,AAAA"}}))}), "application/pdf", "PDF alone"),
        (json!({"messages": part(json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "ogg"}}))}), "'wav', 'mp3'", "two kinds"),
        (json!({"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a"}}]}, user]}), "role 'user'", "only users show"),
        (json!({"response_format": {"type": "json_object"}}), "must contain the word 'json'", "or it would write spaces for ever"),
        (json!({"response_format": format(deep)}), "In context=('properties', 'a')", "at any depth"),
        (json!({"response_format": format(json!({"type": "array"}))}), "type: \"object\"", "an object at the top"),
        (json!({"response_format": format(weather()), "model": "gpt-4-turbo"}), "not supported with this model", "before gpt-4o"),
    ];
    refuses(&mock, "openai", &asked("hi"), &table).await;
}
