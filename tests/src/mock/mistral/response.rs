//! How Mistral answers, plain and streamed.

use super::super::answer::{Answer, CREATED, Finish};
use super::super::json::{Json, object};

/// The body of a plain answer.
pub fn plain(answer: &Answer) -> String {
    let choice = |index: u64| {
        let calls = if answer.calls.is_empty() { Json::Null } else { calls(answer, index).into() };
        let message = object! { "role": "assistant", "tool_calls": calls, "content": content(answer) };
        object! { "index": index, "finish_reason": reason(&answer.finish), "message": message }
    };
    object! {
        "id": format!("{:032x}", answer.id),
        "created": CREATED,
        "model": answer.model.as_str(),
        "usage": usage(answer),
        "object": "chat.completion",
        "choices": (0..answer.choices).map(choice).collect::<Vec<_>>(),
    }
    .compact()
}

/// The events of a stream.
pub fn events(answer: &Answer) -> Vec<String> {
    let mut events = Vec::with_capacity(answer.pieces.len() + 3);
    let mut send = |index: u64, delta: Json, reason: Json, usage: Option<Json>| {
        let choice = object! { "index": index, "delta": delta, "finish_reason": reason };
        let mut chunk = object! {
            "id": format!("{:032x}", answer.id),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": answer.model.as_str(),
            "choices": [choice],
        };
        if let Some(usage) = usage {
            chunk = chunk.with("usage", usage);
        }
        // Padding that hides the length of a chunk, as OpenAI's `obfuscation`.
        let padding = &"abcdefghijklmnopqrstuvwxyz"[..1 + events.len() % 26];
        events.push(format!("data: {}\n\n", chunk.with("p", padding).compact()));
    };
    for index in 0..answer.choices {
        send(index, object! { "role": "assistant", "content": "" }, Json::Null, None);
        let mut deltas = deltas(answer, index);
        // The last word comes in the same chunk as the finish reason and the usage: there is no chunk of usage alone.
        let last = deltas.pop().unwrap_or_else(|| object! { "content": "" });
        for delta in deltas {
            send(index, delta, Json::Null, None);
        }
        let usage = (index + 1 == answer.choices).then(|| usage(answer));
        send(index, last, reason(&answer.finish).into(), usage);
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// A text, or a list of parts where there is more than text.
fn content(answer: &Answer) -> Json {
    let mut parts: Vec<Json> = answer.shown_thought().map(|thought| thinking(&thought)).into_iter().collect();
    if answer.cited {
        let first = answer.pieces.first().map_or("", String::as_str);
        parts.extend([text(first), reference()]);
        parts.extend((answer.pieces.len() > 1).then(|| text(&answer.pieces[1..].concat())));
    } else if !parts.is_empty() && !answer.pieces.is_empty() {
        parts.push(text(&answer.text()));
    }
    if parts.is_empty() { answer.text().into() } else { parts.into() }
}

/// All of one choice but its opening; whole calls come at once, all of them in one delta.
fn deltas(answer: &Answer, choice: u64) -> Vec<Json> {
    let mut deltas = Vec::new();
    if answer.shown_thought().is_some() {
        deltas.extend(answer.thought.iter().map(|word| object! { "content": [thinking(word)] }));
    }
    for (at, piece) in answer.pieces.iter().enumerate() {
        deltas.push(object! { "content": piece.as_str() });
        if at == 0 && answer.cited {
            deltas.push(object! { "content": [reference()] });
        }
    }
    if !answer.calls.is_empty() {
        deltas.push(object! { "tool_calls": calls(answer, choice) });
    }
    deltas
}

fn calls(answer: &Answer, choice: u64) -> Vec<Json> {
    let call = |(at, call): (usize, &super::super::tools::Called)| {
        let function = object! { "name": call.name.as_str(), "arguments": call.arguments() };
        let id = format!("{:09x}", answer.call_hash(choice, at) >> 92);
        object! { "id": id, "function": function, "index": at as u64 }
    };
    answer.calls.iter().enumerate().map(call).collect()
}

fn text(said: &str) -> Json {
    object! { "type": "text", "text": said }
}

fn thinking(said: &str) -> Json {
    object! { "type": "thinking", "thinking": [text(said)], "closed": true }
}

/// Stands after the words that it is for, and names what the caller gave in the result of a tool.
fn reference() -> Json {
    object! { "type": "reference", "reference_ids": [Json::from(0_u64)] }
}

fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Complete | Finish::Stop(_) | Finish::Refused => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
    }
}

/// Thoughts are counted as part of the completion and are not told apart.
fn usage(answer: &Answer) -> Json {
    let usage = answer.usage;
    object! {
        "prompt_tokens": usage.prompt,
        "total_tokens": usage.prompt + usage.completion,
        "completion_tokens": usage.completion,
        "prompt_tokens_details": object! { "cached_tokens": usage.cached },
    }
}
