//! A request: OpenAI's messages, and parameters of other names and narrower ranges.

use super::wire::{Content, Message, Part, Request};
use crate::{
    openai::{ChatRequest, Invalid},
    providers::{
        Prepared,
        dialogue::{Dialogue, Speaker},
        extras::Extras,
    },
    usage::ModelCard,
};
use bytes::Bytes;

pub(super) fn prepare(model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(Invalid::unsupported("n", "Cohere gives one answer; send the request several times"));
    }
    let mut extras = Extras::of(request);
    let dialogue = Dialogue::of(request)?;
    let wire = Request {
        model: model.id,
        messages: messages(&dialogue),
        temperature: request.temperature.map(|value| within(&mut extras, "temperature", value)),
        // 0 and 1 are the dialect's ends of the range and often sent; the nearest that Cohere takes mean the same.
        p: request.top_p.map(|top_p| top_p.clamp(0.01, 0.99)),
        max_tokens: request.output_limit(),
        // Cohere takes five, the dialect four. An empty one asks for nothing.
        stop_sequences: request.stop_sequences().iter().map(String::as_str).filter(|stop| !stop.is_empty()).collect(),
        // Not negative here; the same seed still gives the same seed.
        seed: extras.whole("seed")?.map(i64::unsigned_abs),
        frequency_penalty: penalty(&mut extras, "frequency_penalty")?,
        presence_penalty: penalty(&mut extras, "presence_penalty")?,
        stream: request.streams(),
    };
    let body = serde_json::to_vec(&wire).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
    Ok(Prepared {
        path: "/v2/chat".into(),
        headers: Vec::new(),
        body: Bytes::from(body),
        ignored: extras.into_ignored(request),
    })
}

fn penalty(extras: &mut Extras<'_>, name: &str) -> Result<Option<f64>, Invalid> {
    Ok(extras.number(name, -2.0, 2.0)?.map(|value| within(extras, name, value)))
}

/// Cohere's temperature and penalties go from 0 to 1. A value beyond is brought to the nearest end, and named.
fn within(extras: &mut Extras<'_>, name: &str, value: f64) -> f64 {
    if !(0.0..=1.0).contains(&value) {
        extras.ignore(name);
    }
    value.clamp(0.0, 1.0)
}

fn messages<'a>(dialogue: &Dialogue<'a>) -> Vec<Message<'a>> {
    let instructions = dialogue.instructions.iter().map(|texts| message("system", texts));
    let turns = dialogue.turns.iter().map(|turn| match turn.speaker {
        Speaker::User => message("user", &turn.texts),
        Speaker::Assistant => message("assistant", &turn.texts),
    });
    instructions.chain(turns).collect()
}

fn message<'a>(role: &'static str, texts: &[&'a str]) -> Message<'a> {
    let content = match texts {
        [text] => Content::Text(text),
        texts => Content::Parts(texts.iter().map(|text| Part::Text { text }).collect()),
    };
    Message { role, content }
}
