//! Cost in integers. Prices are pico-dollars per token (a millionth of a dollar per million tokens), amounts are nano-dollars:
//! both exact for every list price, so a sum never drifts from the invoice.

use crate::openai::usage::{CompletionDetails, CostDetails, PromptDetails, Usage};

/// An amount of money in nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Nanos(pub i64);

impl Nanos {
    /// US dollars, for a body. Exact to the nano-dollar below nine million dollars, where a double has the digits.
    #[expect(clippy::cast_precision_loss, reason = "a double holds every nano-dollar below nine million dollars")]
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// What a model makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// Answers.
    Chat,
    /// Vectors.
    Embedding,
}

/// A model as its provider's price list has it.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelCard {
    /// The provider's name for it.
    pub id: &'static str,
    /// What it makes.
    pub kind: ModelKind,
    /// The longest prompt, in tokens.
    pub context_tokens: Option<u32>,
    /// The longest answer, in tokens.
    pub max_output_tokens: Option<u32>,
    /// The day the provider withdraws it, as `2026-06-15`.
    pub deprecated_on: Option<&'static str>,
    /// The list prices.
    pub rates: Rates,
    /// Prices for long prompts, by ascending threshold.
    pub tiers: &'static [Tier],
}

/// Prices in pico-dollars per token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// A token of the prompt.
    pub input: u64,
    /// A token of the answer, reasoning included.
    pub output: u64,
    /// A prompt token read from the provider's cache; none: as `input`.
    pub cached_input: Option<u64>,
    /// A prompt token written to the provider's cache for five minutes; none: as `input`.
    pub cache_write: Option<u64>,
    /// The same for an hour; none: as `cache_write`.
    pub cache_write_1h: Option<u64>,
}

/// The prices of a request whose prompt is longer than a threshold; they hold for all of its tokens.
#[derive(Debug, PartialEq, Eq)]
pub struct Tier {
    /// In prompt tokens, cached ones included.
    pub above_input_tokens: u32,
    /// The prices above it.
    pub rates: Rates,
}

/// What a request used. `input` is the whole prompt and `output` the whole answer; the rest are parts of the two, and none where the
/// provider says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// The whole prompt: fresh, read from a cache and written to one.
    pub input: u64,
    /// The whole answer, reasoning included.
    pub output: u64,
    /// Prompt tokens read from the provider's cache.
    pub cached_input: Option<u64>,
    /// Prompt tokens written to the provider's cache for five minutes.
    pub cache_write: Option<u64>,
    /// Prompt tokens written to the provider's cache for an hour.
    pub cache_write_1h: Option<u64>,
    /// Answer tokens that were thought, not said.
    pub reasoning: Option<u64>,
    /// What the provider bills where that is not what it counts (Cohere bills fewer input tokens than it processes).
    pub billed: Option<Billed>,
}

/// Tokens as billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Billed {
    /// Of the prompt.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

/// What a request cost, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// The sum, rounded once, half up.
    pub total: Nanos,
    /// Prompt tokens at the full price.
    pub input: Nanos,
    /// Prompt tokens read from a cache.
    pub cached_input: Nanos,
    /// Prompt tokens written to a cache.
    pub cache_write: Nanos,
    /// Answer tokens.
    pub output: Nanos,
}

/// An amount that no provider could ask for: more than nine billion dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token counts are impossibly large")]
pub struct CostOverflow;

impl ModelCard {
    /// The prices that hold for a prompt of that length.
    pub fn rates_for(&self, input_tokens: u64) -> &Rates {
        self.tiers
            .iter()
            .rev()
            .find(|tier| input_tokens > u64::from(tier.above_input_tokens))
            .map_or(&self.rates, |tier| &tier.rates)
    }

    /// What a request costs.
    ///
    /// # Errors
    /// [`CostOverflow`] when a provider reports counts that overflow; the caller of this keeps the counts.
    pub fn cost(&self, tokens: &Tokens) -> Result<Cost, CostOverflow> {
        let rates = self.rates_for(tokens.input);
        let (input, output) =
            tokens.billed.map_or((tokens.input, tokens.output), |billed| (billed.input, billed.output));
        let cached = tokens.cached_input.unwrap_or(0);
        let (write, write_1h) = (tokens.cache_write.unwrap_or(0), tokens.cache_write_1h.unwrap_or(0));
        // A provider that reports more cached than prompt tokens is charged for what it reports, never below zero.
        let fresh = if tokens.billed.is_some() {
            input
        } else {
            input.saturating_sub(cached.saturating_add(write).saturating_add(write_1h))
        };
        // Cohere's cached tokens are inside what it processed, not inside what it bills.
        let cached = if tokens.billed.is_some() { 0 } else { cached };
        let write_rate = rates.cache_write.unwrap_or(rates.input);
        let fresh = picos(fresh, rates.input)?;
        let cached = picos(cached, rates.cached_input.unwrap_or(rates.input))?;
        let written = picos(write, write_rate)?
            .checked_add(picos(write_1h, rates.cache_write_1h.unwrap_or(write_rate))?)
            .ok_or(CostOverflow)?;
        let output = picos(output, rates.output)?;
        let total = [cached, written, output].iter().try_fold(fresh, |sum, part| sum.checked_add(*part));
        Ok(Cost {
            total: nanos(total.ok_or(CostOverflow)?)?,
            input: nanos(fresh)?,
            cached_input: nanos(cached)?,
            cache_write: nanos(written)?,
            output: nanos(output)?,
        })
    }
}

