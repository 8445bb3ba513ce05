//! What Google accepts.

use serde_json::{Map, Value};

use super::super::answer::{Asked, Shape};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::provider::Call;
use super::{config, contents, tools};

const FIELDS: &[&str] = &[
    "cachedContent",
    "contents",
    "generationConfig",
    "model",
    "safetySettings",
    "serviceTier",
    "store",
    "systemInstruction",
    "toolConfig",
    "tools",
];

const CONFIG: &[&str] = &[
    "audioTimestamp",
    "candidateCount",
    "enableEnhancedCivicAnswers",
    "frequencyPenalty",
    "imageConfig",
    "logprobs",
    "maxOutputTokens",
    "mediaResolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "speechConfig",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
];

/// Reads a request.
pub fn read(call: &Call, body: &Fields<'_>) -> Result<Asked, Fault> {
    body.only(&[FIELDS])?;
    let model = call.model.clone().unwrap_or_default();
    let (system, turns) = contents::read(body, &model)?;
    let empty = Value::Object(Map::new());
    let config = Fields::of(body.get("generationConfig").unwrap_or(&empty), "generation_config")?;
    config.only(&[CONFIG])?;
    let thinking = config::thinking(&config, &model)?;
    let asked = Asked {
        streamed: call.streamed,
        include_usage: true,
        system,
        turns,
        temperature: config.number("temperature", 0.0..=2.0)?,
        top_p: config.number("topP", 0.0..=1.0)?,
        top_k: config.number("topK", 1.0..=1000.0)?,
        stop: config.texts("stopSequences", 5, false)?,
        max_tokens: config.count("maxOutputTokens", 1)?,
        choices: config.count("candidateCount", 1)?.unwrap_or(0).min(8),
        offer: tools::offer(body)?,
        shape: config::shape(&config)?,
        thinks: thinking.on,
        thoughts_hidden: thinking.hidden,
        logprobs: config::logprobs(&config, &model, call.streamed)?,
        refuses_silently: true,
        model,
        ..Asked::default()
    };
    refuse_what_this_model_refuses(&config, &asked)?;
    Ok(asked)
}

fn refuse_what_this_model_refuses(config: &Fields<'_>, asked: &Asked) -> Result<(), Fault> {
    let since_3 = config::is_gemini_3(&asked.model);
    let structured = asked.shape != Shape::Text;
    if structured && !asked.offer.tools.is_empty() && !since_3 {
        let message = "Function calling with a response mime type: 'application/json' is unsupported";
        return Err(Fault::unsupported("generation_config.response_mime_type", message));
    }
    let penalty = ["presencePenalty", "frequencyPenalty"].iter().find(|name| config.has(name));
    match penalty {
        Some(name) if since_3 || asked.model.starts_with("gemini-2.5") => {
            Err(Fault::unsupported(config.path(name), format!("Penalty is not enabled for models/{}", asked.model)))
        }
        _ => Ok(()),
    }
}
