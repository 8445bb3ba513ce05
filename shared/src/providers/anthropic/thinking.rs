//! How a model is told to think, by its generation: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>.

use super::{
    rules::{Rules, Thinks},
    wire,
};
use crate::{
    openai::{ChatRequest, format::Effort},
    providers::extras::{Extras, Thinking},
    usage::ModelCard,
};

/// `max_tokens` is required here and optional in the dialect. The model's own maximum would be the faithful default, but Anthropic
/// warns against plain requests that may run for ten minutes (about 21,000 tokens), and older models count it against the context.
const DEFAULT_MAX_TOKENS: u32 = 16_384;

/// "Must be ≥1024 and less than `max_tokens`".
const SMALLEST_BUDGET: u32 = 1024;

/// What is sent of it. Thinking counts as output on both sides, so a caller's limit is never raised for it.
pub(super) struct Plan {
    pub(super) thinking: Option<wire::Thinking>,
    pub(super) effort: Option<&'static str>,
    pub(super) max_tokens: u32,
}

/// What the rest of a request rules out.
#[derive(Clone, Copy)]
pub(super) struct Obstacles {
    /// "Thinking may not be enabled when `tool_choice` forces tool use."
    pub(super) call_is_forced: bool,
    /// A model with a budget must have thought before the calls whose results it is given: "Expected `thinking`, but found `tool_use`".
    pub(super) thought_is_missing: bool,
}

impl Plan {
    /// What cannot be had is left out and named.
    pub(super) fn of(
        model: &ModelCard,
        rules: &Rules,
        request: &ChatRequest,
        wish: Thinking,
        obstacles: Obstacles,
        extras: &mut Extras<'_>,
    ) -> Self {
        let most = model.max_output_tokens.unwrap_or(u32::MAX);
        let max_tokens = request.output_limit().unwrap_or_else(|| most.min(DEFAULT_MAX_TOKENS));
        let mut plan = Self { thinking: None, effort: None, max_tokens };
        let name = if request.other.contains_key("reasoning") { "reasoning" } else { "reasoning_effort" };
        if wish.effort == Some(Effort::None) || wish.max_tokens == Some(0) {
            match rules.thinking {
                Thinks::Never => {}
                Thinks::Always => extras.ignore(name),
                _ => plan.thinking = Some(wire::Thinking::Disabled),
            }
            return plan;
        }
        if wish.effort.is_none() && wish.max_tokens.is_none() {
            return plan;
        }
        let by_budget = match rules.thinking {
            Thinks::Never => {
                extras.ignore(name);
                return plan;
            }
            Thinks::Budget => true,
            Thinks::Either => wish.max_tokens.is_some(),
            Thinks::Adaptive | Thinks::Always => false,
        };
        if rules.thinking != Thinks::Budget {
            plan.effort = wish.effort.map(|effort| effort_for(effort, rules, name, extras));
        }
        if obstacles.call_is_forced || (by_budget && obstacles.thought_is_missing) {
            extras.ignore(name);
            return plan;
        }
        if by_budget {
            plan.spend(most, request.output_limit(), wish, name, extras);
            return plan;
        }
        if wish.max_tokens.is_some() {
            extras.ignore("reasoning.max_tokens");
        }
        // Newer models leave the text of their thoughts out unless asked for it.
        let display = if wish.exclude { "omitted" } else { "summarized" };
        plan.thinking = Some(wire::Thinking::Adaptive { display });
        plan
    }

    /// Whether the model thinks because it was told to.
    pub(super) fn thinks(&self) -> bool {
        matches!(self.thinking, Some(wire::Thinking::Adaptive { .. } | wire::Thinking::Enabled { .. }))
    }

    /// A budget, with room for an answer after it.
    fn spend(&mut self, most: u32, limit: Option<u32>, wish: Thinking, name: &str, extras: &mut Extras<'_>) {
        let wanted = wish.max_tokens.unwrap_or_else(|| budget_for(wish.effort)).max(SMALLEST_BUDGET);
        if limit.is_none() {
            self.max_tokens = self.max_tokens.saturating_add(wanted).min(most);
        }
        if self.max_tokens <= SMALLEST_BUDGET {
            extras.ignore(name);
            return;
        }
        let largest = match wish.max_tokens {
            Some(_) => self.max_tokens - 1,
            // An effort is no number: four fifths of the answer at most.
            None => (self.max_tokens / 5).saturating_mul(4).max(SMALLEST_BUDGET),
        };
        let budget_tokens = wanted.min(largest);
        if wish.max_tokens.is_some_and(|given| given != budget_tokens) {
            extras.ignore("reasoning.max_tokens");
        }
        let display = wish.exclude.then_some("omitted");
        self.thinking = Some(wire::Thinking::Enabled { budget_tokens, display });
    }
}

/// Anthropic's lowest is `low`; `xhigh` came with Opus 4.7.
fn effort_for(effort: Effort, rules: &Rules, name: &str, extras: &mut Extras<'_>) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Xhigh if rules.thinking == Thinks::Either => {
            extras.ignore(name);
            "high"
        }
        other => other.as_str(),
    }
}

fn budget_for(effort: Option<Effort>) -> u32 {
    match effort {
        Some(Effort::None | Effort::Minimal) => SMALLEST_BUDGET,
        Some(Effort::Low) => 4096,
        Some(Effort::Medium) | None => 8192,
        Some(Effort::High) => 16_384,
        Some(Effort::Xhigh | Effort::Max) => 32_768,
    }
}
