//! How Anthropic answers, plain and streamed.

use super::super::answer::{Answer, Finish, SOURCE};
use super::super::json::{Json, object};
use super::super::thought;

/// One content block: as it is whole, as it begins in a stream, and what is then added to it.
struct Block {
    whole: Json,
    start: Json,
    deltas: Vec<Json>,
}

/// What a thought that nobody can read would say.
pub const REDACTED: &str = "what is kept from everyone";

/// The body of a plain answer.
pub fn plain(answer: &Answer) -> String {
    let content = blocks(answer).into_iter().map(|block| block.whole).collect();
    let (reason, sequence) = reason(&answer.finish);
    let message = message(answer, content, reason.into(), sequence, answer.usage.completion);
    let message = if answer.finish == Finish::Refused { message.with("stop_details", stop_details()) } else { message };
    message.compact()
}

/// The events of a stream.
pub fn events(answer: &Answer) -> Vec<String> {
    let opening = message(answer, Vec::new(), Json::Null, Json::Null, answer.usage.completion.min(1));
    let mut events = vec![event("message_start", vec![("message", opening)])];
    let ping = || "event: ping\ndata: {\"type\": \"ping\"}\n\n".to_owned();
    let blocks = blocks(answer);
    if blocks.is_empty() {
        events.push(ping());
    }
    for (index, block) in (0_u64..).zip(blocks) {
        events.push(event("content_block_start", vec![("index", index.into()), ("content_block", block.start)]));
        if index == 0 {
            events.push(ping());
        }
        for delta in block.deltas {
            events.push(event("content_block_delta", vec![("index", index.into()), ("delta", delta)]));
        }
        events.push(event("content_block_stop", vec![("index", index.into())]));
    }
    let (reason, sequence) = reason(&answer.finish);
    let mut delta = object! { "stop_reason": reason, "stop_sequence": sequence };
    if answer.finish == Finish::Refused {
        delta = delta.with("stop_details", stop_details());
    }
    // These counts are totals, not what is to be added to `message_start`.
    let usage = object! {
        "input_tokens": answer.usage.prompt - answer.usage.cached,
        "cache_creation_input_tokens": 0_u64,
        "cache_read_input_tokens": answer.usage.cached,
        "output_tokens": answer.usage.completion,
        "output_tokens_details": object! { "thinking_tokens": answer.usage.reasoning },
    };
    events.push(event("message_delta", vec![("delta", delta), ("usage", usage)]));
    events.push(event("message_stop", Vec::new()));
    events
}

/// A thought, the text, the calls; an answer of no words is an empty list, not an empty text.
fn blocks(answer: &Answer) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !answer.thought.is_empty() {
        blocks.push(thinking(answer));
    }
    if answer.redacted {
        let data = thought::sign(REDACTED);
        let block = object! { "type": "redacted_thinking", "data": data };
        blocks.push(Block { whole: block.clone(), start: block, deltas: Vec::new() });
    }
    match (&answer.pieces[..], answer.cited) {
        ([], _) => {}
        ([first, rest @ ..], true) => {
            blocks.push(text(std::slice::from_ref(first), Some(citation(first))));
            if !rest.is_empty() {
                blocks.push(text(rest, None));
            }
        }
        (pieces, false) => blocks.push(text(pieces, None)),
    }
    for (at, call) in answer.calls.iter().enumerate() {
        let block = |input: Json| {
            let id = format!("toolu_01{:022x}", answer.call_hash(0, at) >> 40);
            object! { "type": "tool_use", "id": id, "name": call.name.as_str(), "input": input }
        };
        // The first fragment of a real stream is empty.
        let fragments = [String::new()].into_iter().chain(call.fragments());
        let delta = |text| object! { "type": "input_json_delta", "partial_json": text };
        let start = block(Json::Object(Vec::new()));
        blocks.push(Block { whole: block((&call.arguments).into()), start, deltas: fragments.map(delta).collect() });
    }
    blocks
}

/// A hidden thought is an empty one with a signature.
fn thinking(answer: &Answer) -> Block {
    let signature = thought::sign(&answer.thought.concat());
    let shown = answer.shown_thought().unwrap_or_default();
    let words = if shown.is_empty() { &[] } else { &answer.thought[..] };
    let delta = |word: &String| object! { "type": "thinking_delta", "thinking": word.as_str() };
    let signed = object! { "type": "signature_delta", "signature": signature.as_str() };
    Block {
        whole: object! { "type": "thinking", "thinking": shown, "signature": signature },
        start: object! { "type": "thinking", "thinking": "", "signature": "" },
        deltas: words.iter().map(delta).chain([signed]).collect(),
    }
}

fn text(pieces: &[String], citation: Option<Json>) -> Block {
    let words = pieces.iter().map(|piece| object! { "type": "text_delta", "text": piece.as_str() });
    let block = |said: String| object! { "type": "text", "text": said };
    match citation {
        None => Block { whole: block(pieces.concat()), start: block(String::new()), deltas: words.collect() },
        Some(citation) => {
            let cited = object! { "type": "citations_delta", "citation": citation.clone() };
            Block {
                whole: block(pieces.concat()).with("citations", vec![citation]),
                start: block(String::new()).with("citations", Vec::new()),
                deltas: [cited].into_iter().chain(words).collect(),
            }
        }
    }
}

fn citation(cited: &str) -> Json {
    let (url, title) = SOURCE;
    object! {
        "type": "web_search_result_location",
        "cited_text": cited,
        "url": url,
        "title": title,
        "encrypted_index": "bW9jaw==",
    }
}

fn message(answer: &Answer, content: Vec<Json>, reason: Json, sequence: Json, output: u64) -> Json {
    object! {
        "model": answer.model.as_str(),
        "id": format!("msg_01{:022x}", answer.id >> 40),
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": object! {
            // What was read from the cache is not in `input_tokens`: here the prompt is the sum of the three.
            "input_tokens": answer.usage.prompt - answer.usage.cached,
            "cache_creation_input_tokens": 0_u64,
            "cache_read_input_tokens": answer.usage.cached,
            "cache_creation": object! { "ephemeral_5m_input_tokens": 0_u64, "ephemeral_1h_input_tokens": 0_u64 },
            "output_tokens": output,
            // Part of `output_tokens`, and billed like the rest of it.
            "output_tokens_details": object! { "thinking_tokens": answer.usage.reasoning.min(output) },
            "service_tier": "standard",
            "inference_geo": "global",
        },
    }
}

/// Anthropic pads its events with spaces before the last brace.
pub fn event(kind: &'static str, fields: Vec<(&'static str, Json)>) -> String {
    let mut all = vec![("type", Json::from(kind))];
    all.extend(fields);
    let mut data = Json::Object(all).compact();
    let spaces = data.len() % 7;
    data.insert_str(data.len() - 1, &" ".repeat(spaces));
    format!("event: {kind}\ndata: {data}\n\n")
}

fn reason(finish: &Finish) -> (&'static str, Json) {
    match finish {
        Finish::Complete => ("end_turn", Json::Null),
        Finish::Length => ("max_tokens", Json::Null),
        Finish::Stop(sequence) => ("stop_sequence", sequence.as_str().into()),
        Finish::Calls => ("tool_use", Json::Null),
        Finish::Refused => ("refusal", Json::Null),
    }
}

fn stop_details() -> Json {
    object! { "type": "refusal", "category": Json::Null, "explanation": "The mock was asked to decline." }
}

/// The id that an answer and an error carry alike.
pub fn request_id(id: u128) -> String {
    format!("req_011C{:020x}", id >> 48)
}
