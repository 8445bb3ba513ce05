//! What the model thought, as the caller keeps it and sends it back. Anthropic signs it and wants it back unchanged, and where it stood:
//! <https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks>.
//!
//! An entry of `reasoning_details` is `{"type": "reasoning.text", "provider", "format", "text", "signature"}` or
//! `{"type": "reasoning.encrypted", "provider", "format", "data"}`; `after_text` (characters) and `after_calls` say where it stood, unless
//! it came first. What tools did that Anthropic runs itself (a search, say) goes the same way, without which a paused turn could not go on:
//! `{"type": "provider.content", "provider", "format", "content"}`.

use super::wire::{Body, is_provided};
use crate::openai::chat::Message;
use serde::Deserialize;
use serde_json::{Map, Value, json};

const PROVIDER: &str = "anthropic";
const FORMAT: &str = "anthropic-claude-v1";

/// How much was said and called before.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) chars: usize,
    pub(super) calls: u32,
}

/// A thought that goes back.
pub(super) struct Thought<'a> {
    pub(super) body: Body<'a>,
    pub(super) after_text: usize,
    pub(super) after_calls: usize,
}

pub(super) fn signed(text: &str, signature: &str, place: Place) -> Value {
    let detail = json!({ "type": "reasoning.text", "provider": PROVIDER, "format": FORMAT, "text": text, "signature": signature });
    placed(detail, place)
}

pub(super) fn encrypted(data: &str, place: Place) -> Value {
    placed(json!({ "type": "reasoning.encrypted", "provider": PROVIDER, "format": FORMAT, "data": data }), place)
}

/// None where Anthropic does not want it back.
pub(super) fn provided(block: &Map<String, Value>, place: Place) -> Option<Value> {
    let detail = json!({ "type": "provider.content", "provider": PROVIDER, "format": FORMAT, "content": block });
    is_provided(block).then(|| placed(detail, place))
}

fn placed(mut detail: Value, place: Place) -> Value {
    if place.chars > 0 {
        detail["after_text"] = place.chars.into();
    }
    if place.calls > 0 {
        detail["after_calls"] = place.calls.into();
    }
    detail
}

/// The thoughts of a message that Anthropic's models had. What has no signature was not theirs to send back.
pub(super) fn thoughts(message: &Message) -> Vec<Thought<'_>> {
    #[derive(Deserialize)]
    struct Detail<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(default)]
        after_text: usize,
        #[serde(default)]
        after_calls: usize,
    }
    let details = message.reasoning_details.iter().flatten();
    details
        .filter(|detail| detail["provider"] == PROVIDER || (detail["provider"].is_null() && detail["format"] == FORMAT))
        .filter_map(|detail| {
            let text = |name: &str| detail[name].as_str();
            let Detail { kind, after_text, after_calls } = Detail::deserialize(detail).ok()?;
            let body = match kind {
                "reasoning.text" => Body::Thinking {
                    thinking: text("text").unwrap_or_default(),
                    signature: text("signature").filter(|signature| !signature.is_empty())?,
                },
                "reasoning.encrypted" => Body::RedactedThinking { data: text("data")? },
                "provider.content" => Body::provided(detail["content"].as_object()?)?,
                _ => return None,
            };
            Some(Thought { body, after_text, after_calls })
        })
        .collect()
}
