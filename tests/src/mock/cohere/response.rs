//! How Cohere answers, plain and streamed.

use super::super::answer::{Answer, Finish, LOGPROB, SOURCE};
use super::super::json::{Json, object};

/// The body of a plain answer.
pub fn plain(answer: &Answer) -> String {
    let mut content = Vec::new();
    if let Some(thought) = answer.shown_thought() {
        content.push(object! { "type": "thinking", "thinking": thought });
    }
    let calls = !answer.calls.is_empty();
    if !calls {
        content.push(object! { "type": "text", "text": answer.text() });
    }
    let mut message = object! { "role": "assistant" };
    if calls {
        // What is said beside calls is the plan, and there is none beside a thought.
        if !answer.pieces.is_empty() {
            message = message.with("tool_plan", answer.text());
        }
        message =
            message.with("tool_calls", (0..answer.calls.len()).map(|at| call(answer, at, true)).collect::<Vec<_>>());
    }
    if !content.is_empty() {
        message = message.with("content", content);
    }
    if answer.cited {
        message = message.with("citations", vec![citation(answer)]);
    }
    let body = object! {
        "id": uuid(answer.id),
        "message": message,
        "finish_reason": reason(&answer.finish),
        "usage": usage(answer),
    };
    match answer.logprobs {
        Some(_) if !calls => body.with("logprobs", (0_u64..).zip(&answer.pieces).map(logprob).collect::<Vec<_>>()),
        _ => body,
    }
    .compact()
}

/// The events of a stream.
pub fn events(answer: &Answer) -> Vec<String> {
    let message = object! { "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] };
    // The only event with an id; every later one must be told apart by nothing but its connection.
    let opening = object! { "id": uuid(answer.id), "type": "message-start", "delta": object! { "message": message } };
    let mut events = vec![event("message-start", &opening)];
    let mut index = 0;
    if answer.shown_thought().is_some() {
        events.push(content("content-start", index, object! { "type": "thinking", "thinking": "" }));
        let words = answer.thought.iter();
        events.extend(words.map(|word| content("content-delta", index, object! { "thinking": word.as_str() })));
        events.push(at("content-end", index));
        index += 1;
    }
    if answer.calls.is_empty() {
        events.extend(text_events(answer, index));
    } else {
        events.extend(call_events(answer));
    }
    let delta = object! { "finish_reason": reason(&answer.finish), "usage": usage(answer) };
    events.push(event("message-end", &object! { "type": "message-end", "delta": delta }));
    // Not in the documentation, but every recorded stream ends with it.
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn text_events(answer: &Answer, index: u64) -> Vec<String> {
    let mut events = vec![content("content-start", index, object! { "type": "text", "text": "" })];
    for (id, piece) in (0_u64..).zip(&answer.pieces) {
        let delta = object! { "message": object! { "content": object! { "text": piece.as_str() } } };
        let mut data = object! { "type": "content-delta", "index": index, "delta": delta };
        if answer.logprobs.is_some() {
            data = data.with("logprobs", logprob((id, piece)));
        }
        events.push(event("content-delta", &data));
    }
    if answer.cited {
        let delta = object! { "message": object! { "citations": citation(answer) } };
        let data = object! { "type": "citation-start", "index": 0_u64, "delta": delta };
        events.push(event("citation-start", &data));
        events.push(at("citation-end", 0));
    }
    events.push(at("content-end", index));
    events
}

/// The plan, then one call after the other.
fn call_events(answer: &Answer) -> Vec<String> {
    let plan = |piece: &String| {
        let delta = object! { "message": object! { "tool_plan": piece.as_str() } };
        event("tool-plan-delta", &object! { "type": "tool-plan-delta", "delta": delta })
    };
    let mut events: Vec<String> = answer.pieces.iter().map(plan).collect();
    let of_call = |kind: &'static str, index: u64, call: Json| {
        let delta = object! { "message": object! { "tool_calls": call } };
        event(kind, &object! { "type": kind, "index": index, "delta": delta })
    };
    for (number, called) in answer.calls.iter().enumerate() {
        let index = number as u64;
        events.push(of_call("tool-call-start", index, call(answer, number, false)));
        let delta = |text| object! { "function": object! { "arguments": text } };
        events.extend(called.fragments().into_iter().map(|text| of_call("tool-call-delta", index, delta(text))));
        events.push(at("tool-call-end", index));
    }
    events
}

/// A call, with its arguments or about to get them.
fn call(answer: &Answer, at: usize, whole: bool) -> Json {
    let Some(call) = answer.calls.get(at) else { return Json::Null };
    let id = format!("{}_{:012x}", call.name, answer.call_hash(0, at) >> 80);
    let arguments = if whole { call.arguments() } else { String::new() };
    let function = object! { "name": call.name.as_str(), "arguments": arguments };
    object! { "id": id, "type": "function", "function": function }
}

/// Characters of the text, and a document that a tool brought.
fn citation(answer: &Answer) -> Json {
    let word = answer.pieces.first().map_or("", String::as_str);
    let (url, title) = SOURCE;
    let document = object! { "id": "source:0", "title": title, "url": url };
    object! {
        "start": 0_u64,
        "end": word.chars().count() as u64,
        "text": word,
        "sources": [object! { "type": "document", "id": "source:0", "document": document }],
        "type": "TEXT_CONTENT",
    }
}

fn logprob((id, piece): (u64, &String)) -> Json {
    object! { "text": piece.as_str(), "token_ids": [Json::from(id)], "logprobs": [Json::from(LOGPROB)] }
}

fn content(kind: &'static str, index: u64, content: Json) -> String {
    let delta = object! { "message": object! { "content": content } };
    event(kind, &object! { "type": kind, "index": index, "delta": delta })
}

fn at(kind: &'static str, index: u64) -> String {
    event(kind, &object! { "type": kind, "index": index })
}

/// One event with its name.
pub fn event(kind: &str, data: &Json) -> String {
    format!("event: {kind}\ndata: {}\n\n", data.compact())
}

fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Complete | Finish::Refused => "COMPLETE",
        Finish::Length => "MAX_TOKENS",
        Finish::Stop(_) => "STOP_SEQUENCE",
        Finish::Calls => "TOOL_CALL",
    }
}

/// `tokens` is what the model read, with Cohere's chat template; `billed_units` is what is paid for, without it. Cached tokens are
/// counted beside the two, out of `tokens`; thoughts are in both.
fn usage(answer: &Answer) -> Json {
    let usage = answer.usage;
    let mut tokens = object! { "input_tokens": usage.prompt, "output_tokens": usage.completion };
    if usage.reasoning > 0 {
        tokens = tokens.with("reasoning_tokens", usage.reasoning);
    }
    object! {
        "billed_units": object! { "input_tokens": usage.prompt_words, "output_tokens": usage.completion },
        "tokens": tokens,
        "cached_tokens": usage.cached,
    }
}

/// The id of an answer or an error.
pub fn uuid(id: u128) -> String {
    let hex = format!("{id:032x}");
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
