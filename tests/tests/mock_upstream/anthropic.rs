//! Anthropic's own forms and rules.

use serde_json::{Value, json};
use supergate_tests::mock::MockUpstream;

use crate::client::{in_bern, joined, refuses, tell, weather, with};

fn asked(text: &str) -> Value {
    json!({"model": "claude-haiku-4-5", "max_tokens": 5000, "messages": [{"role": "user", "content": text}]})
}

fn tools() -> Value {
    json!([{"name": "weather", "input_schema": weather()}, {"name": "news", "input_schema": weather()}])
}

fn budget() -> Value {
    json!({"type": "enabled", "budget_tokens": 1024})
}

/// The kinds of the blocks that a stream begins, and all that comes for the block at `index`.
fn deltas_of(events: &[Value], index: u64) -> Vec<Value> {
    let ours = events.iter().filter(|event| event["index"] == index && event["type"] == "content_block_delta");
    ours.map(|event| event["delta"].clone()).collect()
}

#[tokio::test]
async fn calls_are_blocks_whose_input_comes_in_fragments() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let body = with(&asked("mock:calls=2 Bern"), json!({"tools": tools()}));
    let plain = tell(&mock, "anthropic", body.clone()).await.json();
    assert_eq!(plain["stop_reason"], "tool_use");
    let blocks = plain["content"].as_array().expect("blocks");
    assert_eq!(blocks.len(), 2);
    let events = tell(&mock, "anthropic", with(&body, json!({"stream": true}))).await.events();
    for (index, block) in blocks.iter().enumerate() {
        assert_eq!((&block["type"], &block["input"]), (&json!("tool_use"), &in_bern()));
        let deltas = deltas_of(&events, index as u64);
        assert_eq!((&deltas[0]["partial_json"], deltas.len() > 3), (&json!(""), true), "the first fragment is empty");
        let input: Value = serde_json::from_str(&joined(&deltas, "/partial_json")).expect("JSON");
        assert_eq!(input, block["input"]);
        let start =
            events.iter().find(|event| event["type"] == "content_block_start" && event["index"] == index as u64);
        let start = &start.expect("a start")["content_block"];
        assert!(start["id"].as_str().is_some_and(|id| id.starts_with("toolu_")) && start["input"] == json!({}));
    }
    #[rustfmt::skip]
    let table = [
        (json!({"type": "any"}),                                   1, "it must"),
        (json!({"type": "tool", "name": "news"}),                  2, "as often as asked"),
        (json!({"type": "auto", "disable_parallel_tool_use": true}), 1, "one at a time"),
        (json!({"type": "none"}),                                  0, "it must not"),
    ];
    for (choice, calls, why) in table {
        let text = if choice["type"] == "any" { "Bern" } else { "mock:calls=2 Bern" };
        let body = with(&asked(text), json!({"tools": tools(), "tool_choice": choice}));
        let answer = tell(&mock, "anthropic", body).await.json();
        let found = answer["content"].as_array().expect("blocks").iter().filter(|block| block["type"] == "tool_use");
        assert_eq!(found.count(), calls, "{choice}: {why}");
    }
}

