//! A request. The model is part of the path, streaming a method of its own.

use super::wire::{Content, GenerationConfig, Part, Request};
use crate::{
    openai::{ChatRequest, Invalid},
    providers::{
        Prepared,
        dialogue::{Dialogue, Speaker, Turn},
        extras::Extras,
    },
    usage::ModelCard,
};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a path segment may hold as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// <https://ai.google.dev/api/generate-content#generationconfig>
const MAX_CANDIDATES: u32 = 8;

pub(super) fn prepare(model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    if request.n.is_some_and(|n| n > MAX_CANDIDATES) {
        return Err(Invalid::unsupported("n", "Google gives at most eight answers"));
    }
    let mut extras = Extras::of(request);
    let dialogue = Dialogue::of(request)?;
    let mut contents: Vec<_> = dialogue.turns.iter().map(content).collect();
    let mut system_instruction = (!dialogue.instructions.is_empty())
        .then(|| Content { role: None, parts: parts(dialogue.instructions.iter().flatten()) });
    if !takes_instructions(model.id) {
        let said_first = system_instruction.take().map(|spoken| Content { role: Some("user"), ..spoken });
        contents.splice(0..0, said_first);
    }
    let wire = Request { system_instruction, contents, generation_config: generation_config(request, &mut extras)? };
    let body = serde_json::to_vec(&wire).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
    let method = if request.streams() { "streamGenerateContent?alt=sse" } else { "generateContent" };
    Ok(Prepared {
        path: format!("/v1beta/models/{}:{method}", utf8_percent_encode(model.id, SEGMENT)),
        headers: Vec::new(),
        body: Bytes::from(body),
        ignored: extras.into_ignored(request),
    })
}

fn generation_config<'a>(request: &'a ChatRequest, extras: &mut Extras<'_>) -> Result<GenerationConfig<'a>, Invalid> {
    Ok(GenerationConfig {
        temperature: request.temperature,
        top_p: request.top_p,
        max_output_tokens: request.output_limit(),
        // Google takes five, the dialect four. An empty one asks for nothing.
        stop_sequences: request.stop_sequences().iter().map(String::as_str).filter(|stop| !stop.is_empty()).collect(),
        // Models that give only one answer refuse the field itself.
        candidate_count: request.n.filter(|&n| n > 1),
        seed: extras.whole("seed")?.map(seed),
        presence_penalty: extras.number("presence_penalty", -2.0, 2.0)?,
        frequency_penalty: extras.number("frequency_penalty", -2.0, 2.0)?,
    })
}

/// Google's has 32 bits. A larger one is folded: the same seed still gives the same seed.
fn seed(seed: i64) -> i32 {
    i32::try_from(seed).or_else(|_| i32::try_from(seed.rem_euclid(i64::from(i32::MAX)))).unwrap_or_default()
}

/// The older Gemma models: "Developer instruction is not enabled". Their own format puts instructions into the first user turn.
/// <https://ai.google.dev/gemma/docs/core/prompt-structure>
fn takes_instructions(model: &str) -> bool {
    !["gemma-2", "gemma-3"].iter().any(|older| model.contains(older))
}

/// Consecutive turns of one role are allowed, and so is a last turn of the model.
fn content<'a>(turn: &Turn<'a>) -> Content<'a> {
    let role = match turn.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "model",
    };
    Content { role: Some(role), parts: parts(&turn.texts) }
}

fn parts<'a: 'b, 'b>(texts: impl IntoIterator<Item = &'b &'a str>) -> Vec<Part<'a>> {
    texts.into_iter().map(|text| Part { text }).collect()
}