impl Cost {
    /// The sum of both, each as it was rounded: what the ledger's rows add up to.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let add = |a: Nanos, b: Nanos| Nanos(a.0.saturating_add(b.0));
        Self {
            total: add(self.total, other.total),
            input: add(self.input, other.input),
            cached_input: add(self.cached_input, other.cached_input),
            cache_write: add(self.cache_write, other.cache_write),
            output: add(self.output, other.output),
        }
    }

    /// In OpenAI's place for it, in US dollars.
    pub fn details(&self) -> CostDetails {
        CostDetails {
            input_cost: self.input.as_usd(),
            cached_input_cost: self.cached_input.as_usd(),
            cache_write_cost: self.cache_write.as_usd(),
            output_cost: self.output.as_usd(),
        }
    }
}

impl Tokens {
    /// The same in OpenAI's terms, with its cost if it is known.
    pub fn to_usage(self, cost: Option<&Cost>) -> Usage {
        let cache_write = match (self.cache_write, self.cache_write_1h) {
            (None, None) => None,
            (short, long) => Some(short.unwrap_or(0).saturating_add(long.unwrap_or(0))),
        };
        Usage {
            prompt_tokens: self.input,
            completion_tokens: self.output,
            total_tokens: self.input.saturating_add(self.output),
            prompt_tokens_details: PromptDetails { cached_tokens: self.cached_input, cache_write_tokens: cache_write },
            completion_tokens_details: CompletionDetails { reasoning_tokens: self.reasoning },
            cost: cost.map(|cost| cost.total.as_usd()),
            cost_details: cost.map(Cost::details),
        }
    }
}

fn picos(tokens: u64, rate: u64) -> Result<u64, CostOverflow> {
    tokens.checked_mul(rate).ok_or(CostOverflow)
}

fn nanos(picos: u64) -> Result<Nanos, CostOverflow> {
    let rounded = picos.checked_add(500).ok_or(CostOverflow)? / 1000;
    i64::try_from(rounded).map(Nanos).map_err(|_| CostOverflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SONNET: ModelCard = ModelCard {
        id: "sonnet",
        kind: ModelKind::Chat,
        context_tokens: None,
        max_output_tokens: None,
        deprecated_on: None,
        rates: Rates {
            input: 3_000_000,
            output: 15_000_000,
            cached_input: Some(300_000),
            cache_write: Some(3_750_000),
            cache_write_1h: Some(6_000_000),
        },
        tiers: &[Tier {
            above_input_tokens: 200_000,
            rates: Rates {
                input: 6_000_000,
                output: 22_500_000,
                cached_input: Some(600_000),
                cache_write: Some(7_500_000),
                cache_write_1h: Some(12_000_000),
            },
        }],
    };

    #[test]
    fn a_cost_is_what_the_price_list_says() {
        let base = Tokens::default();
        #[rustfmt::skip]
        let table = [
            (Tokens { input: 1000, output: 100, ..base },                             4_500_000, "3 $ and 15 $ per million"),
            (Tokens { input: 1000, output: 100, cached_input: Some(1000), ..base },   1_800_000, "a cached prompt at a tenth"),
            (Tokens { input: 1000, output: 0, cache_write: Some(400), ..base },       3_300_000, "600 fresh, 400 written"),
            (Tokens { input: 1000, output: 0, cache_write_1h: Some(1000), ..base },   6_000_000, "written for an hour"),
            (Tokens { input: 200_000, output: 1, ..base },                          600_015_000, "at the threshold, not above"),
            (Tokens { input: 200_001, output: 1, ..base },                        1_200_028_500, "above it all is repriced"),
            (Tokens { input: 200_001, output: 0, cached_input: Some(200_001), ..base }, 120_000_600, "cached tokens count for the tier"),
            (Tokens { input: 500, output: 50, billed: Some(Billed { input: 10, output: 5 }), ..base }, 105_000, "billed, not processed"),
            (Tokens { input: 10, output: 0, cached_input: Some(20), ..base },             6_000, "nonsense never goes below zero"),
            (base,                                                                            0, "nothing costs nothing"),
        ];
        for (tokens, cost_nanos, why) in table {
            assert_eq!(SONNET.cost(&tokens).expect(why).total, Nanos(cost_nanos), "{why}");
        }
    }

    #[test]
    fn half_a_nano_dollar_is_rounded_up_once() {
        let card = ModelCard { rates: Rates { input: 18_750, output: 500, ..SONNET.rates }, tiers: &[], ..SONNET };
        let cost = card.cost(&Tokens { input: 1, output: 1, ..Tokens::default() }).expect("small");
        assert_eq!(cost.total, Nanos(19), "18.75 + 0.5 = 19.25 nano-dollars");
        assert_eq!((cost.input, cost.output), (Nanos(19), Nanos(1)));
    }

    #[test]
    fn counts_that_overflow_are_an_error_and_not_a_cheap_request() {
        assert_eq!(SONNET.cost(&Tokens { input: u64::MAX, ..Tokens::default() }), Err(CostOverflow));
        let half = Some(1 << 63);
        let parts = Tokens { cached_input: half, cache_write: half, ..Tokens::default() };
        assert_eq!(SONNET.cost(&parts), Err(CostOverflow));
    }
}
