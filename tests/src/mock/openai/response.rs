//! How OpenAI answers, plain and streamed.

use super::super::answer::{Answer, CREATED, Finish, LOGPROB, SOURCE};
use super::super::json::{Json, object};
use super::super::tools::Called;

/// The body of a plain answer.
pub fn plain(answer: &Answer) -> String {
    let choice = |index: u64| {
        object! {
            "index": index,
            "message": message(answer, index),
            "logprobs": logprobs(answer, &answer.pieces),
            "finish_reason": reason(answer),
        }
    };
    object! {
        "id": id(answer),
        "object": "chat.completion",
        "created": CREATED,
        "model": answer.model.as_str(),
        "choices": (0..answer.choices).map(choice).collect::<Vec<_>>(),
        "usage": usage(answer),
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    }
    .pretty()
}

/// The events of a stream.
pub fn events(answer: &Answer) -> Vec<String> {
    let mut events = Vec::with_capacity(answer.pieces.len() + 4);
    let mut send = |choices: Vec<Json>, usage: Json| {
        let mut chunk = object! {
            "id": id(answer),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": answer.model.as_str(),
            "service_tier": "default",
            "system_fingerprint": "fp_mock",
            "choices": choices,
        };
        // The field is in every chunk, as null, once it was asked for; without that it is in none.
        if answer.include_usage {
            chunk = chunk.with("usage", usage);
        }
        // Random characters that hide the length of a chunk from who listens to the encrypted line. Nobody documents a use for them.
        let padding = ["", "a1B", "Zx9Qw"][events.len() % 3];
        events.push(format!("data: {}\n\n", chunk.with("obfuscation", padding).compact()));
    };
    let choice = |index: u64, delta: Json, logprobs: Json, reason: Json| {
        vec![object! { "index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason }]
    };
    for index in 0..answer.choices {
        for (delta, logprobs) in deltas(answer, index) {
            send(choice(index, delta, logprobs, Json::Null), Json::Null);
        }
        send(choice(index, Json::Object(Vec::new()), Json::Null, reason(answer).into()), Json::Null);
    }
    if answer.include_usage {
        send(Vec::new(), usage(answer));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn message(answer: &Answer, choice: u64) -> Json {
    let (content, refusal) = match answer.finish {
        Finish::Refused => (Json::Null, answer.text().into()),
        Finish::Calls => (Json::Null, Json::Null),
        _ => (answer.text().into(), Json::Null),
    };
    let annotations = if answer.cited { vec![annotation(answer)] } else { Vec::new() };
    let message = object! { "role": "assistant", "content": content, "refusal": refusal, "annotations": annotations };
    match &answer.calls[..] {
        [] => message,
        [call, ..] if answer.legacy => {
            message.with("function_call", object! { "name": call.name.as_str(), "arguments": call.arguments() })
        }
        calls => {
            let calls = calls.iter().enumerate().map(|(at, call)| {
                let (id, name, said) = (call_id(answer, choice, at), call.name.as_str(), call.arguments());
                if call.is_text() {
                    return object! { "id": id, "type": "custom", "custom": object! { "name": name, "input": said } };
                }
                object! { "id": id, "type": "function", "function": object! { "name": name, "arguments": said } }
            });
            message.with("tool_calls", calls.collect::<Vec<_>>())
        }
    }
}

/// What one choice of a stream says, chunk by chunk.
fn deltas(answer: &Answer, choice: u64) -> Vec<(Json, Json)> {
    let none = || Json::Null;
    if answer.finish == Finish::Calls {
        let opening = object! { "role": "assistant", "content": Json::Null };
        if let [call, ..] = &answer.calls[..]
            && answer.legacy
        {
            let name = object! { "name": call.name.as_str(), "arguments": "" };
            let deltas = call.fragments().into_iter().map(|text| object! { "arguments": text });
            let deltas = deltas.map(|call| (object! { "function_call": call }, Json::Null));
            return [(opening.with("function_call", name), Json::Null)].into_iter().chain(deltas).collect();
        }
        let calls = answer.calls.iter().enumerate().flat_map(|(at, call)| call_deltas(answer, choice, at, call));
        return [(opening, none())].into_iter().chain(calls.map(|delta| (delta, Json::Null))).collect();
    }
    let refused = answer.finish == Finish::Refused;
    let opening = if refused {
        object! { "role": "assistant", "content": Json::Null, "refusal": "" }
    } else {
        object! { "role": "assistant", "content": "", "refusal": Json::Null }
    };
    let mut deltas = vec![(opening, logprobs(answer, &[]))];
    for piece in &answer.pieces {
        let delta = if refused {
            object! { "refusal": piece.as_str() }
        } else {
            object! { "content": piece.as_str() }
        };
        deltas.push((delta, logprobs(answer, std::slice::from_ref(piece))));
    }
    if answer.cited {
        deltas.push((object! { "annotations": [annotation(answer)] }, none()));
    }
    deltas
}

/// Name and id come first, with the index by which the rest, the arguments, is told apart from other calls.
fn call_deltas(answer: &Answer, choice: u64, at: usize, call: &Called) -> Vec<Json> {
    let (index, id, name) = (at as u64, call_id(answer, choice, at), call.name.as_str());
    let first = object! { "index": index, "id": id };
    let first = if call.is_text() {
        first.with("type", "custom").with("custom", object! { "name": name, "input": "" })
    } else {
        first.with("type", "function").with("function", object! { "name": name, "arguments": "" })
    };
    let rest = call.fragments().into_iter().map(|text| match call.is_text() {
        true => object! { "index": index, "custom": object! { "input": text } },
        false => object! { "index": index, "function": object! { "arguments": text } },
    });
    [first].into_iter().chain(rest).map(|call| object! { "tool_calls": [call] }).collect()
}

fn annotation(answer: &Answer) -> Json {
    let end = answer.pieces.first().map_or(0, |word| word.chars().count()) as u64;
    let (url, title) = SOURCE;
    let citation = object! { "end_index": end, "start_index": 0_u64, "title": title, "url": url };
    object! { "type": "url_citation", "url_citation": citation }
}

fn logprobs(answer: &Answer, pieces: &[String]) -> Json {
    let (Some(top), false) = (answer.logprobs, answer.finish == Finish::Calls) else { return Json::Null };
    let token = |piece: &String| {
        let bytes: Vec<Json> = piece.bytes().map(|byte| u64::from(byte).into()).collect();
        object! { "token": piece.as_str(), "logprob": LOGPROB, "bytes": bytes }
    };
    let entry = |piece: &String| {
        let alternatives: Vec<Json> = if top > 0 { vec![token(piece)] } else { Vec::new() };
        token(piece).with("top_logprobs", alternatives)
    };
    let entries: Vec<Json> = pieces.iter().map(entry).collect();
    match answer.finish {
        Finish::Refused => object! { "content": Json::Null, "refusal": entries },
        _ => object! { "content": entries, "refusal": Json::Null },
    }
}

fn id(answer: &Answer) -> String {
    format!("chatcmpl-{:029x}", answer.id >> 12)
}

fn call_id(answer: &Answer, choice: u64, at: usize) -> String {
    format!("call_{:024x}", answer.call_hash(choice, at) >> 32)
}

fn reason(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Complete | Finish::Stop(_) | Finish::Refused => "stop",
        Finish::Length => "length",
        Finish::Calls if answer.legacy => "function_call",
        Finish::Calls => "tool_calls",
    }
}

fn usage(answer: &Answer) -> Json {
    let usage = answer.usage;
    object! {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": object! { "cached_tokens": usage.cached, "audio_tokens": 0_u64 },
        "completion_tokens_details": object! {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0_u64,
            "accepted_prediction_tokens": 0_u64,
            "rejected_prediction_tokens": 0_u64,
        },
    }
}
