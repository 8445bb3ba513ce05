//! Turns of Anthropic's messages. What the dialect has no words for is not compared: images, documents, and that a result is an error.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Bit, Turn};
use crate::{
    rows::Row,
    said::{Choice, list},
};

pub fn turns(body: &Value) -> Vec<Turn> {
    let turn = |message: &Value| {
        let bits = match message["content"].as_str() {
            Some(text) => vec![Bit::Text { text: text.to_owned(), signature: None }],
            None => list(&message["content"]).filter_map(bit).collect(),
        };
        Turn { is_models: message["role"] == "assistant", bits }
    };
    list(&body["messages"]).map(turn).collect()
}

/// The blocks of an answer; a stream's are put together first.
pub fn answer(row: &Row, said: &Choice) -> Vec<Bit> {
    let mut blocks: BTreeMap<u64, Value> = BTreeMap::new();
    for event in row.events() {
        let index = event["index"].as_u64().unwrap_or_default();
        blocks.extend((0..).zip(list(&event["content"]).cloned()));
        if event["type"] == "content_block_start" {
            blocks.insert(index, event["content_block"].clone());
        }
        for name in ["text", "thinking", "signature", "partial_json"] {
            if let (Some(block), Some(more)) = (blocks.get_mut(&index), event["delta"][name].as_str()) {
                block[name] = (block[name].as_str().unwrap_or_default().to_owned() + more).into();
            }
        }
    }
    for block in blocks.values_mut().filter_map(Value::as_object_mut) {
        let input = block.shift_remove("partial_json");
        if let Some(input) = input.and_then(|text| serde_json::from_str(text.as_str()?).ok()) {
            block.insert("input".into(), input);
        }
    }
    let mut calls = said.calls.iter();
    let mut bits: Vec<Bit> = blocks.values().filter_map(bit).collect();
    for bit in &mut bits {
        if let Bit::Call { arguments, .. } = bit {
            *arguments = calls.next().expect("a call").arguments.clone();
        }
    }
    // The words of a refusal are no block, but all that is said.
    if said.text.is_empty() && !said.refusal.is_empty() {
        bits.push(Bit::Text { text: said.refusal.clone(), signature: None });
    }
    bits
}

fn bit(block: &Value) -> Option<Bit> {
    let text = |name: &str| block[name].as_str().unwrap_or_default().to_owned();
    Some(match block["type"].as_str()? {
        "text" => Bit::Text { text: text("text"), signature: None },
        "thinking" => Bit::Thought { text: text("thinking"), signature: Some(text("signature")) },
        "redacted_thinking" => Bit::Sealed(text("data")),
        "tool_use" => {
            Bit::Call { id: Some(text("id")), name: text("name"), arguments: block["input"].clone(), signature: None }
        }
        "tool_result" => {
            let content = match block["content"].as_str() {
                Some(text) => vec![text.into()],
                None => list(&block["content"])
                    .filter(|part| part["type"] == "text")
                    .map(|part| part["text"].clone())
                    .collect(),
            };
            Bit::Result { id: Some(text("tool_use_id")), name: None, content }
        }
        kind if kind.ends_with("tool_use") || kind.ends_with("tool_result") => Bit::Own(super::own(block), None),
        _ => return None,
    })
}
