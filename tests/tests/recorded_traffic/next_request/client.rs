//! What a client of OpenAI's does with an answer: keeps its message, whole or put together from its chunks, and sends it back with what
//! comes next.

use serde_json::{Map, Value, json};
use supergate_tests::app::Answer;

use super::{Bit, paired};
use crate::said::list;

/// The type of an entry of `reasoning_details` that says what a tool of the provider's did.
const OWN: &str = "provider.content";

/// The message of the first choice, with every field that came.
pub fn message(answer: &Answer) -> Option<Value> {
    let is_first = |choice: &&Value| choice["index"] == 0;
    if answer.status != 200 {
        return None;
    }
    if !answer.header("content-type").starts_with("text/event-stream") {
        return list(&answer.json()["choices"]).find(is_first).map(|choice| choice["message"].clone());
    }
    let stream = answer.stream();
    let mut message = Map::new();
    for choice in stream.chunks.iter().filter_map(|chunk| list(&chunk["choices"]).find(is_first)) {
        add(&mut message, &choice["delta"]);
    }
    stream.done.then_some(Value::Object(message))
}

/// Texts and lists grow, calls by their index.
fn add(message: &mut Map<String, Value>, delta: &Value) {
    for (name, value) in delta.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        match (message.get_mut(name), value) {
            (_, Value::Array(calls)) if name == "tool_calls" => calls.iter().for_each(|call| add_call(message, call)),
            (None, value) => drop(message.insert(name.clone(), value.clone())),
            (Some(Value::String(text)), Value::String(more)) if name != "role" => text.push_str(more),
            (Some(Value::Array(all)), Value::Array(more)) => all.extend(more.iter().cloned()),
            (Some(Value::Object(it)), more) => add(it, more),
            (Some(it), value) => *it = value.clone(),
        }
    }
}

fn add_call(message: &mut Map<String, Value>, delta: &Value) {
    let mut delta = delta.clone();
    let index = delta.as_object_mut().and_then(|call| call.shift_remove("index"));
    let at = index.and_then(|index| index.as_u64()).expect("an index") as usize;
    let calls = message.entry("tool_calls").or_insert_with(|| json!([])).as_array_mut().expect("calls");
    if calls.len() == at {
        calls.push(json!({}));
    }
    add(calls[at].as_object_mut().expect("a call"), &delta);
}

/// As a client that keeps only what OpenAI's own answers have, in a message and in its calls.
pub fn forget_thoughts(message: &mut Value) {
    let message = message.as_object_mut().expect("a message");
    message.shift_remove("reasoning_content");
    retain_details(message, |kind| kind == OWN);
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        call.as_object_mut().expect("a call").shift_remove("extra_content");
    }
}

/// As a client that keeps what was thought, but not what the provider's own tools did.
pub fn forget_tools_of_the_provider(message: &mut Value) {
    retain_details(message.as_object_mut().expect("a message"), |kind| kind != OWN);
}

fn retain_details(message: &mut Map<String, Value>, keep: fn(&str) -> bool) {
    if let Some(details) = message.get_mut("reasoning_details").and_then(Value::as_array_mut) {
        details.retain(|detail| keep(detail["type"].as_str().expect("a type")));
    }
}

/// Results of all calls or, where there are none, another question.
pub fn any_reply(message: &Value) -> Vec<Value> {
    let results: Vec<Value> = ids(message).iter().map(|id| result(message, id, json!("done"))).collect();
    if results.is_empty() { vec![json!({"role": "user", "content": "Go on."})] } else { results }
}

/// What followed in a recorded conversation: as it must reach the provider again, and as a client of ours sends it.
pub fn reply(message: &Value, turn: &[Bit], after: &[Bit]) -> (Vec<Bit>, Vec<Value>) {
    let (after, ids) = (paired(turn, after), ids(message));
    let messages = after.iter().filter_map(|bit| match bit {
        Bit::Result { id, content, .. } => {
            let call = id.as_deref()?.parse::<usize>().ok()?;
            let texts: Vec<String> = content.iter().map(text).collect();
            let content = match texts.as_slice() {
                [text] => json!(text),
                _ => texts.iter().map(|text| json!({"type": "text", "text": text})).collect(),
            };
            Some(result(message, ids.get(call)?, content))
        }
        Bit::Text { text, .. } => Some(json!({"role": "user", "content": text})),
        _ => None,
    });
    let messages = messages.collect();
    (after, messages)
}

fn text(content: &Value) -> String {
    content.as_str().map_or_else(|| content.to_string(), str::to_owned)
}

/// In the older form a result has its function's name in place of an id.
fn result(message: &Value, id: &str, content: Value) -> Value {
    match message["function_call"]["name"].as_str() {
        Some(name) => json!({"role": "function", "name": name, "content": content}),
        None => json!({"role": "tool", "tool_call_id": id, "content": content}),
    }
}

/// The ids of a message's calls; an empty one for a call of the older form.
fn ids(message: &Value) -> Vec<String> {
    let calls = list(&message["tool_calls"]).map(|call| call["id"].as_str().expect("an id").to_owned());
    calls.chain(message["function_call"].is_object().then(String::new)).collect()
}

/// The ids and names of a turn's calls.
pub fn calls(turn: &[Bit]) -> Vec<(Option<&str>, &str)> {
    turn.iter()
        .filter_map(|bit| match bit {
            Bit::Call { id, name, .. } => Some((id.as_deref(), name.as_str())),
            _ => None,
        })
        .collect()
}

/// For each bit that follows a turn: the call that it is a result of, by its id or else its name, each call once.
pub fn pair(turn: &[Bit], after: &[Bit]) -> Vec<Option<usize>> {
    let calls = calls(turn);
    let mut free: Vec<usize> = (0..calls.len()).collect();
    let pair = |bit: &Bit| {
        let Bit::Result { id, name, .. } = bit else { return None };
        let by_id = free.iter().position(|&i| id.is_some() && calls[i].0 == id.as_deref());
        let by_name =
            || free.iter().position(|&i| name.as_deref() == Some(calls[i].1) && (id.is_none() || calls[i].0.is_none()));
        by_id.or_else(by_name).map(|at| free.remove(at))
    };
    after.iter().map(pair).collect()
}
