//! Turns of Google's contents, whose names may be in camel case or in snake case. A thought without a signature is a summary for people
//! and need not go back; a person's images are not compared.
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
        let is_models = content["role"] == "model";
        let mut bits: Vec<Bit> = list(&content["parts"]).filter_map(bit).collect();
        bits.retain(|bit| is_models || !matches!(bit, Bit::Drawn(_)));
        without_repeats(&mut bits);
        Turn { is_models, bits }
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

/// Names as Google writes them; its SDK for Python writes them in snake case.
fn in_camel_case(value: &Value) -> Value {
    let name = |name: &String| {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |all, word| {
            let (letter, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            all + &letter.to_uppercase() + rest
        })
    };
    match value {
        Value::Object(members) => members.iter().map(|(key, value)| (name(key), in_camel_case(value))).collect(),
        Value::Array(items) => items.iter().map(in_camel_case).collect(),
        other => other.clone(),
    }
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
    let own = [
        ["executableCode", "executable_code"],
        ["codeExecutionResult", "code_execution_result"],
        ["toolCall", "tool_call"],
        ["toolResponse", "tool_response"],
    ];
    let of_own = |names: [&'static str; 2]| names.into_iter().find_map(|name| part.get(name)).map(|it| (names[0], it));
    if let Some((name, it)) = own.into_iter().find_map(of_own) {
        return Some(Bit::Own(
            super::own(&serde_json::json!([name, in_camel_case(it)])),
            signature.as_deref().map(super::beginning),
        ));
    }
    let drawn = &part["inlineData"];
    if drawn["mimeType"].as_str().is_some_and(|kind| kind.starts_with("image/")) && part["thought"] != true {
        return owned(&drawn["data"]).map(Bit::Drawn);
    }
    let text = owned(&part["text"])?;
    match part["thought"] == true {
        true => signature.map(|signature| Bit::Thought { text, signature: Some(signature) }),
        false => Some(Bit::Text { text, signature }),
    }
}
