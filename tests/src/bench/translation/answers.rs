//! Streams of a hundred events, written by each provider's documentation: an answer in words, then two calls side by side.

use serde_json::{Value, json};

/// Content events of a stream, calls included.
const CHUNKS: usize = 100;
/// Fragments of one call's arguments, where the provider sends fragments.
const FRAGMENTS: usize = 16;

/// What is called, and with what.
pub const TOOLS: &[(&str, &str); 2] = &[
    (
        "find_trains",
        r#"{"from": "Zürich HB", "to": "Milano Centrale", "date": "2025-11-03", "seats": 2, "class": "second", "changes": {"most": 1}}"#,
    ),
    (
        "find_hotels",
        r#"{"city": "Milano", "arrival": "2025-11-03", "nights": 3, "near": "Stazione Centrale, \"Piazza Duca d'Aosta\"", "price": {"most": 180}}"#,
    ),
];

const WORDS: &str = "I will look for a train that leaves Zürich in the morning, and for a room near the station — both at once,\n\
    so that you can compare the \"whole\" price.\n\n- First the connections: which trains run, how long they take and where one changes.\n\
    - Then the hotels: no more than ten minutes on foot, quiet, with breakfast (or a café nearby).\n\nOne moment, please: ";

/// A server-sent event.
pub struct Event {
    name: Option<String>,
    pub data: String,
}

impl Event {
    pub fn on_the_wire(&self) -> Vec<u8> {
        let name = self.name.as_ref().map(|name| format!("event: {name}\n")).unwrap_or_default();
        format!("{name}data: {}\n\n", self.data).into_bytes()
    }
}

/// The stream of a provider.
pub fn events(provider: &str) -> Vec<Event> {
    match provider {
        "openai" => openai(),
        "anthropic" => anthropic(),
        "google" => google(),
        "cohere" => cohere(),
        "mistral" => mistral(),
        other => panic!("{other}: no stream was written for it"),
    }
}

/// <https://platform.openai.com/docs/api-reference/chat-streaming>: a token in each chunk, and everything else in each chunk.
fn openai() -> Vec<Event> {
    let chunk = |delta: Value, finish_reason: Value| {
        json!({
            "id": "chatcmpl-BqTr4nS7aTe0fChunks", "object": "chat.completion.chunk", "created": 1_760_000_000,
            "model": "gpt-4o-mini-2024-07-18", "service_tier": "default", "system_fingerprint": "fp_50cad350e4",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}],
            "usage": null,
        })
    };
    let delta = |delta: Value| chunk(delta, Value::Null);
    let mut chunks = vec![delta(json!({"role": "assistant", "content": "", "refusal": null}))];
    chunks.extend(texts(CHUNKS - 2 * (FRAGMENTS + 1), 1).map(|text| delta(json!({"content": text}))));
    for (index, (name, arguments)) in TOOLS.iter().enumerate() {
        let function = json!({"name": name, "arguments": ""});
        let call =
            json!({"index": index, "id": format!("call_9pTk2mN4vQx{index}"), "type": "function", "function": function});
        chunks.push(delta(json!({"tool_calls": [call]})));
        let more = |text| delta(json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]}));
        chunks.extend(fragments(arguments).map(more));
    }
    chunks.push(chunk(json!({}), json!("tool_calls")));
    let mut last = chunk(json!({}), Value::Null);
    last["choices"] = json!([]);
    last["usage"] = json!({
        "prompt_tokens": 1180, "completion_tokens": 212, "total_tokens": 1392,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    });
    chunks.push(last);
    unnamed(chunks, true)
}

/// <https://platform.claude.com/docs/en/build-with-claude/streaming>: some words in each event.
fn anthropic() -> Vec<Event> {
    let usage = json!({
        "input_tokens": 156, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 1024,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 4, "service_tier": "standard",
    });
    let message = json!({
        "id": "msg_01BqTr4nS7aTe0fChunks", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage,
    });
    let start =
        |index: usize, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: usize, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: usize| json!({"type": "content_block_stop", "index": index});
    let mut events = vec![
        json!({"type": "message_start", "message": message}),
        start(0, json!({"type": "text", "text": ""})),
        json!({"type": "ping"}),
    ];
    let text = |text| delta(0, json!({"type": "text_delta", "text": text}));
    events.extend(texts(CHUNKS - 2 * (FRAGMENTS + 1), 3).map(text));
    events.push(stop(0));
    for (index, (name, arguments)) in (1..).zip(TOOLS) {
        let id = format!("toolu_01A9pTk2mN4vQx{index}");
        events.push(start(index, json!({"type": "tool_use", "id": id, "name": name, "input": {}})));
        let more = |text| delta(index, json!({"type": "input_json_delta", "partial_json": text}));
        events.extend(fragments(arguments).map(more));
        events.push(stop(index));
    }
    let end = json!({"stop_reason": "tool_use", "stop_sequence": null});
    events.push(json!({"type": "message_delta", "delta": end, "usage": {"output_tokens": 212}}));
    events.push(json!({"type": "message_stop"}));
    events.into_iter().map(named).collect()
}

