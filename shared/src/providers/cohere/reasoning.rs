//! Thinking: how much of it is asked for, what comes back, and what is sent back of it.

use super::wire::Thinking;
use crate::{
    openai::{ChatRequest, Invalid, chat::Message, format::Effort},
    providers::extras::Extras,
    usage::ModelCard,
};
use serde_json::{Value, json};

/// A thought of a reasoning model.
pub(super) const THINKING: &str = "thinking";
/// What another model says it will do with its calls, "a chain-of-thought style reflection" by Cohere's words.
pub(super) const TOOL_PLAN: &str = "tool_plan";

/// Whether a model thinks, and takes its thoughts back.
pub(super) fn thinks(model: &ModelCard) -> bool {
    model.id.contains("reasoning") || model.id.starts_with("command-a-plus")
}

/// Cohere knows a budget, not an effort: <https://docs.cohere.com/docs/reasoning>.
pub(super) fn asked(
    model: &ModelCard,
    request: &ChatRequest,
    extras: &mut Extras<'_>,
) -> Result<Option<Thinking>, Invalid> {
    let asked = extras.thinking()?;
    if !thinks(model) {
        if asked.max_tokens.is_some() || asked.effort.is_some_and(|effort| effort != Effort::None) {
            extras.ignore(if request.other.contains_key("reasoning") { "reasoning" } else { "reasoning_effort" });
        }
        return Ok(None);
    }
    let budget = match asked.effort {
        Some(Effort::None) => return Ok(Some(Thinking { kind: "disabled", token_budget: None })),
        None if asked.max_tokens.is_none() => return Ok(None),
        Some(Effort::Minimal) => Some(512),
        Some(Effort::Low) => Some(2048),
        Some(Effort::Medium) => Some(8192),
        None | Some(Effort::High | Effort::Xhigh | Effort::Max) => None,
    };
    Ok(Some(Thinking { kind: "enabled", token_budget: asked.max_tokens.or(budget) }))
}

/// What a caller sends back unchanged.
pub(super) fn detail(kind: &str, text: &str) -> Value {
    json!({ "type": kind, "provider": "cohere", "format": "cohere-v2", "text": text })
}

/// The thoughts of one kind that an assistant's message brings back. Thoughts without details have no kind: they are taken as any.
pub(super) fn returned<'a>(message: &'a Message, kind: &str) -> Option<&'a str> {
    let Some(details) = message.reasoning_details.as_deref().filter(|details| !details.is_empty()) else {
        return message.reasoning_content.as_deref().filter(|text| !text.trim().is_empty());
    };
    let own = |detail: &&Value| detail["provider"] == "cohere" && detail["type"] == kind;
    details.iter().find(own)?["text"].as_str().filter(|text| !text.is_empty())
}
