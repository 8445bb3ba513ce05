//! Cohere's own forms and rules.

use serde_json::{Value, json};
use supergate_tests::mock::MockUpstream;

use crate::client::{in_bern, joined, refuses, tell, weather, with};

fn asked(text: &str) -> Value {
    json!({"model": "command-a-03-2025", "messages": [{"role": "user", "content": text}]})
}

fn tools() -> Value {
    let tool = |name| json!({"type": "function", "function": {"name": name, "parameters": weather()}});
    json!([tool("weather"), tool("news")])
}

#[tokio::test]
async fn calls_have_a_plan_and_events_of_their_own() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let body = with(&asked("mock:calls=2 Bern"), json!({"tools": tools()}));
    let plain = tell(&mock, "cohere", body.clone()).await.json();
    let message = &plain["message"];
    assert_eq!((&plain["finish_reason"], &message["tool_plan"]), (&json!("TOOL_CALL"), &json!("I will call weather.")));
    assert_eq!(message.get("content"), None);
    assert_eq!(plain["usage"]["billed_units"]["output_tokens"], 4 + 2 + 2, "the plan is billed too");
    let reply = tell(&mock, "cohere", with(&body, json!({"stream": true}))).await;
    let events = reply.events();
    assert_eq!(joined(&events, "/delta/message/tool_plan"), "I will call weather.");
    for (index, call) in message["tool_calls"].as_array().expect("calls").iter().enumerate() {
        let arguments = call["function"]["arguments"].as_str().expect("text");
        assert_eq!(serde_json::from_str::<Value>(arguments).expect("JSON"), in_bern());
        let ours: Vec<Value> = events.iter().filter(|event| event["index"] == index as u64).cloned().collect();
        let kinds: Vec<&str> = ours.iter().filter_map(|event| event["type"].as_str()).collect();
        assert_eq!(
            (kinds[0], kinds[1], kinds[kinds.len() - 1]),
            ("tool-call-start", "tool-call-delta", "tool-call-end")
        );
        let begun = &ours[0]["delta"]["message"]["tool_calls"];
        assert_eq!((&begun["function"]["name"], begun["id"].is_string()), (&call["function"]["name"], true));
        assert_eq!(joined(&ours, "/delta/message/tool_calls/function/arguments"), arguments);
    }
    for (choice, text, calls) in [("REQUIRED", "Bern", 1), ("none", "mock:call Bern", 0)] {
        let body = with(&asked(text), json!({"tools": tools(), "tool_choice": choice}));
        let answer = tell(&mock, "cohere", body).await.json();
        assert_eq!(answer["message"]["tool_calls"].as_array().map_or(0, Vec::len), calls, "{choice}");
    }
}

#[tokio::test]
async fn thoughts_schemas_and_citations_have_their_places() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let thinking = json!({"thinking": {"type": "enabled"}});
    let plain = tell(&mock, "cohere", with(&asked("hi"), thinking.clone())).await.json();
    let content = &plain["message"]["content"];
    assert_eq!(content[0], json!({"type": "thinking", "thinking": "thinking about: \"hi\""}));
    assert_eq!(plain["usage"]["tokens"]["reasoning_tokens"], 3);
    let words = content[1]["text"].as_str().expect("text").split(' ').count() as u64;
    assert_eq!(plain["usage"]["billed_units"]["output_tokens"], 3 + words);
    let events = tell(&mock, "cohere", with(&asked("hi"), with(&thinking, json!({"stream": true})))).await.events();
    assert_eq!(joined(&events, "/delta/message/content/thinking"), *content[0]["thinking"].as_str().expect("text"));
    assert_eq!(joined(&events, "/delta/message/content/text"), *content[1]["text"].as_str().expect("text"));
    let called =
        tell(&mock, "cohere", with(&asked("mock:call"), with(&thinking, json!({"tools": tools()})))).await.json();
    assert_eq!(called["message"].get("tool_plan"), None, "the thought is the plan");

    let format = json!({"response_format": {"type": "json_object", "json_schema": weather()}});
    let answer = tell(&mock, "cohere", with(&asked("Bern"), format)).await.json();
    assert_eq!(answer["message"]["content"][0]["text"], in_bern().to_string());
    let plain = tell(&mock, "cohere", asked("mock:cite mock:words=2")).await.json();
    let events = tell(&mock, "cohere", with(&asked("mock:cite mock:words=2"), json!({"stream": true}))).await.events();
    let streamed =
        events.iter().find_map(|event| event.pointer("/delta/message/citations").filter(|found| found.is_object()));
    assert_eq!(streamed, plain["message"]["citations"].get(0), "alone in an event, one of a list in a body");
    assert_eq!((&streamed.expect("one")["start"], &streamed.expect("one")["end"]), (&json!(0), &json!(5)));
    let body = with(&asked("mock:words=2"), json!({"logprobs": true}));
    let answer = tell(&mock, "cohere", body).await.json();
    assert_eq!(answer["logprobs"][1], json!({"text": " word2", "token_ids": [1], "logprobs": [-0.25]}));
}

#[tokio::test]
async fn what_cohere_refuses() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let user = json!({"role": "user", "content": "hi"});
    let call = |id: &str| json!({"role": "assistant", "tool_plan": "so", "tool_calls": [{"id": id, "type": "function", "function": {"name": "weather", "arguments": "{}"}}]});
    let result = |id: &str, content: Value| json!({"role": "tool", "tool_call_id": id, "content": content});
    let format = |schema: Value| json!({"response_format": {"type": "json_object", "json_schema": schema}});
    let document = json!([{"type": "document", "document": {"data": {"sky": "grey"}}}]);
    let optional = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let function = |function: Value| json!([{"type": "function", "function": function}]);
    #[rustfmt::skip]
    let table = [
        (json!({"messages": [user, call("a"), result("a", json!("r"))]}), "", "answered"),
        (json!({"messages": [user, call("a"), result("a", document)]}), "", "with a document"),
        (json!({"messages": [user, call("a"), result("b", json!("r"))]}), "tool call id b not found", "a result of nothing"),
        (json!({"messages": [user, call("a"), user]}), "missing tool results", "a call without a result"),
        (json!({"messages": [{"role": "user", "content": [{"type": "document", "document": {"data": "x"}}]}]}), "role tool", "documents come from tools"),
        (with(&format(weather()), json!({"tools": tools()})), "in combination with tools", "one or the other"),
        (with(&json!({"response_format": {"type": "json_object"}}), json!({"documents": ["x"]})), "tools or documents", "one or the other"),
        (format(json!({"properties": {}})), "missing required field 'type'", "it says what it is"),
        (format(optional.clone()), "at least one required field", "something must be there"),
        (format(json!({"type": "object", "required": ["a"], "properties": {"a": {"oneOf": []}}})), "'oneOf' is not supported", "no such choice"),
        (json!({"response_format": {"type": "json_schema"}}), "not one of text, json_object", "not a type of its own"),
        (json!({"tool_choice": "REQUIRED"}), "only be specified with tools", "nothing to choose from"),
        (json!({"tools": tools(), "tool_choice": "AUTO"}), "REQUIRED, NONE", "silence is auto"),
        (json!({"tools": function(json!({"name": "f", "strict": true}))}), "unknown field", "strictness is for all or none"),
        (json!({"tools": function(json!({"name": "f", "parameters": optional})), "strict_tools": true}), "at least one required", "and needs something to keep to"),
        (json!({"thinking": {"type": "adaptive"}}), "thinking.type", "on or off"),
    ];
    refuses(&mock, "cohere", &asked("hi"), &table).await;
}
