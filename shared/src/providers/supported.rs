//! What a model honours, found by asking its own translator: a field is supported if a request with it is neither refused nor has it
//! named as left out. So the list cannot say what the code does not do.

use super::{Provider, prepare_chat};
use crate::{
    openai::{ChatRequest, EmbeddingsRequest},
    usage::{Modality, ModelCard, ModelKind},
};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Something to try.
struct Probe<T, Request> {
    what: T,
    request: Request,
}

/// Each field of the dialect with a value that asks for something.
static PARAMETERS: LazyLock<Vec<Probe<&'static str, ChatRequest>>> = LazyLock::new(|| {
    let tools = json!([{ "type": "function", "function": { "name": "f", "parameters": { "type": "object" } } }]);
    let schema = json!({ "type": "object", "properties": {}, "required": [], "additionalProperties": false });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "s", "schema": schema, "strict": true } });
    #[rustfmt::skip]
    let fields = [
        ("audio",                 json!({ "modalities": ["text", "audio"], "audio": { "voice": "alloy", "format": "wav" } })),
        ("frequency_penalty",     json!({ "frequency_penalty": 0.5 })),
        ("logit_bias",            json!({ "logit_bias": { "50256": -100 } })),
        ("logprobs",              json!({ "logprobs": true })),
        ("max_completion_tokens", json!({ "max_completion_tokens": 100 })),
        ("max_tokens",            json!({ "max_tokens": 100 })),
        ("metadata",              json!({ "metadata": { "a": "b" } })),
        ("modalities",            json!({ "modalities": ["text", "audio"], "audio": { "voice": "alloy", "format": "wav" } })),
        ("n",                     json!({ "n": 2 })),
        ("parallel_tool_calls",   json!({ "tools": tools, "parallel_tool_calls": false })),
        ("prediction",            json!({ "prediction": { "type": "content", "content": "a" } })),
        ("presence_penalty",      json!({ "presence_penalty": 0.5 })),
        ("prompt_cache_key",      json!({ "prompt_cache_key": "a" })),
        ("reasoning",             json!({ "reasoning": { "effort": "high" } })),
        ("reasoning_effort",      json!({ "reasoning_effort": "high" })),
        ("response_format",       json!({ "response_format": format })),
        ("safety_identifier",     json!({ "safety_identifier": "a" })),
        ("seed",                  json!({ "seed": 7 })),
        ("service_tier",          json!({ "service_tier": "priority" })),
        ("service_tier",          json!({ "service_tier": "flex" })),
        ("stop",                  json!({ "stop": ["a"] })),
        ("temperature",           json!({ "temperature": 0.5 })),
        ("tool_choice",           json!({ "tools": tools, "tool_choice": "required" })),
        ("tools",                 json!({ "tools": tools })),
        ("top_logprobs",          json!({ "logprobs": true, "top_logprobs": 2 })),
        ("top_p",                 json!({ "top_p": 0.96 })),
        ("user",                  json!({ "user": "a" })),
        ("verbosity",             json!({ "verbosity": "low" })),
        ("web_search_options",    json!({ "web_search_options": {} })),
    ];
    let probe = |(what, fields): (_, Value)| Some(Probe { what, request: chat(fields)? });
    fields.into_iter().filter_map(probe).collect()
});

/// Each field of an embeddings request.
static EMBEDDING_PARAMETERS: LazyLock<Vec<Probe<&'static str, EmbeddingsRequest>>> = LazyLock::new(|| {
    let fields = [
        ("dimensions", json!({ "dimensions": 256 })),
        ("encoding_format", json!({ "encoding_format": "base64" })),
        ("input_type", json!({ "input_type": "search_query" })),
        ("user", json!({ "user": "a" })),
    ];
    let probe = |(what, fields): (_, Value)| {
        let body = with(json!({ "model": "m", "input": ["a"] }), fields);
        Some(Probe { what, request: EmbeddingsRequest::parse(body.to_string().as_bytes()).ok()? })
    };
    fields.into_iter().filter_map(probe).collect()
});