/// <https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>: a sentence in each event, calls whole.
fn google() -> Vec<Event> {
    let event = |parts: Value, finish: Option<&str>| {
        let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
        if let Some(reason) = finish {
            candidate["finishReason"] = reason.into();
        }
        json!({
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": 1180, "candidatesTokenCount": 212, "totalTokenCount": 1392,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1180}],
            },
            "modelVersion": "gemini-2.5-flash", "responseId": "BqTr4nS7aTe0fChunks",
        })
    };
    let mut events: Vec<Value> = texts(CHUNKS, 20).map(|text| event(json!([{"text": text}]), None)).collect();
    let call = |(name, arguments): &(&str, &str)| {
        let args: Value = serde_json::from_str(arguments).expect("JSON");
        json!({"functionCall": {"name": name, "args": args}})
    };
    events.push(event(TOOLS.iter().map(call).collect(), None));
    events.push(event(json!([{"text": ""}]), Some("STOP")));
    unnamed(events, false)
}

/// <https://docs.cohere.com/v2/docs/streaming>: a token in each event.
fn cohere() -> Vec<Event> {
    let about =
        |kind: &str, index: usize, message: Value| json!({"type": kind, "index": index, "delta": {"message": message}});
    let head = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let mut events = vec![
        json!({"id": "29f14a5a-11de-4cae-9800-25e4747408ea", "type": "message-start", "delta": {"message": head}}),
        about("content-start", 0, json!({"content": {"type": "text", "text": ""}})),
    ];
    let text = |text| about("content-delta", 0, json!({"content": {"text": text}}));
    events.extend(texts(CHUNKS - 2 * (FRAGMENTS + 1), 1).map(text));
    events.push(json!({"type": "content-end", "index": 0}));
    for (index, (name, arguments)) in TOOLS.iter().enumerate() {
        let id = format!("{name}_9pTk2mN4vQx{index}");
        let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}});
        events.push(about("tool-call-start", index, json!({"tool_calls": call})));
        let more = |text| about("tool-call-delta", index, json!({"tool_calls": {"function": {"arguments": text}}}));
        events.extend(fragments(arguments).map(more));
        events.push(json!({"type": "tool-call-end", "index": index}));
    }
    let counts = json!({"input_tokens": 1180, "output_tokens": 212});
    let usage = json!({"billed_units": {"input_tokens": 156, "output_tokens": 180}, "tokens": counts});
    events.push(json!({"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": usage}}));
    events.into_iter().map(named).collect()
}

/// <https://docs.mistral.ai/api/endpoint/chat>: a token in each chunk, calls whole in the last.
fn mistral() -> Vec<Event> {
    let chunk = |delta: Value, finish_reason: Value| {
        json!({
            "id": "b4nS7aTe0fChunks9pTk2mN4vQx", "object": "chat.completion.chunk", "created": 1_760_000_000,
            "model": "mistral-medium-latest",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
        })
    };
    let mut chunks = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    chunks.extend(texts(CHUNKS, 1).map(|text| chunk(json!({"content": text}), Value::Null)));
    let call = |(index, (name, arguments)): (usize, &(&str, &str))| json!({"id": format!("a1B2c3D4{index}"), "function": {"name": name, "arguments": arguments}, "index": index});
    let calls: Value = TOOLS.iter().enumerate().map(call).collect();
    let mut last = chunk(json!({"content": "", "tool_calls": calls}), json!("tool_calls"));
    last["usage"] = json!({"prompt_tokens": 1180, "completion_tokens": 212, "total_tokens": 1392});
    chunks.push(last);
    unnamed(chunks, true)
}

/// Pieces of text of so many words each.
fn texts(pieces: usize, words: usize) -> impl Iterator<Item = String> {
    let mut all = WORDS.split_inclusive(' ').cycle();
    (0..pieces).map(move |_| all.by_ref().take(words).collect())
}

/// A text in sixteen pieces of about the same length.
fn fragments(text: &str) -> impl Iterator<Item = String> {
    let characters: Vec<char> = text.chars().collect();
    let size = characters.len() / FRAGMENTS;
    let bounds = move |i| (i * size, if i + 1 == FRAGMENTS { characters.len() } else { (i + 1) * size });
    let text = text.to_owned();
    (0..FRAGMENTS).map(move |i| {
        let (from, to) = bounds(i);
        text.chars().skip(from).take(to - from).collect()
    })
}

fn unnamed(events: Vec<Value>, done: bool) -> Vec<Event> {
    let data = events.into_iter().map(|event| event.to_string()).chain(done.then(|| "[DONE]".to_owned()));
    data.map(|data| Event { name: None, data }).collect()
}

/// Anthropic and Cohere say the type twice.
fn named(event: Value) -> Event {
    let name = event["type"].as_str().expect("a type").to_owned();
    Event { name: Some(name), data: event.to_string() }
}
