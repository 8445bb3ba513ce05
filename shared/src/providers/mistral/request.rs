//! A request: OpenAI's in outline, with stricter rules for the order of messages and some other names.

use super::{
    messages::{is_prefix, messages},
    reasoning, tools,
    wire::Request,
};
use crate::{
    openai::{ChatRequest, Invalid},
    providers::{Prepared, extras::Extras, fields::MESSAGE},
    usage::ModelCard,
};
use bytes::Bytes;

/// <https://docs.mistral.ai/api/endpoint/chat>
const MAX_TEMPERATURE: f64 = 1.5;

pub(super) fn prepare(model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    let mut extras = Extras::of(request);
    extras.ordinary_tier();
    let offer = tools::offer(request, &mut extras)?;
    let wire = Request {
        model: &model.id,
        messages: messages(model, request)?,
        temperature: request.temperature.map(|value| temperature(&mut extras, value)),
        // "top_p must be 1 when using greedy sampling": it would choose among one.
        top_p: request.top_p.filter(|_| request.temperature != Some(0.0)),
        n: request.n,
        stop: request.stop_sequences().iter().map(String::as_str).filter(|stop| !stop.is_empty()).collect(),
        max_tokens: request.output_limit(),
        // Not negative here; the same seed still gives the same seed.
        random_seed: extras.whole("seed")?.map(i64::unsigned_abs),
        presence_penalty: extras.number("presence_penalty", -2.0, 2.0)?,
        frequency_penalty: extras.number("frequency_penalty", -2.0, 2.0)?,
        prompt_cache_key: extras.text("prompt_cache_key")?,
        tools: offer.tools,
        tool_choice: offer.choice,
        parallel_tool_calls: offer.parallel,
        response_format: tools::response_format(request),
        reasoning_effort: reasoning::effort(model, request, &mut extras)?,
        prediction: tools::prediction(&mut extras)?,
        metadata: extras.value("metadata"),
        // The last chunk always carries the usage; there are no stream options.
        stream: request.streams(),
    };
    let body = serde_json::to_vec(&wire).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
    Ok(Prepared {
        path: "/v1/chat/completions".into(),
        headers: Vec::new(),
        body: Bytes::from(body),
        ignored: extras.into_ignored(request, |field| {
            let last = request.messages.last().filter(|_| field.message + 1 == request.messages.len());
            (field.beside, field.name) == (MESSAGE, "prefix") && last.is_some_and(is_prefix)
        }),
    })
}

/// The dialect goes to 2. A value beyond is brought to the end of the range, and named.
fn temperature(extras: &mut Extras<'_>, value: f64) -> f64 {
    if value > MAX_TEMPERATURE {
        extras.ignore("temperature");
    }
    value.min(MAX_TEMPERATURE)
}
