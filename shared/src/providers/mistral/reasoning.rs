//! Thinking: whether it is asked for, what comes back, and what is sent back of it.
//! <https://docs.mistral.ai/inference/conversations/reasoning>

use crate::{
    openai::{ChatRequest, Invalid, chat::Message, format::Effort},
    providers::extras::{Extras, Thinking},
    usage::ModelCard,
};
use serde_json::{Value, json};

/// Small 4 and Medium 3.5, which think when asked to.
const ADJUSTABLE: &[&str] = &[
    "mistral-medium",
    "mistral-medium-2604",
    "mistral-medium-3-5",
    "mistral-medium-3.5",
    "mistral-medium-latest",
    "mistral-small",
    "mistral-small-2603",
    "mistral-small-latest",
];

fn always_thinks(model: &ModelCard) -> bool {
    model.id.starts_with("magistral-")
}

pub(super) fn is_adjustable(model: &ModelCard) -> bool {
    ADJUSTABLE.contains(&&*model.id)
}

/// Whether a model can think, and takes its thoughts back.
pub(super) fn thinks(model: &ModelCard) -> bool {
    always_thinks(model) || is_adjustable(model)
}

/// There are two efforts, `none` and `high`; what is between is nearer to `high`, and named.
pub(super) fn effort(
    model: &ModelCard,
    request: &ChatRequest,
    extras: &mut Extras<'_>,
) -> Result<Option<&'static str>, Invalid> {
    let Thinking { effort, max_tokens, .. } = extras.thinking()?;
    if max_tokens.is_some() {
        extras.ignore("reasoning.max_tokens");
    }
    let name = if request.other.contains_key("reasoning") { "reasoning.effort" } else { "reasoning_effort" };
    let effort = effort.or(max_tokens.map(|_| Effort::High));
    let honoured = match effort {
        None => true,
        Some(Effort::None) => !always_thinks(model),
        Some(Effort::High) => thinks(model),
        Some(_) => false,
    };
    if !honoured {
        extras.ignore(name);
    }
    Ok(match effort.filter(|_| is_adjustable(model)) {
        None => None,
        Some(Effort::None) => Some("none"),
        Some(_) => Some("high"),
    })
}

/// A thought that an assistant's message brings back.
pub(super) struct Thought<'a> {
    pub(super) text: &'a str,
    pub(super) signature: Option<&'a str>,
}

/// Thoughts without details are taken for Mistral's own: it does not sign them.
pub(super) fn returned(message: &Message) -> Vec<Thought<'_>> {
    let Some(details) = message.reasoning_details.as_deref().filter(|details| !details.is_empty()) else {
        let text = message.reasoning_content.as_deref().filter(|text| !text.trim().is_empty());
        return text.map(|text| Thought { text, signature: None }).into_iter().collect();
    };
    let own = details.iter().filter(|detail| detail["provider"] == "mistral" && detail["type"] == "thinking");
    own.filter_map(|detail| Some(Thought { text: detail["text"].as_str()?, signature: detail["signature"].as_str() }))
        .collect()
}

/// A thought that is being told, chunk by chunk.
#[derive(Default)]
pub(super) struct Telling {
    text: String,
    signature: Option<String>,
}

impl Telling {
    /// Takes a chunk and returns its words.
    pub(super) fn more(&mut self, thinking: &Value, signature: Option<&Value>) -> String {
        let words = match thinking {
            Value::String(text) => text.clone(),
            Value::Array(chunks) => chunks.iter().filter_map(|chunk| chunk["text"].as_str()).collect(),
            _ => String::new(),
        };
        self.text.push_str(&words);
        if let Some(signature) = signature.and_then(Value::as_str) {
            self.signature = Some(signature.to_owned());
        }
        words
    }

    /// What a caller sends back unchanged, once the thought is told.
    pub(super) fn end(&mut self) -> Option<Value> {
        let Self { text, signature } = std::mem::take(self);
        if text.is_empty() {
            return None;
        }
        let mut detail = json!({ "type": "thinking", "provider": "mistral", "format": "mistral-v1", "text": text });
        if let (Some(signature), Some(members)) = (signature, detail.as_object_mut()) {
            members.insert("signature".into(), signature.into());
        }
        Some(detail)
    }
}
