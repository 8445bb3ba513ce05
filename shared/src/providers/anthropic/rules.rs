//! What differs between generations of models.

use crate::{openai::ChatRequest, providers::extras::Extras};

/// What a model takes.
pub(super) struct Rules {
    pub(super) sampling: Sampling,
    /// Whether a last assistant turn is continued. Newer models refuse it: "The conversation must end with a user message".
    pub(super) continues_an_answer: bool,
    pub(super) thinking: Thinks,
    /// Whether answers and tool calls can be held to a schema: <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>
    pub(super) structured: bool,
}

/// Which of `temperature` and `top_p` a model takes; the others are answered with a 400.
#[derive(Clone, Copy)]
pub(super) enum Sampling {
    Both,
    /// From Opus 4.1 on: "cannot both be specified".
    One,
    /// From Opus 4.7 on: "deprecated for this model".
    Neither,
}

/// How a model is told to think: <https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking>
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinks {
    /// Not at all.
    Never,
    /// For a number of tokens.
    Budget,
    /// As hard as it is told, or for a number of tokens.
    Either,
    /// As hard as it is told; budgets are answered with a 400.
    Adaptive,
    /// As `Adaptive`, and cannot be kept from it.
    Always,
}

impl Rules {
    /// By name. The newest generation is the default, so that a model that is added tomorrow is not refused for what it dropped.
    /// <https://platform.claude.com/docs/en/about-claude/models/migration-guide>
    pub(super) fn of(model: &str) -> Self {
        const THOUGHTLESS: &[&str] = &["claude-3-haiku", "claude-3-opus", "claude-3-sonnet", "claude-3-5"];
        const FIRST: &[&str] = &["claude-3", "claude-4-", "claude-opus-4-2", "claude-sonnet-4-2"];
        const SECOND: &[&str] = &["claude-opus-4-1", "claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"];
        const THIRD: &[&str] = &["claude-opus-4-6", "claude-sonnet-4-6"];
        const RESTLESS: &[&str] = &["claude-fable", "claude-mythos"];
        let is_of = |generation: &[&str]| generation.iter().any(|prefix| model.starts_with(prefix));
        let (sampling, continues_an_answer, thinking) = match () {
            () if is_of(THOUGHTLESS) => (Sampling::Both, true, Thinks::Never),
            () if is_of(FIRST) => (Sampling::Both, true, Thinks::Budget),
            () if is_of(SECOND) => (Sampling::One, true, Thinks::Budget),
            () if is_of(THIRD) => (Sampling::One, false, Thinks::Either),
            () if is_of(RESTLESS) => (Sampling::Neither, false, Thinks::Always),
            () => (Sampling::Neither, false, Thinks::Adaptive),
        };
        let structured = !is_of(FIRST) && !model.starts_with("claude-opus-4-1");
        Self { sampling, continues_an_answer, thinking, structured }
    }
}

impl Sampling {
    /// What is sent of temperature and `top_p`; what is not is named, unless it is 1, which is the default of both. A model that
    /// thinks takes no temperature, and `top_p` only from 0.95 on.
    pub(super) fn choose(
        self,
        thinks: bool,
        request: &ChatRequest,
        extras: &mut Extras<'_>,
    ) -> (Option<f64>, Option<f64>) {
        const LOWEST_TOP_P_OF_THINKING: f64 = 0.95;
        // The dialect goes to 2, Anthropic to 1.
        let temperature = request.temperature.map(|given| {
            if given > 1.0 {
                extras.ignore("temperature");
            }
            given.min(1.0)
        });
        let is_asked = |value: &f64| *value < 1.0;
        let mut leave_out = |name: &str, value: Option<f64>| {
            if value.is_some_and(|value| is_asked(&value)) {
                extras.ignore(name);
            }
        };
        match self {
            Self::Neither => {
                leave_out("temperature", temperature);
                leave_out("top_p", request.top_p);
                (None, None)
            }
            _ if thinks => {
                leave_out("temperature", temperature);
                let (kept, lost) = match request.top_p {
                    Some(top_p) if top_p >= LOWEST_TOP_P_OF_THINKING => (Some(top_p), None),
                    other => (None, other),
                };
                leave_out("top_p", lost);
                (None, kept)
            }
            Self::Both => (temperature, request.top_p),
            Self::One => match (temperature.filter(is_asked), request.top_p.filter(is_asked)) {
                (Some(temperature), top_p) => {
                    leave_out("top_p", top_p);
                    (Some(temperature), None)
                }
                (None, Some(top_p)) => (None, Some(top_p)),
                (None, None) => (temperature, None),
            },
        }
    }
}
