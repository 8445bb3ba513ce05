//! How Google answers, plain and streamed.

use super::super::answer::{Answer, Finish, LOGPROB, SOURCE};
use super::super::json::{Json, object};
use super::super::thought;
use super::config::is_gemini_3;

/// The body of a plain answer.
pub fn plain(answer: &Answer) -> String {
    let candidate = |index: u64| {
        let mut parts: Vec<Json> = thoughts(answer);
        let text = answer.text();
        if answer.calls.is_empty() && answer.finish != Finish::Refused {
            let part = object! { "text": text };
            parts.push(if is_signed(answer) { part.with("thoughtSignature", thought::sign("text")) } else { part });
        }
        parts.extend(calls(answer, index));
        candidate(answer, index, parts, true)
    };
    let candidates = (0..answer.choices).map(candidate).collect();
    response(answer, candidates, said(answer)).pretty() + "\n"
}

/// The events of a stream.
pub fn events(answer: &Answer) -> Vec<String> {
    let mut events = Vec::with_capacity(answer.pieces.len().max(1));
    let mut counted = 0;
    for index in 0..answer.choices {
        let chunks = chunks(answer, index);
        let last = chunks.len() - 1;
        for (at, (parts, tokens)) in chunks.into_iter().enumerate() {
            counted = (counted + tokens).min(said(answer));
            // Every chunk counts what was said so far; adding them up would bill the prompt once per word.
            let chunk = response(answer, vec![candidate(answer, index, parts, at == last)], counted);
            events.push(format!("data: {}\r\n\r\n", chunk.google_line()));
        }
    }
    events
}

/// The parts of each chunk, and the tokens in them that are not thoughts.
fn chunks(answer: &Answer, choice: u64) -> Vec<(Vec<Json>, u64)> {
    if answer.finish == Finish::Refused {
        return vec![(Vec::new(), 0)];
    }
    let text = |word: &str| object! { "text": word };
    let mut chunks: Vec<(Vec<Json>, u64)> = Vec::new();
    if answer.shown_thought().is_some() {
        chunks.extend(answer.thought.iter().map(|word| (vec![text(word).with("thought", true)], 0)));
    }
    chunks.extend(answer.pieces.iter().map(|word| (vec![text(word)], 1)));
    let tokens = answer.calls.iter().map(super::super::tools::Called::tokens);
    chunks.extend(calls(answer, choice).into_iter().zip(tokens).map(|(call, tokens)| (vec![call], tokens)));
    // Calls end with an empty text, and a signature of the text comes with one.
    if is_signed(answer) && answer.calls.is_empty() {
        chunks.push((vec![text("").with("thoughtSignature", thought::sign("text"))], 0));
    } else if !answer.calls.is_empty() || answer.pieces.is_empty() {
        chunks.push((vec![text("")], 0));
    }
    chunks
}

fn thoughts(answer: &Answer) -> Vec<Json> {
    answer.shown_thought().map(|thought| object! { "text": thought, "thought": true }).into_iter().collect()
}

/// Gemini 3 signs always, the older ones where they thought.
fn is_signed(answer: &Answer) -> bool {
    !answer.thought.is_empty()
}

/// Of parallel calls only the first is signed; ids came with Gemini 3.
fn calls(answer: &Answer, choice: u64) -> Vec<Json> {
    let since_3 = is_gemini_3(&answer.model);
    let call = |(at, call): (usize, &super::super::tools::Called)| {
        let mut inner = object! { "name": call.name.as_str(), "args": &call.arguments };
        if since_3 {
            inner = inner.with("id", format!("{:08x}", answer.call_hash(choice, at) >> 96));
        }
        let part = object! { "functionCall": inner };
        if at == 0 && (since_3 || !answer.thought.is_empty()) {
            return part.with("thoughtSignature", thought::sign(&thought::of_call(&call.name, &call.arguments)));
        }
        part
    };
    answer.calls.iter().enumerate().map(call).collect()
}

fn candidate(answer: &Answer, index: u64, parts: Vec<Json>, is_last: bool) -> Json {
    if answer.finish == Finish::Refused {
        let rating = object! { "category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true };
        let empty = Json::Object(Vec::new());
        return object! { "content": empty, "finishReason": "SAFETY", "index": index, "safetyRatings": [rating] };
    }
    let content = object! { "parts": parts, "role": "model" };
    let mut candidate = object! { "content": content };
    if is_last {
        candidate = candidate.with("finishReason", reason(&answer.finish));
    }
    candidate = candidate.with("index", index);
    if is_last && answer.cited {
        candidate = candidate.with("groundingMetadata", grounding(answer));
    }
    match answer.logprobs.filter(|_| is_last && answer.calls.is_empty()) {
        Some(top) => candidate.with("avgLogprobs", LOGPROB).with("logprobsResult", logprobs(answer, top)),
        None => candidate,
    }
}

/// Segments are counted in bytes, and a zero is left out.
fn grounding(answer: &Answer) -> Json {
    let word = answer.pieces.first().map_or("", String::as_str);
    let (uri, title) = SOURCE;
    let segment = object! { "endIndex": word.len() as u64, "text": word };
    let support = object! { "segment": segment, "groundingChunkIndices": [Json::from(0_u64)] };
    object! {
        "webSearchQueries": [Json::from("mock")],
        "groundingChunks": [object! { "web": object! { "uri": uri, "title": title } }],
        "groundingSupports": [support],
    }
}

fn logprobs(answer: &Answer, top: u64) -> Json {
    let entries = || {
        let entry = |(id, piece): (u64, &String)| {
            object! { "token": piece.as_str(), "tokenId": id, "logProbability": LOGPROB }
        };
        (0_u64..).zip(&answer.pieces).map(entry)
    };
    let chosen = object! { "chosenCandidates": entries().collect::<Vec<_>>() };
    if top == 0 {
        return chosen;
    }
    let alternatives = entries().map(|entry| object! { "candidates": [entry] });
    chosen.with("topCandidates", alternatives.collect::<Vec<_>>())
}

/// Thoughts are counted beside the answer, not in it.
fn said(answer: &Answer) -> u64 {
    answer.usage.completion - answer.usage.reasoning
}

fn response(answer: &Answer, candidates: Vec<Json>, said: u64) -> Json {
    let usage = answer.usage;
    let of_text = |count: u64| [object! { "modality": "TEXT", "tokenCount": count }];
    let mut metadata = object! { "promptTokenCount": usage.prompt };
    // Fields that are zero are left out, as protobuf does.
    if said > 0 {
        metadata = metadata.with("candidatesTokenCount", said);
    }
    metadata = metadata.with("totalTokenCount", usage.prompt + said + usage.reasoning);
    if usage.cached > 0 {
        metadata = metadata.with("cachedContentTokenCount", usage.cached);
    }
    metadata = metadata.with("promptTokensDetails", of_text(usage.prompt));
    if usage.cached > 0 {
        metadata = metadata.with("cacheTokensDetails", of_text(usage.cached));
    }
    if usage.reasoning > 0 {
        metadata = metadata.with("thoughtsTokenCount", usage.reasoning);
    }
    object! {
        "candidates": candidates,
        "usageMetadata": metadata,
        "modelVersion": answer.model.as_str(),
        "responseId": format!("{:022x}", answer.id >> 40),
    }
}

fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Complete | Finish::Stop(_) | Finish::Calls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Refused => "SAFETY",
    }
}
