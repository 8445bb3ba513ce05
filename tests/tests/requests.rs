//! What a caller asks for that the gateway itself sees to: hidden thoughts, custom tools, options for embeddings.

use serde_json::{Value, json};
use supergate_tests::{app::App, canned::Canned};

async fn gateway(provider: &str, upstream: &Canned) -> App {
    App::start_with(&[(&format!("SUPERGATE_{provider}_URL"), &upstream.url())]).await
}

fn events(events: &[Value]) -> String {
    let named = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or("message"));
    events.iter().map(named).collect()
}

/// The signature is wanted back; the thought itself is for who wants to see it.
#[tokio::test]
async fn hidden_thoughts_leave_only_what_is_wanted_back() {
    let usage = json!({"input_tokens": 5, "output_tokens": 9});
    let blocks = json!([
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "text", "text": "Yes."},
    ]);
    let plain =
        json!({"id": "m", "model": "claude-haiku-4-5", "content": blocks, "stop_reason": "end_turn", "usage": usage});
    let stream = events(&[
        json!({"type": "message_start", "message": {"id": "m", "model": "claude-haiku-4-5", "content": [], "usage": usage}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Yes."}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}),
        json!({"type": "message_stop"}),
    ]);
    for exclude in [false, true] {
        let body = json!({"model": "anthropic/claude-haiku-4-5", "messages": [{"role": "user", "content": "Will it rain?"}],
            "reasoning": {"effort": "low", "exclude": exclude}});
        let upstream = Canned::answer(200, "application/json", plain.to_string()).await;
        let answer = gateway("ANTHROPIC", &upstream).await.chat(&body).await;
        let message = &answer.json()["choices"][0]["message"];
        assert_eq!(message["reasoning_content"] == "Hm.", !exclude, "{}", answer.text());
        assert_eq!(message["reasoning_details"][0]["signature"], "c2ln", "{}", answer.text());
        assert_eq!(answer.header("x-supergate-ignored-params"), "");

        let upstream = Canned::answer(200, "text/event-stream", &stream).await;
        let mut body = body.clone();
        body["stream"] = json!(true);
        let answer = gateway("ANTHROPIC", &upstream).await.chat(&body).await;
        assert_eq!(answer.stream().text, "Yes.", "{}", answer.text());
        assert_eq!(answer.text().contains("reasoning_content"), !exclude, "{}", answer.text());
        assert!(answer.text().contains("c2ln"), "{}", answer.text());
    }
}

/// What is neither signed nor encrypted nobody wants back.
#[tokio::test]
async fn thoughts_without_a_signature_are_hidden_whole() {
    let content =
        json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Yes."}]);
    let answer = json!({"id": "m", "model": "magistral-medium-latest", "created": 1, "usage": {"prompt_tokens": 5, "completion_tokens": 9},
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]});
    let upstream = Canned::answer(200, "application/json", answer.to_string()).await;
    let body = json!({"model": "mistral/magistral-medium-latest", "messages": [{"role": "user", "content": "Will it rain?"}],
        "reasoning": {"exclude": true}, "require_parameters": true});
    let answer = gateway("MISTRAL", &upstream).await.chat(&body).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Yes.", "{}", answer.text());
    assert!(!answer.text().contains("Hm."), "{}", answer.text());
}

#[tokio::test]
async fn a_custom_tools_call_is_streamed_as_one() {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!("data: {}\n\n", json!({"id": "c", "created": 1, "model": "gpt-5", "choices": [choice]}))
    };
    let stream = [
        chunk(json!({"role": "assistant", "content": null}), json!(null)),
        chunk(
            json!({"tool_calls": [{"index": 0, "id": "call_a", "type": "custom", "custom": {"name": "sum", "input": ""}}]}),
            json!(null),
        ),
        chunk(json!({"tool_calls": [{"index": 0, "custom": {"input": "4 + 4"}}]}), json!("tool_calls")),
        "data: [DONE]\n\n".into(),
    ];
    let upstream = Canned::answer(200, "text/event-stream", stream.concat()).await;
    let tool = json!({"type": "custom", "custom": {"name": "sum"}});
    let body = json!({"model": "openai/gpt-5", "stream": true, "tools": [tool], "messages": [{"role": "user", "content": "Add."}]});
    let answer = gateway("OPENAI", &upstream).await.chat(&body).await;
    let stream = answer.stream();
    let calls: Vec<_> = stream.chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]).collect();
    let calls: Vec<_> = calls.into_iter().filter(|call| !call.is_null()).collect();
    let begun = json!({"index": 0, "id": "call_a", "type": "custom", "custom": {"name": "sum", "input": ""}});
    assert_eq!(calls, [&begun, &json!({"index": 0, "custom": {"input": "4 + 4"}})], "{}", answer.text());
    assert_eq!(stream.finish_reason, "tool_calls");
}

#[tokio::test]
async fn an_option_for_embeddings_may_not_change_how_they_are_read() {
    let app = App::start().await;
    let body = json!({"model": "openai/text-embedding-3-small", "input": "a", "openai": {"encoding_format": "base64"}});
    let answer = app.embed(&body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["param"].clone()),
        (400, json!("openai.encoding_format"))
    );
    let body = json!({"model": "openai/text-embedding-3-small", "input": "a", "cohere": {"truncate": "END"}});
    let answer = app.embed(&body).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-supergate-ignored-params")), (200, ""), "{}", answer.text());
}
