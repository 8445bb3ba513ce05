//! The dialect is OpenAI's own, so a request is written anew rather than translated.

use super::{
    abilities::Abilities,
    messages, tools,
    wire::{self, Request},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        format::{Effort, Form, ResponseFormat},
    },
    providers::{Prepared, extras::Extras},
    usage::ModelCard,
};
use bytes::Bytes;
use serde_json::{Map, Value};

/// What is passed on as it came. A list of what is known rather than of what is not: a field that nobody here has read about could change
/// what is billed, or where a prompt is kept (`store` would keep it in the account of whoever runs this, and "the 'metadata' parameter is only
/// allowed when 'store' is enabled").
const PASSED_ON: &[&str] = &[
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "modalities",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",
    "service_tier",
    "top_logprobs",
    "user",
    "verbosity",
    "web_search_options",
];

pub(super) fn prepare(model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    let abilities = Abilities::of(&model.id);
    let mut extras = Extras::of(request);
    let effort = think(abilities, request, &mut extras)?;
    extras.keep_only(PASSED_ON);
    for name in abilities.refused(effort) {
        // How much the others say is what OpenAI calls medium.
        if extras.value(name).is_some_and(|value| (name, value.as_str()) != ("verbosity", Some("medium"))) {
            extras.ignore(name);
        }
    }
    extras.name_fields(request, |field| messages::takes(abilities, field));
    let samples = abilities.samples(effort);
    let wire = Request {
        model: &model.id,
        messages: messages::translate(abilities, request)?,
        temperature: sampled("temperature", request.temperature, samples, &mut extras),
        top_p: sampled("top_p", request.top_p, samples, &mut extras),
        n: request.n,
        stop: stop(abilities, request, &mut extras),
        // The older `max_tokens` is refused by reasoning models; this name is taken by all.
        max_completion_tokens: request.output_limit(),
        stream: request.streams(),
        stream_options: request.streams().then(|| stream_options(request)),
        tools: tools::offer(request),
        tool_choice: tools::choose(request),
        parallel_tool_calls: parallel(abilities, request, &mut extras)?,
        response_format: request.response_format.as_ref().and_then(response_format),
        reasoning_effort: effort.map(Effort::as_str),
        other: extras,
    };
    let ignored = wire.other.named_so_far();
    let body = serde_json::to_vec(&wire).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
    Ok(Prepared { path: "/v1/chat/completions".into(), headers: Vec::new(), body: Bytes::from(body), ignored })
}

/// How hard to think, as far as the model can be told. Its thoughts are never shown here, so `reasoning.exclude` is met in any case.
fn think(abilities: Abilities<'_>, request: &ChatRequest, extras: &mut Extras<'_>) -> Result<Option<Effort>, Invalid> {
    let name = match extras.get("reasoning") {
        Some(reasoning) if !reasoning["enabled"].is_null() && reasoning["effort"].is_null() => "reasoning.enabled",
        Some(reasoning) if !reasoning["effort"].is_null() => "reasoning.effort",
        _ => "reasoning_effort",
    };
    let thinking = extras.thinking()?;
    if thinking.max_tokens.is_some() {
        extras.ignore("reasoning.max_tokens");
    }
    let wanted = thinking.effort;
    let taken = abilities.effort(wanted, request.tools().iter().any(|tool| tool.kind == "function"));
    // Not to think is what a model that cannot think does anyway.
    if wanted.is_some() && taken != wanted && (wanted, taken) != (Some(Effort::None), None) {
        extras.ignore(name);
    }
    Ok(taken)
}

/// The default is taken by some models that refuse to be told it, so it is not told.
fn sampled(name: &str, value: Option<f64>, samples: bool, extras: &mut Extras<'_>) -> Option<f64> {
    let asks_for_more = value.is_some_and(|value| (value - 1.0).abs() > f64::EPSILON);
    if !samples && asks_for_more {
        extras.ignore(name);
    }
    value.filter(|_| samples)
}

fn stop<'a>(abilities: Abilities<'_>, request: &'a ChatRequest, extras: &mut Extras<'_>) -> &'a [String] {
    let sequences = request.stop_sequences();
    if abilities.takes_stop() || sequences.is_empty() {
        return sequences;
    }
    extras.ignore("stop");
    &[]
}

/// Refused where there are no tools. A caller of the older `functions` can be given one call only.
fn parallel(abilities: Abilities<'_>, request: &ChatRequest, extras: &mut Extras<'_>) -> Result<Option<bool>, Invalid> {
    let wanted = extras.flag("parallel_tool_calls")?;
    if request.tools().is_empty() {
        return Ok(None);
    }
    if !abilities.takes_parallel_tool_calls() {
        // They call one after the other as it is.
        if wanted == Some(true) {
            extras.ignore("parallel_tool_calls");
        }
        return Ok(None);
    }
    if request.legacy_functions && wanted == Some(true) {
        extras.ignore("parallel_tool_calls");
    }
    Ok(if request.legacy_functions { Some(false) } else { wanted })
}

/// Plain text is the default, which some models refuse to be told.
fn response_format(format: &ResponseFormat) -> Option<wire::ResponseFormat<'_>> {
    match format.form() {
        Form::Text => None,
        Form::JsonObject => Some(wire::ResponseFormat::JsonObject),
        Form::JsonSchema(schema) => Some(wire::ResponseFormat::JsonSchema {
            json_schema: wire::JsonSchema {
                name: &schema.name,
                description: schema.description.as_deref(),
                schema: schema.schema.as_ref(),
                strict: schema.strict,
            },
        }),
    }
}

/// The usage is always asked for: a stream without it could not be billed.
fn stream_options(request: &ChatRequest) -> Map<String, Value> {
    let mut options = request.stream_options.as_ref().map(|options| options.other.clone()).unwrap_or_default();
    options.insert("include_usage".into(), Value::Bool(true));
    options
}
