//! Mistral's own forms and rules.

use serde_json::{Value, json};
use supergate_tests::mock::MockUpstream;

use crate::client::{in_bern, joined, refuses, tell, weather, with};

fn asked(text: &str) -> Value {
    json!({"model": "mistral-small-latest", "messages": [{"role": "user", "content": text}]})
}

fn tools() -> Value {
    let tool = |name| json!({"type": "function", "function": {"name": name, "parameters": weather()}});
    json!([tool("weather"), tool("news")])
}

#[tokio::test]
async fn calls_come_whole_and_all_at_once() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let body = with(&asked("mock:calls=2 Bern"), json!({"tools": tools()}));
    let plain = tell(&mock, "mistral", body.clone()).await.json();
    let message = &plain["choices"][0]["message"];
    assert_eq!((&plain["choices"][0]["finish_reason"], &message["content"]), (&json!("tool_calls"), &json!("")));
    let events = tell(&mock, "mistral", with(&body, json!({"stream": true}))).await.events();
    assert_eq!(events.len(), 2, "the role, and all the rest");
    let streamed = &events[1]["choices"][0]["delta"]["tool_calls"];
    assert_eq!(events[1]["choices"][0]["finish_reason"], "tool_calls");
    let calls = message["tool_calls"].as_array().expect("calls");
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    for (index, call) in calls.iter().enumerate() {
        assert_eq!(streamed[index]["function"], call["function"]);
        assert_eq!((call["id"].as_str().map(str::len), &call["index"]), (Some(9), &json!(index)));
        let arguments: Value =
            serde_json::from_str(call["function"]["arguments"].as_str().expect("text")).expect("JSON");
        assert_eq!(arguments, in_bern());
    }
    for (choice, calls) in [
        (json!("any"), 1),
        (json!("required"), 1),
        (json!("none"), 0),
        (json!({"type": "function", "function": {"name": "news"}}), 1),
    ] {
        let body = with(&asked("Bern"), json!({"tools": tools(), "tool_choice": choice}));
        let answer = tell(&mock, "mistral", body).await.json();
        assert_eq!(answer["choices"][0]["message"]["tool_calls"].as_array().map_or(0, Vec::len), calls, "{choice}");
    }
}

#[tokio::test]
async fn thoughts_schemas_and_references_are_parts_of_the_content() {
    let mock = MockUpstream::start().await.expect("a port is free");
    for fields in [json!({"reasoning_effort": "high"}), json!({"prompt_mode": "reasoning"})] {
        let plain = tell(&mock, "mistral", with(&asked("hi"), fields.clone())).await.json();
        let content = &plain["choices"][0]["message"]["content"];
        let thought = content[0]["thinking"][0]["text"].as_str().expect("text");
        assert_eq!(thought, "thinking about: \"hi\"");
        let words = content[1]["text"].as_str().expect("text").split(' ').count() as u64;
        assert_eq!(plain["usage"]["completion_tokens"], 3 + words, "not told apart");
        let events = tell(&mock, "mistral", with(&asked("hi"), with(&fields, json!({"stream": true})))).await.events();
        assert_eq!(joined(&events, "/choices/0/delta/content/0/thinking/0/text"), thought);
        assert_eq!(joined(&events, "/choices/0/delta/content"), *content[1]["text"].as_str().expect("text"));
    }
    let format = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": weather()}}});
    let answer = tell(&mock, "mistral", with(&asked("Bern"), format)).await.json();
    assert_eq!(answer["choices"][0]["message"]["content"], in_bern().to_string());
    let plain = tell(&mock, "mistral", asked("mock:cite mock:words=2")).await.json();
    let reference = json!({"type": "reference", "reference_ids": [0]});
    assert_eq!(
        plain["choices"][0]["message"]["content"],
        json!([{"type": "text", "text": "word1"}, reference, {"type": "text", "text": " word2"}])
    );
    let events = tell(&mock, "mistral", with(&asked("mock:cite mock:words=2"), json!({"stream": true}))).await.events();
    assert_eq!(events[2]["choices"][0]["delta"]["content"], json!([reference]));
}

#[tokio::test]
async fn what_mistral_refuses() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let user = json!({"role": "user", "content": "hi"});
    let call = |id: &str| json!({"role": "assistant", "tool_calls": [{"id": id, "function": {"name": "weather", "arguments": "{}"}}]});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "name": "weather", "content": "r"});
    let (good, other) = ("abcDEF123", "abcDEF124");
    let named = |name: &str| json!({"tools": [{"type": "function", "function": {"name": name}}]});
    #[rustfmt::skip]
    let table = [
        (json!({"messages": [user, call(good), result(good)]}), "", "answered"),
        (json!({"messages": [user, call("call_abc123"), result("call_abc123")]}), "\"3280\"", "nine letters and digits"),
        (json!({"messages": [user, call(good), result("a")]}), "must be a-z, A-Z, 0-9, with a length of 9", "the same of a result"),
        (json!({"messages": [user, result(good)]}), "Unexpected role 'tool' after role 'user'", "a result of nothing"),
        (json!({"messages": [user, call(good), result(good), user]}), "Unexpected role 'user' after role 'tool'", "the assistant has the word"),
        (json!({"messages": [user, call(good), user]}), "Not the same number of function calls", "a call without a result"),
        (json!({"messages": [user, call(good), result(other)]}), "Unexpected tool call id", "a result of another"),
        (json!({"messages": [user, {"role": "assistant", "content": "hi"}]}), "\"3230\"", "nobody asks"),
        (json!({"messages": [user, {"role": "assistant", "content": "hi", "prefix": true}]}), "", "it is to go on"),
        (json!({"messages": [user, {"role": "assistant", "content": ""}, user]}), "\"3240\"", "it says nothing"),
        (named("a.b"), "Function name was a.b", "names are plain"),
        (json!({"tools": tools(), "tool_choice": {"type": "function", "function": {"name": "x"}}}), "not one of the tools", "must be offered"),
        (json!({"tools": tools(), "tool_choice": "some"}), "tool_choice", "a word that it knows"),
        (json!({"tools": [{"type": "web_search"}]}), "tools", "functions alone"),
        (json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "http://a"}]}]}), "https", "not in the clear"),
        (json!({"response_format": {"type": "json_schema"}}), "Field required", "with a schema"),
    ];
    refuses(&mock, "mistral", &asked("hi"), &table).await;
}