#[tokio::test]
async fn thoughts_are_signed_and_must_come_back_as_they_were() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let body = with(&asked("mock:call Bern"), json!({"tools": tools(), "thinking": budget()}));
    let plain = tell(&mock, "anthropic", body.clone()).await.json();
    let (thought, call) = (&plain["content"][0], &plain["content"][1]);
    assert_eq!(thought["thinking"], r#"thinking about: "mock:call Bern""#);
    assert_eq!(plain["usage"]["output_tokens_details"]["thinking_tokens"], 4);
    assert_eq!(plain["usage"]["output_tokens"], 4 + 2, "the thought, the name, the arguments without a space");
    let events = tell(&mock, "anthropic", with(&body, json!({"stream": true}))).await.events();
    let deltas = deltas_of(&events, 0);
    assert_eq!(joined(&deltas, "/thinking"), *thought["thinking"].as_str().expect("text"));
    assert_eq!(joined(&deltas, "/signature"), *thought["signature"].as_str().expect("text"));

    let result =
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "rain"}]});
    let back =
        |blocks: Value| json!({"messages": [body["messages"][0], {"role": "assistant", "content": blocks}, result]});
    let changed = with(thought, json!({"thinking": "of something else"}));
    let more = with(&body, asked("mock:redact mock:call Bern"));
    let redacted = tell(&mock, "anthropic", more).await.json()["content"][1].clone();
    let cut = with(&redacted, json!({"data": "x"}));
    let forged = with(thought, json!({"signature": "c2lnbmVk"}));
    #[rustfmt::skip]
    let table = [
        (back(json!([thought, call])), "",                                          "as it was"),
        (back(json!([changed, call])), "Invalid `signature` in `thinking` block",   "it is the signature of other words"),
        (back(json!([forged, call])),  "Invalid `signature` in `thinking` block",   "and this is none"),
        (back(json!([call])),          "Expected `thinking` or `redacted_thinking`, but found `tool_use`", "not without it"),
        (back(json!([redacted, call])), "",                                         "a hidden one will do"),
        (back(json!([cut, call])),     "Invalid `data` in `redacted_thinking` block", "but this is none"),
    ];
    refuses(&mock, "anthropic", &body, &table).await;
    let answer = tell(&mock, "anthropic", with(&body, back(json!([thought, call])))).await.json();
    let text = answer["content"][1]["text"].as_str().expect("text");
    assert!(text.contains(r#"results: weather="rain""#), "{text}");

    let hidden = json!({"model": "claude-opus-5", "thinking": {"type": "adaptive"}});
    let answer = tell(&mock, "anthropic", with(&asked("hi"), hidden)).await.json();
    assert_eq!(answer["content"][0]["thinking"], "", "not shown since Opus 4.7, but signed");
    assert!(answer["content"][0]["signature"].as_str().is_some_and(|signature| !signature.is_empty()));
    let again = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": answer["content"]}, {"role": "user", "content": "on"}]);
    assert_eq!(tell(&mock, "anthropic", with(&asked(""), json!({"messages": again}))).await.status, 200);
}

#[tokio::test]
async fn schemas_sources_and_refusals_have_their_places() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let format = json!({"output_config": {"format": {"type": "json_schema", "schema": weather()}}});
    let answer = tell(&mock, "anthropic", with(&asked("Bern"), format)).await.json();
    assert_eq!(answer["content"][0]["text"], in_bern().to_string());
    for stream in [false, true] {
        let reply = tell(&mock, "anthropic", with(&asked("mock:cite mock:words=2"), json!({"stream": stream}))).await;
        let (events, pointer) = match stream {
            true => (reply.events(), "/delta/citation"),
            false => (vec![reply.json()], "/content/0/citations/0"),
        };
        let source = events.iter().find_map(|event| event.pointer(pointer)).expect("a citation");
        assert_eq!(
            (&source["type"], &source["url"]),
            (&json!("web_search_result_location"), &json!("https://example.com/source"))
        );
        let reply = tell(&mock, "anthropic", with(&asked("mock:refuse"), json!({"stream": stream}))).await;
        let (events, pointer) = match stream {
            true => (reply.events(), "/delta/stop_reason"),
            false => (vec![reply.json()], "/stop_reason"),
        };
        assert_eq!(joined(&events, pointer), "refusal");
        assert!(!reply.body.contains("text_delta"));
    }
}

