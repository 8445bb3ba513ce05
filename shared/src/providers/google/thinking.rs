//! How much the model may think: <https://ai.google.dev/gemini-api/docs/thinking>.

use super::{
    models::{ThinksBy, thinks_by},
    wire::ThinkingConfig,
};
use crate::{
    openai::{Invalid, format::Effort},
    providers::extras::{Extras, Thinking},
};

/// None where the caller leaves it to the model.
pub(super) fn config(model: &str, extras: &mut Extras<'_>) -> Result<Option<ThinkingConfig>, Invalid> {
    let names = ["reasoning", "reasoning_effort"].into_iter().filter(|name| extras.get(name).is_some());
    let Some(name) = names.collect::<Vec<_>>().first().copied() else { return Ok(None) };
    let mut thinking = extras.thinking()?;
    if thinking.max_tokens == Some(0) {
        thinking.effort = Some(Effort::None);
    }
    if thinking.effort.is_none() && thinking.max_tokens.is_none() {
        return Ok(None);
    }
    let (config, is_exact) = match thinks_by(model) {
        ThinksBy::Nothing => (None, thinking.effort == Some(Effort::None)),
        ThinksBy::Budget { least, most, can_be_off } => budget(thinking, least, most, can_be_off),
        ThinksBy::Level { minimal, medium } => {
            if thinking.effort.is_some_and(|effort| effort != Effort::None) && thinking.max_tokens.is_some() {
                extras.ignore("reasoning.max_tokens");
            }
            level(thinking, minimal, medium)
        }
    };
    if !is_exact {
        extras.ignore(name);
    }
    Ok(config)
}

/// A budget, and whether it is what was asked for.
fn budget(thinking: Thinking, least: u32, most: u32, can_be_off: bool) -> (Option<ThinkingConfig>, bool) {
    let (budget, is_exact) = match (thinking.effort, thinking.max_tokens) {
        (Some(Effort::None), _) if can_be_off => (0, true),
        (Some(Effort::None), _) => (least, false),
        (_, Some(tokens)) => (tokens.clamp(least, most), (least..=most).contains(&tokens)),
        // As Google itself reads the field: <https://ai.google.dev/gemini-api/docs/openai#thinking>.
        (Some(Effort::Minimal | Effort::Low), _) => (1_024, true),
        (Some(Effort::Medium), _) => (8_192, true),
        (Some(Effort::High), _) => (24_576, true),
        (Some(Effort::Xhigh | Effort::Max) | None, _) => (most, true),
    };
    let include_thoughts = budget > 0 && thinking.effort != Some(Effort::None) && !thinking.exclude;
    (Some(ThinkingConfig { thinking_level: None, thinking_budget: Some(budget), include_thoughts }), is_exact)
}

/// A level, and whether it is what was asked for. A budget alone is still taken by these models.
fn level(thinking: Thinking, minimal: bool, medium: bool) -> (Option<ThinkingConfig>, bool) {
    let include_thoughts = thinking.effort != Some(Effort::None) && !thinking.exclude;
    let Some(effort) = thinking.effort else {
        let config = ThinkingConfig { thinking_level: None, thinking_budget: thinking.max_tokens, include_thoughts };
        return (Some(config), true);
    };
    let (thinking_level, is_exact) = match effort {
        Effort::None if minimal => ("minimal", false),
        Effort::Minimal if minimal => ("minimal", true),
        Effort::None | Effort::Minimal => ("low", false),
        Effort::Low => ("low", true),
        Effort::Medium if medium => ("medium", true),
        Effort::Medium => ("high", false),
        Effort::High => ("high", true),
        Effort::Xhigh | Effort::Max => ("high", false),
    };
    let config = ThinkingConfig { thinking_level: Some(thinking_level), thinking_budget: None, include_thoughts };
    (Some(config), is_exact)
}
