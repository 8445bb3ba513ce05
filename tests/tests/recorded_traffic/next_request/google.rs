//! Turns of Google's contents, whose names may be in camel case or in snake case. A thought without a signature is a summary for people
//! and need not go back; images and what Google ran itself are not compared.
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>

use serde_json::Value;

use super::{Bit, Turn};
use crate::{
    rows::Row,
    said::{Choice, list},
};

/// What stands for a signature where a model's own is not known.
const UNKNOWN: &str = "skip_thought_signature_validator";

pub fn turns(body: &Value) -> Vec<Turn> {
    let turn = |content: &Value| {
        let mut bits: Vec<Bit> = list(&content["parts"]).filter_map(bit).collect();
        without_repeats(&mut bits);
        Turn { is_models: content["role"] == "model", bits }
    };
    list(&body["contents"]).map(turn).collect()
}

/// Of parallel calls the model signs the first; some clients put its signature on all.
fn without_repeats(bits: &mut [Bit]) {
    let mut seen = Vec::new();
    for bit in bits {
        if let Bit::Call { signature, .. } = bit {
            match signature {
                Some(it) if seen.contains(it) => *signature = None,
                Some(it) => seen.push(it.clone()),
                None => {}
            }
        }
    }
}

/// The parts of an answer's first candidate.
pub fn answer(row: &Row, said: &Choice) -> Vec<Bit> {
    let mut calls = said.calls.iter();
    let mut bits = Vec::new();
    for event in row.events() {
        let mut candidates = list(&event["candidates"]).filter(|one| one["index"].as_u64().unwrap_or_default() == 0);
        let parts = candidates.next().map(|first| &first["content"]["parts"]).unwrap_or(&Value::Null);
        for mut bit in list(parts).filter_map(bit) {
            match &mut bit {
                // More of a call's arguments.
                Bit::Call { name, .. } if name.is_empty() => continue,
                Bit::Call { arguments, .. } => *arguments = calls.next().expect("a call").arguments.clone(),
                _ => {}
            }
            bits.push(bit);
        }
    }
    bits
}

fn bit(part: &Value) -> Option<Bit> {
    let [signature, call, response] = [
        ["thoughtSignature", "thought_signature"],
        ["functionCall", "function_call"],
        ["functionResponse", "function_response"],
    ]
    .map(|names| names.into_iter().map(|name| &part[name]).find(|it| !it.is_null()).unwrap_or(&Value::Null));
    // Google's SDK for Python writes the same bytes in the other alphabet of base 64.
    let signature = signature.as_str().filter(|it| *it != UNKNOWN).map(|it| it.replace('-', "+").replace('_', "/"));
    let owned = |value: &Value| value.as_str().map(str::to_owned);
    if call.is_object() {
        let arguments =
            call.get("args").filter(|args| !args.is_null()).cloned().unwrap_or_else(|| serde_json::json!({}));
        return Some(Bit::Call {
            id: owned(&call["id"]),
            name: owned(&call["name"]).unwrap_or_default(),
            arguments,
            signature,
        });
    }
    if response.is_object() {
        let content = vec![response["response"].clone()];
        return Some(Bit::Result { id: owned(&response["id"]), name: owned(&response["name"]), content });
    }
    let text = owned(&part["text"])?;
    match part["thought"] == true {
        true => signature.map(|signature| Bit::Thought { text, signature: Some(signature) }),
        false => Some(Bit::Text { text, signature }),
    }
}
