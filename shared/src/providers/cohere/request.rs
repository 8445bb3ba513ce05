//! A request: OpenAI's messages, and parameters of other names and narrower ranges.

use super::{messages::messages, reasoning, tools, wire::Request};
use crate::{
    openai::{ChatRequest, Invalid},
    providers::{Prepared, extras::Extras},
    usage::ModelCard,
};
use bytes::Bytes;

pub(super) fn prepare(model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(Invalid::unsupported("n", "Cohere gives one answer; send the request several times"));
    }
    let mut extras = Extras::of(request);
    extras.ordinary_tier();
    let offer = tools::offer(model, request, &mut extras)?;
    let response_format = tools::response_format(request, &offer, &mut extras)?;
    let thinking = reasoning::asked(model, request, &mut extras)?;
    let wire = Request {
        model: &model.id,
        messages: messages(request, reasoning::thinks(model))?,
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
        tools: offer.tools,
        strict_tools: offer.strict,
        tool_choice: offer.choice,
        response_format,
        thinking,
        // Of the tokens that were chosen; `top_logprobs`, of the others, is left and so named.
        logprobs: extras.flag("logprobs")?.unwrap_or(false),
        stream: request.streams(),
    };
    let body = serde_json::to_vec(&wire).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
    Ok(Prepared {
        path: "/v2/chat".into(),
        headers: Vec::new(),
        body: Bytes::from(body),
        ignored: extras.into_ignored(request, |_| false),
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