#[tokio::test]
async fn what_anthropic_refuses_of_turns() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let user = json!({"role": "user", "content": "hi"});
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "weather", "input": {}});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "r"});
    let text = json!({"type": "text", "text": "and"});
    let turns = |calls: Value, results: Value| json!({"messages": [user, {"role": "assistant", "content": calls}, {"role": "user", "content": results}]});
    let said = |role: &str, block: Value| json!({"messages": [user, {"role": role, "content": [block]}]});
    #[rustfmt::skip]
    let table = [
        (turns(json!([call("a")]), json!([result("a"), text])), "", "results, then words"),
        (turns(json!([call("a")]), json!([text, result("a")])), "without `tool_result` blocks immediately after: a", "words, then results"),
        (turns(json!([call("a"), call("b")]), json!([result("a")])), "immediately after: b", "one of two"),
        (turns(json!([text]), json!([result("a")])), "unexpected `tool_use_id`", "a result of nothing"),
        (turns(json!([call("a")]), json!([result("a"), result("a")])), "must have a single result", "two of one"),
        (turns(json!([call("a"), call("a")]), json!([result("a")])), "ids must be unique", "two of one name"),
        (turns(json!([call("a.b")]), json!([result("a.b")])), "'^[a-zA-Z0-9_-]+$'", "ids are plain"),
        (json!({"messages": [user, {"role": "assistant", "content": [call("a")]}, {"role": "user", "content": [result("a")]}, user]}), "", "two turns of the user are one"),
        (said("user", call("a")), "can only be in `assistant` messages", "users do not call"),
        (said("assistant", result("a")), "can only be in `user` messages", "results come from outside"),
        (json!({"messages": [user, {"role": "assistant", "content": "so "}]}), "trailing whitespace", "it could not go on"),
        (json!({"model": "claude-opus-4-6", "messages": [user, {"role": "assistant", "content": "so"}]}), "prefill", "and newer ones do not"),
        (said("user", json!({"type": "text", "text": "hi", "detail": "low"})), "Extra inputs are not permitted", "no field that it does not know"),
        (said("user", json!({"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "AAAA"}})), "image/webp", "four kinds"),
        (said("user", json!({"type": "image", "source": {"type": "url", "url": "http://a"}})), "HTTPS", "not in the clear"),
    ];
    refuses(&mock, "anthropic", &asked("hi"), &table).await;
}

#[tokio::test]
async fn what_anthropic_refuses_of_fields() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let schema = |schema: Value| json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}});
    let with_budget = |fields: Value| with(&fields, json!({"thinking": budget()}));
    let mark = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
    #[rustfmt::skip]
    let table = [
        (schema(json!({"type": "object", "properties": {}})), "'additionalProperties' must be explicitly set to false", "objects are closed"),
        (schema(json!({"type": "integer", "minimum": 1})), "properties minimum are not supported", "no limits"),
        (json!({"output_format": {"type": "json_schema"}}), "Use 'output_config.format' instead", "the name it had"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 1000}}), "greater than or equal to 1024", "too little"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 5000}}), "`max_tokens` must be greater", "all of it"),
        (json!({"thinking": {"type": "adaptive"}}), "adaptive thinking is not supported", "4.6 was the first"),
        (json!({"model": "claude-sonnet-4-6", "thinking": {"type": "adaptive"}}), "", "takes both"),
        (json!({"model": "claude-sonnet-4-6", "thinking": budget()}), "", "takes both"),
        (json!({"model": "claude-opus-4-7", "thinking": budget()}), "\"thinking.type.enabled\" is not supported", "and 4.6 the last"),
        (json!({"model": "claude-sonnet-5", "thinking": {"type": "adaptive", "budget_tokens": 2000}}), "thinking.adaptive.budget_tokens: Extra inputs", "one or the other"),
        (json!({"model": "claude-3-haiku-20240307", "thinking": budget()}), "does not support thinking", "too old"),
        (with_budget(json!({"tools": tools(), "tool_choice": {"type": "any"}})), "forces tool use", "no thought where there is no choice"),
        (with_budget(json!({"temperature": 0.5})), "may only be set to 1", "thoughts have their own"),
        (with_budget(json!({"top_k": 5})), "`top_k` must be unset", "the same"),
        (with_budget(json!({"top_p": 0.5})), "`top_p` must be greater", "the same"),
        (json!({"output_config": {"effort": "low"}}), "does not support the effort", "small ones have none"),
        (json!({"model": "claude-opus-4-6", "output_config": {"effort": "xhigh"}}), "effort level 'xhigh'", "not that hard"),
        (json!({"tool_choice": {"type": "auto"}}), "while providing tools", "nothing to choose from"),
        (json!({"tools": tools(), "tool_choice": {"type": "tool", "name": "x"}}), "not found in provided tools", "must be offered"),
        (json!({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}), "tools.0.custom.name", "names are plain"),
        (json!({"tools": [{"name": "a", "input_schema": {}}]}), "tools.0.custom.input_schema.type", "arguments are named"),
        (json!({"tools": [{"name": "a", "input_schema": {"type": "object", "oneOf": []}}]}), "at the top level", "no choice at the top"),
        (json!({"tools": [{"name": "a", "input_schema": {"type": "object"}}, {"name": "a", "input_schema": {"type": "object"}}]}), "unique", "two of one name"),
        (json!({"system": [mark, mark, mark, mark, mark]}), "A maximum of 4 blocks", "four marks"),
        (json!({"system": [mark, mark, mark, mark]}), "", "four marks"),
    ];
    refuses(&mock, "anthropic", &asked("hi"), &table).await;
}
