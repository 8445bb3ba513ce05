//! The dialect is OpenAI's own, so a request is written anew rather than translated.

use super::wire::{Content, Message, Part, Request, role};
use crate::{
    openai::{ChatRequest, Invalid, content},
    providers::{Prepared, extras::Extras},
    usage::ModelCard,
};
use bytes::Bytes;
use serde_json::{Map, Value};

/// What is passed on as it came. A list of what is known rather than of what is not: a field that nobody here has read about could change
/// what is billed, or where a prompt is kept (`store` would keep it in the account of whoever runs this).
const PASSED_ON: &[&str] = &[
    "frequency_penalty",
    "logit_bias",
    "metadata",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "safety_identifier",
    "seed",
    "service_tier",
    "user",
    "verbosity",
];

pub(super) fn prepare(model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    let mut extras = Extras::of(request);
    extras.keep_only(PASSED_ON);
    // Other tiers have other prices, which the price list does not have yet.
    if extras.get("service_tier").is_some_and(|tier| tier != "default") {
        return Err(Invalid::unsupported(
            "service_tier",
            "must be `auto` or `default`; other tiers are not priced yet",
        ));
    }
    let ignored = extras.named_so_far();
    let wire = Request {
        model: model.id,
        messages: request.messages.iter().map(message).collect(),
        temperature: request.temperature,
        top_p: request.top_p,
        n: request.n,
        stop: request.stop_sequences(),
        // The older `max_tokens` is refused by reasoning models; this name is taken by all.
        max_completion_tokens: request.output_limit(),
        stream: request.streams(),
        stream_options: request.streams().then(|| stream_options(request)),
        other: extras,
    };
    let body = serde_json::to_vec(&wire).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
    Ok(Prepared { path: "/v1/chat/completions".into(), headers: Vec::new(), body: Bytes::from(body), ignored })
}

/// The usage is always asked for: a stream without it could not be billed.
fn stream_options(request: &ChatRequest) -> Map<String, Value> {
    let mut options = request.stream_options.as_ref().map(|options| options.other.clone()).unwrap_or_default();
    options.insert("include_usage".into(), Value::Bool(true));
    options
}

fn message(message: &crate::openai::chat::Message) -> Message<'_> {
    Message {
        role: role(message.role),
        content: message.content.as_ref().map(|content| match content {
            content::Content::Text(text) => Content::Text(text),
            content::Content::Parts(parts) => Content::Parts(parts.iter().filter_map(part).collect()),
        }),
        name: message.name.as_deref(),
        refusal: message.refusal.as_deref(),
    }
}

fn part(part: &content::Part) -> Option<Part<'_>> {
    match (&part.text, &part.refusal) {
        (Some(text), _) if part.kind == "text" => Some(Part::Text { text }),
        (_, Some(refusal)) => Some(Part::Refusal { refusal }),
        _ => None,
    }
}
