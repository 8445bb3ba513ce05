//! What a hit saved, by today's prices of the model that was asked for.

use crate::usage::{
    ModelCard, Tokens,
    pricing::{CostOverflow, Nanos},
};
use std::time::Duration;

/// What a hit saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Savings {
    /// What the call would have cost.
    pub money: Nanos,
    /// How much sooner the answer was there.
    pub latency: Duration,
}

/// What one hit saved: this request's prompt and the stored answer's completion. Nobody knows what the provider's own cache would have
/// done for this prompt, so nothing of it counts as cached, and nothing as written to a cache, which costs more.
///
/// # Errors
/// [`CostOverflow`] where counts are impossibly large.
pub fn of_hit(
    card: &ModelCard,
    prompt_tokens: u64,
    stored: &Tokens,
    provider_took: Duration,
    hit_took: Duration,
) -> Result<Savings, CostOverflow> {
    let Tokens { output, reasoning, terms, .. } = *stored;
    let tokens = Tokens { input: prompt_tokens, output, reasoning, terms, ..Tokens::default() };
    Ok(Savings { money: card.cost(&tokens)?.total, latency: provider_took.saturating_sub(hit_took) })
}

/// The savings of a time, less what its audits and comparisons cost. It may be below zero, and then it says so.
pub fn less_audits(saved: Nanos, audits: Nanos) -> Nanos {
    Nanos(saved.0.saturating_sub(audits.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers;

    #[test]
    fn a_hit_saves_its_own_prompt_and_the_stored_completion_at_the_list_price() {
        let card =
            providers::ALL.iter().flat_map(|one| one.models()).find(|card| card.tiers.is_empty()).expect("a model");
        let stored = Tokens { input: 9_999, output: 200, cached_input: Some(9_000), ..Tokens::default() };
        let saved = of_hit(card, 1_000, &stored, Duration::from_millis(900), Duration::from_millis(4)).expect("a cost");
        let picos = 1_000 * card.rates.input + 200 * card.rates.output;
        assert_eq!(
            saved.money,
            Nanos(i64::try_from((picos + 500) / 1_000).expect("small")),
            "the stored prompt is not in it"
        );
        assert_eq!(saved.latency, Duration::from_millis(896));
        assert_eq!(less_audits(Nanos(5), Nanos(7)), Nanos(-2), "a loss is said");
    }
}
