//! A request: instructions apart, turns of alternating roles, and the rules that Anthropic enforces with a 400.

use super::wire::{Block, Message, Metadata, Request};
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
use http::{HeaderName, HeaderValue};

/// <https://platform.claude.com/docs/en/api/versioning>
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// `max_tokens` is required here and optional in the dialect. The model's own maximum would be the faithful default, but Anthropic
/// warns against plain requests that may run for ten minutes (about 21,000 tokens), and older models count it against the context.
const DEFAULT_MAX_TOKENS: u32 = 16_384;

pub(super) fn prepare(model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(Invalid::unsupported("n", "Anthropic gives one answer; send the request several times"));
    }
    let rules = Rules::of(model.id);
    let mut extras = Extras::of(request);
    let mut dialogue = Dialogue::of(request)?;
    dialogue.begin_with_user();
    if !rules.continues_an_answer {
        dialogue.end_with_user();
    }
    let (temperature, top_p) = rules.sampling.choose(request, &mut extras);
    let wire = Request {
        model: model.id,
        max_tokens: request
            .output_limit()
            .unwrap_or_else(|| model.max_output_tokens.unwrap_or(u32::MAX).min(DEFAULT_MAX_TOKENS)),
        system: dialogue.instructions.iter().flatten().map(|text| Block::Text { text }).collect(),
        messages: messages(&dialogue.turns),
        temperature,
        top_p,
        stop_sequences: stop_sequences(request, &mut extras),
        stream: request.streams(),
        metadata: user_id(&mut extras)?.map(|user_id| Metadata { user_id }),
        service_tier: service_tier(&mut extras)?,
    };
    let body = serde_json::to_vec(&wire).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
    Ok(Prepared {
        path: "/v1/messages".into(),
        headers: vec![(HeaderName::from_static(VERSION.0), HeaderValue::from_static(VERSION.1))],
        body: Bytes::from(body),
        ignored: extras.into_ignored(request),
    })
}

/// Consecutive turns of one role become one. A last assistant turn is the beginning of the answer (a prefill), which is refused with
/// white space at its end.
fn messages<'a>(turns: &[Turn<'a>]) -> Vec<Message<'a>> {
    let mut out: Vec<Message<'a>> = Vec::new();
    for turn in turns {
        let role = match turn.speaker {
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
        };
        let blocks = turn.texts.iter().map(|text| Block::Text { text });
        match out.last_mut().filter(|message| message.role == role) {
            Some(message) => message.content.extend(blocks),
            None => out.push(Message { role, content: blocks.collect() }),
        }
    }
    if let Some(Block::Text { text }) =
        out.last_mut().filter(|message| message.role == "assistant").and_then(|message| message.content.last_mut())
    {
        *text = text.trim_end();
    }
    out
}

/// A sequence of white space alone is refused; an empty one asks for nothing.
fn stop_sequences<'a>(request: &'a ChatRequest, extras: &mut Extras<'_>) -> Vec<&'a str> {
    let given = request.stop_sequences().iter().map(String::as_str).filter(|stop| !stop.is_empty());
    let (blank, usable): (Vec<_>, Vec<_>) = given.partition(|stop| stop.trim().is_empty());
    if !blank.is_empty() {
        extras.ignore("stop");
    }
    usable
}

/// OpenAI's `safety_identifier` replaces its `user`; here one field serves both.
fn user_id<'a>(extras: &mut Extras<'a>) -> Result<Option<&'a str>, Invalid> {
    let (user, identifier) = (extras.text("user")?, extras.text("safety_identifier")?);
    Ok(user.or(identifier))
}

/// `auto` is the default on both sides. Anthropic sells no slower or faster tier by request.
fn service_tier(extras: &mut Extras<'_>) -> Result<Option<&'static str>, Invalid> {
    match extras.text("service_tier")? {
        None => Ok(None),
        Some("default") => Ok(Some("standard_only")),
        Some(_) => {
            extras.ignore("service_tier");
            Ok(None)
        }
    }
}

/// What differs between generations of models.
struct Rules {
    sampling: Sampling,
    /// Whether a last assistant turn is continued. Newer models refuse it: "The conversation must end with a user message".
    continues_an_answer: bool,
}

/// Which of `temperature` and `top_p` a model takes; the others are answered with a 400.
enum Sampling {
    Both,
    /// From Opus 4.1 on: "cannot both be specified".
    One,
    /// From Opus 4.7 on: "deprecated for this model".
    Neither,
}

impl Rules {
    /// By name. The newest generation is the default, so that a model that is added tomorrow is not refused for what it dropped.
    /// <https://platform.claude.com/docs/en/about-claude/models/migration-guide>
    fn of(model: &str) -> Self {
        const FIRST: &[&str] = &["claude-3", "claude-4-", "claude-opus-4-2", "claude-sonnet-4-2"];
        const SECOND: &[&str] = &["claude-opus-4-1", "claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"];
        const THIRD: &[&str] = &["claude-opus-4-6", "claude-sonnet-4-6"];
        let is_of = |generation: &[&str]| generation.iter().any(|prefix| model.starts_with(prefix));
        let (sampling, continues_an_answer) = match () {
            () if is_of(FIRST) => (Sampling::Both, true),
            () if is_of(SECOND) => (Sampling::One, true),
            () if is_of(THIRD) => (Sampling::One, false),
            () => (Sampling::Neither, false),
        };
        Self { sampling, continues_an_answer }
    }
}

impl Sampling {
    /// What is sent of temperature and `top_p`; what is not is named, unless it is 1, which is the default of both.
    fn choose(&self, request: &ChatRequest, extras: &mut Extras<'_>) -> (Option<f64>, Option<f64>) {
        // The dialect goes to 2, Anthropic to 1.
        let temperature = request.temperature.map(|given| {
            if given > 1.0 {
                extras.ignore("temperature");
            }
            given.min(1.0)
        });
        let is_asked = |value: &f64| *value < 1.0;
        match self {
            Self::Both => (temperature, request.top_p),
            Self::One => match (temperature.filter(is_asked), request.top_p.filter(is_asked)) {
                (Some(temperature), top_p) => {
                    if top_p.is_some() {
                        extras.ignore("top_p");
                    }
                    (Some(temperature), None)
                }
                (None, Some(top_p)) => (None, Some(top_p)),
                (None, None) => (temperature, None),
            },
            Self::Neither => {
                for (name, value) in [("temperature", temperature), ("top_p", request.top_p)] {
                    if value.is_some_and(|value| is_asked(&value)) {
                        extras.ignore(name);
                    }
                }
                (None, None)
            }
        }
    }
}