/// A message with each kind of content. Films come as files.
static INPUTS: LazyLock<Vec<Probe<Modality, ChatRequest>>> = LazyLock::new(|| {
    let image = "data:image/png;base64,iVBORw0KGgo=";
    let file = |name: &str, url: &str| json!({ "type": "file", "file": { "filename": name, "file_data": url } });
    let parts = [
        (Modality::Text, json!({ "type": "text", "text": "a" })),
        (Modality::Image, json!({ "type": "image_url", "image_url": { "url": image } })),
        (Modality::File, file("a.pdf", "data:application/pdf;base64,JVBERi0=")),
        (Modality::Audio, json!({ "type": "input_audio", "input_audio": { "data": "AAAA", "format": "wav" } })),
        (Modality::Video, file("a.mp4", "data:video/mp4;base64,AAAA")),
    ];
    let probe = |(what, part): (_, Value)| {
        Some(Probe { what, request: chat(json!({ "messages": [{ "role": "user", "content": [part] }] }))? })
    };
    parts.into_iter().filter_map(probe).collect()
});

/// The fields of a request that a model honours, in alphabetical order.
pub fn parameters(provider: &dyn Provider, model: &ModelCard) -> Vec<&'static str> {
    let mut honoured: Vec<&'static str> = match model.kind {
        ModelKind::Chat => {
            let calls =
                |name: &str| model.calls_functions || !["parallel_tool_calls", "tool_choice", "tools"].contains(&name);
            let probes = PARAMETERS.iter().filter(|probe| calls(probe.what));
            probes.filter(|probe| takes(provider, model, &probe.request, probe.what)).map(|probe| probe.what).collect()
        }
        ModelKind::Embedding => {
            let takes = |probe: &&Probe<&'static str, EmbeddingsRequest>| {
                let request =
                    |embedder: &dyn super::Embedder| embedder.request(model, &probe.request, &probe.request.input);
                let prepared = provider.embeddings().map(request);
                prepared.and_then(Result::ok).is_some_and(|prepared| !is_named(&prepared.ignored, probe.what))
            };
            EMBEDDING_PARAMETERS.iter().filter(takes).map(|probe| probe.what).collect()
        }
    };
    honoured.dedup();
    honoured
}

/// What a prompt may hold: what the model takes, as far as it can be sent.
pub fn inputs(provider: &dyn Provider, model: &ModelCard) -> Vec<Modality> {
    let can_be_sent = |modality: &Modality| match model.kind {
        ModelKind::Embedding => *modality == Modality::Text,
        ModelKind::Chat => {
            let mut probes = INPUTS.iter().filter(|probe| probe.what == *modality);
            probes.any(|probe| takes(provider, model, &probe.request, "messages"))
        }
    };
    model.takes.iter().copied().filter(can_be_sent).collect()
}

/// What an answer may hold: what the model gives, as far as it can be asked for.
pub fn outputs(provider: &dyn Provider, model: &ModelCard) -> Vec<Modality> {
    let mut spoken = PARAMETERS.iter().filter(|probe| probe.what == "modalities");
    let speaks = spoken.any(|probe| takes(provider, model, &probe.request, probe.what));
    let can_be_had = |modality: &Modality| match modality {
        Modality::Text => true,
        Modality::Audio => speaks || !model.gives.contains(&Modality::Text),
        _ => !model.gives.contains(&Modality::Text),
    };
    model.gives.iter().copied().filter(can_be_had).collect()
}

fn takes(provider: &dyn Provider, model: &ModelCard, request: &ChatRequest, name: &str) -> bool {
    prepare_chat(provider, model, request).is_ok_and(|(prepared, _)| !is_named(&prepared.ignored, name))
}

