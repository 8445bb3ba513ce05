//! Turns of OpenAI's messages, and of Mistral's and Cohere's, which have the same form with thoughts among the parts. A refusal is
//! text; images and the caller's documents are not compared.

use serde_json::Value;

use super::{Bit, Turn};
use crate::{
    rows::Row,
    said::{Choice, list},
};

pub fn turns(body: &Value) -> Vec<Turn> {
    let messages =
        list(&body["messages"]).filter(|message| message["role"] != "system" && message["role"] != "developer");
    messages.map(turn).collect()
}

fn turn(message: &Value) -> Turn {
    let owned = |value: &Value| value.as_str().map(str::to_owned);
    let is_models = message["role"] == "assistant";
    if message["role"] == "tool" || message["role"] == "function" {
        let content = match message["content"].as_str() {
            Some(text) => vec![result(text)],
            None => list(&message["content"]).filter_map(part_of_result).collect(),
        };
        let bits = vec![Bit::Result { id: owned(&message["tool_call_id"]), name: owned(&message["name"]), content }];
        return Turn { is_models, bits };
    }
    let mut bits: Vec<Bit> = list(&message["content"]).filter_map(thought).collect();
    bits.extend(owned(&message["tool_plan"]).filter(|plan| !plan.is_empty()).map(Bit::Plan));
    let texts = list(&message["content"]).filter_map(|part| part["text"].as_str().or(part["refusal"].as_str()));
    let texts: String = texts.chain(message["content"].as_str()).chain(message["refusal"].as_str()).collect();
    bits.push(Bit::Text { text: texts, signature: None });
    bits.extend(owned(&message["audio"]["id"]).map(Bit::Spoken));
    let calls = list(&message["tool_calls"]).map(|one| match one["custom"].is_object() {
        true => custom_call(owned(&one["id"]), &one["custom"]),
        false => call(owned(&one["id"]), &one["function"]),
    });
    bits.extend(calls.chain(message["function_call"].as_object().map(|_| call(None, &message["function_call"]))));
    Turn { is_models, bits }
}

fn call(id: Option<String>, function: &Value) -> Bit {
    let arguments = match &function["arguments"] {
        Value::String(text) if text.trim().is_empty() => serde_json::json!({}),
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
        object => object.clone(),
    };
    // Old models of Mistral's gave no id, by the name of "null".
    let id = id.filter(|id| !id.is_empty() && id != "null");
    Bit::Call { id, name: function["name"].as_str().unwrap_or_default().to_owned(), arguments, signature: None }
}

fn custom_call(id: Option<String>, custom: &Value) -> Bit {
    let name = custom["name"].as_str().unwrap_or_default().to_owned();
    Bit::Call { id, name, arguments: custom["input"].clone(), signature: None }
}

/// A thought is a text or, with Mistral, a list of texts.
fn thought(part: &Value) -> Option<Bit> {
    let texts = list(&part["thinking"]).filter_map(|chunk| chunk["text"].as_str()).chain(part["thinking"].as_str());
    let text: String = texts.collect();
    (!text.is_empty()).then_some(Bit::Thought { text, signature: None })
}

/// A text, or a document of Cohere's.
fn part_of_result(part: &Value) -> Option<Value> {
    let document = &part["document"]["data"];
    match document.as_str().or(part["text"].as_str()) {
        Some(text) => Some(result(text)),
        None => (!document.is_null()).then(|| document.clone()),
    }
}

/// JSON as what it says: its spaces and the order of its fields mean nothing.
fn result(text: &str) -> Value {
    serde_json::from_str::<Value>(text).ok().filter(Value::is_object).unwrap_or_else(|| text.into())
}

/// The first choice of an answer.
pub fn answer(row: &Row, said: &Choice) -> Vec<Bit> {
    let (mut thoughts, mut plan, mut ids) = (String::new(), String::new(), Vec::new());
    for event in row.events() {
        let first = list(&event["choices"]).find(|choice| choice["index"].as_u64().unwrap_or_default() == 0);
        let holders = [&event, &event["delta"], first.unwrap_or(&Value::Null)];
        for message in holders.into_iter().flat_map(|holder| [&holder["message"], &holder["delta"]]) {
            let content = &message["content"];
            for part in list(content).chain(content.is_object().then_some(content)) {
                if let Some(Bit::Thought { text, .. }) = thought(part) {
                    thoughts += &text;
                }
            }
            plan += message["tool_plan"].as_str().unwrap_or_default();
            let calls = &message["tool_calls"];
            ids.extend(
                list(calls)
                    .chain(calls.is_object().then_some(calls))
                    .filter(|call| {
                        let names = [&call["function"]["name"], &call["custom"]["name"]];
                        names.into_iter().any(|name| name.as_str().is_some_and(|name| !name.is_empty()))
                    })
                    .map(|call| call["id"].as_str().map(str::to_owned)),
            );
        }
    }
    let mut bits = Vec::new();
    if !thoughts.is_empty() {
        bits.push(Bit::Thought { text: thoughts, signature: None });
    }
    if !plan.is_empty() {
        bits.push(Bit::Plan(plan));
    }
    bits.push(Bit::Text { text: format!("{}{}", said.text, said.refusal), signature: None });
    bits.extend(Some(said.sound.id.clone()).filter(|id| !id.is_empty()).map(Bit::Spoken));
    let ids = ids.into_iter().chain(std::iter::repeat(None));
    bits.extend(said.calls.iter().zip(ids).map(|(one, id)| {
        let id = id.filter(|id| !id.is_empty() && id != "null");
        Bit::Call { id, name: one.name.clone(), arguments: one.arguments.clone(), signature: None }
    }));
    bits
}