/// Whether a field, or a part of it, is named as left out.
fn is_named(ignored: &[String], name: &str) -> bool {
    ignored
        .iter()
        .any(|ignored| ignored.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
}

/// None for what the dialect does not offer yet.
fn chat(fields: Value) -> Option<ChatRequest> {
    let body = with(json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] }), fields);
    ChatRequest::parse(body.to_string().as_bytes()).ok()
}

fn with(mut body: Value, fields: Value) -> Value {
    if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
        body.extend(fields);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::plan;

    #[test]
    fn a_model_names_what_it_honours_and_no_more() {
        #[rustfmt::skip]
        let table = [
            ("openai/gpt-4o",                 "temperature",      true,  "it samples"),
            ("openai/gpt-4o",                 "reasoning_effort", false, "it does not think"),
            ("openai/o3",                     "temperature",      false, "a reasoning model takes none"),
            ("openai/o3",                     "reasoning_effort", true,  "it thinks"),
            ("openai/gpt-4.1",                "service_tier",     true,  "priority has a price"),
            ("openai/gpt-4-turbo",            "service_tier",     false, "no tier has a price"),
            ("openai/gpt-4o-search-preview",  "web_search_options", true, "it searches"),
            ("openai/gpt-4o",                 "web_search_options", false, "it does not"),
            ("anthropic/claude-opus-4-6",     "tools",            true,  "it calls functions"),
            ("anthropic/claude-opus-4-6",     "seed",             false, "Anthropic has none"),
            ("anthropic/claude-opus-4-6",     "n",                false, "Anthropic gives one answer"),
            ("google/gemini-2.5-pro",         "response_format",  true,  "by a schema"),
            ("google/gemini-3.5-flash",       "service_tier",     true,  "flex has a price"),
            ("google/gemini-3-pro-preview",   "logprobs",         false, "not enabled for the third generation"),
            ("cohere/command-a-03-2025",      "seed",             true,  "by its own name"),
            ("mistral/mistral-large-latest",  "seed",             true,  "as `random_seed`"),
            ("mistral/open-mistral-7b",       "tools",            false, "it calls no functions"),
            ("cohere/embed-v4.0",             "input_type",       true,  "documents and questions differ"),
            ("openai/text-embedding-3-small", "dimensions",       true,  "it can be shorter"),
            ("openai/text-embedding-3-small", "temperature",      false, "of chat"),
        ];
        for (name, parameter, honours, why) in table {
            let candidate = plan::resolve(name).expect("a model");
            let named = parameters(candidate.provider, &candidate.model);
            assert_eq!(named.contains(&parameter), honours, "{name} {parameter}: {why}; {named:?}");
            assert!(named.is_sorted(), "{named:?}");
        }
    }

    /// A probe that is no request would be dropped, and its field never named.
    #[test]
    fn every_probe_is_a_request() {
        let tried: Vec<_> = PARAMETERS.iter().map(|probe| probe.what).collect();
        assert!(tried.is_sorted(), "{tried:?}");
        let but_for_sound = tried.iter().filter(|name| !["audio", "modalities"].contains(*name));
        assert_eq!((but_for_sound.count(), INPUTS.len(), EMBEDDING_PARAMETERS.len()), (27, 5, 4));
    }

    #[test]
    fn a_prompt_holds_what_the_model_takes_and_the_wire_can_carry() {
        use Modality::{Audio, File, Image, Text};
        #[rustfmt::skip]
        let table = [
            ("openai/gpt-audio",             vec![Text, Audio],       "by its list"),
            ("openai/gpt-4o",                vec![Text, Image, File], "no sound"),
            ("anthropic/claude-opus-4-6",    vec![Text, Image, File], "no sound"),
            ("cohere/command-a-03-2025",     vec![Text],              "no images"),
            ("mistral/voxtral-small-latest", vec![Text, Audio],       "billed by the minute"),
        ];
        for (name, wanted, why) in table {
            let candidate = plan::resolve(name).expect("a model");
            assert_eq!(inputs(candidate.provider, &candidate.model), wanted, "{name}: {why}");
        }
    }
}
