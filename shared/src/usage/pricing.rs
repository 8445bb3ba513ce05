//! Cost in integers. Prices are pico-dollars per token (a millionth of a dollar per million tokens), amounts are nano-dollars:
//! both exact for every list price, so a sum never drifts from the invoice.

use super::{ModelCard, Rates, SearchContext, SearchUnit, Tokens};
use crate::openai::usage::CostDetails;

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

impl Nanos {
    /// Of an amount of US dollars, to the nearest nano-dollar; none beyond what can be counted.
    pub fn from_usd(amount: f64) -> Option<Self> {
        let nanos = (amount * 1e9).round();
        // Within what an i64 holds.
        if nanos.abs() < 9.2e18 {
            #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
            Some(Self(nanos as i64))
        } else {
            None
        }
    }
}

/// What a request cost, by kind. The kinds exclude one another; their sum is the total but for rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// The sum, rounded once, half up.
    pub total: Nanos,
    /// Prompt tokens at the full price.
    pub input: Nanos,
    /// Prompt tokens read from a cache, of sound too.
    pub cached_input: Nanos,
    /// Prompt tokens written to a cache.
    pub cache_write: Nanos,
    /// Sound in the prompt that was not read from a cache.
    pub audio_input: Nanos,
    /// Answer tokens but those of sound.
    pub output: Nanos,
    /// Sound in the answer.
    pub audio_output: Nanos,
    /// Tools that the provider ran, by the call.
    pub tools: Nanos,
}

/// An amount that no provider could ask for: more than a hundred thousand dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token counts are impossibly large")]
pub struct CostOverflow;

impl ModelCard {
    /// What a request costs.
    ///
    /// # Errors
    /// [`CostOverflow`] when a provider reports counts that overflow; the caller of this keeps the counts.
    pub fn cost(&self, tokens: &Tokens) -> Result<Cost, CostOverflow> {
        let rates = self.rates_for(tokens.input, &tokens.terms);
        let percent = self.us_percent.filter(|_| tokens.terms.us_only == Some(true)).map_or(100, u64::from);
        let of_tokens = |picos: u64| picos.checked_mul(percent).map(|picos| picos / 100).ok_or(CostOverflow);
        let prompt = Prompt::of(tokens, &rates, self.audio_minute)?;
        let (output, audio_output) = answer(tokens, &rates)?;
        let parts = [
            of_tokens(prompt.fresh)?,
            of_tokens(prompt.cached)?,
            of_tokens(prompt.written)?,
            of_tokens(prompt.audio)?,
            of_tokens(output)?,
            of_tokens(audio_output)?,
            self.searches(tokens)?,
        ];
        let total = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(*part)).ok_or(CostOverflow)?;
        let [input, cached_input, cache_write, audio_input, output, audio_output, tools] = parts;
        Ok(Cost {
            total: nanos(total)?,
            input: nanos(input)?,
            cached_input: nanos(cached_input)?,
            cache_write: nanos(cache_write)?,
            audio_input: nanos(audio_input)?,
            output: nanos(output)?,
            audio_output: nanos(audio_output)?,
            tools: nanos(tools)?,
        })
    }

    fn searches(&self, tokens: &Tokens) -> Result<u64, CostOverflow> {
        let (Some(searches), Some(search)) = (tokens.web_searches, self.web_search) else { return Ok(0) };
        let counted = match search.per {
            SearchUnit::Request | SearchUnit::Prompt => searches.min(1),
            SearchUnit::Query => searches,
        };
        picos(counted, search.price(tokens.terms.search_context.unwrap_or(SearchContext::Medium)))
    }
}

/// The parts of a prompt, in pico-dollars.
struct Prompt {
    fresh: u64,
    cached: u64,
    written: u64,
    audio: u64,
}

impl Prompt {
    fn of(tokens: &Tokens, rates: &Rates, audio_minute: Option<u64>) -> Result<Self, CostOverflow> {
        // Cohere's cached tokens are inside what it processed, not inside what it bills.
        if let Some(billed) = tokens.billed {
            return Ok(Self { fresh: picos(billed.input, rates.input)?, cached: 0, written: 0, audio: 0 });
        }
        let cached = tokens.cached_input.unwrap_or(0);
        let (write, write_1h) = (tokens.cache_write.unwrap_or(0), tokens.cache_write_1h.unwrap_or(0));
        // A provider that reports more cached than prompt tokens is charged for what it reports, never below zero.
        let fresh = tokens.input.saturating_sub(cached.saturating_add(write).saturating_add(write_1h));
        let (audio, audio_rate) = match rates.audio_input {
            Some(rate) => (tokens.audio_input.unwrap_or(0), rate),
            None => (0, 0),
        };
        let cached_audio = tokens.cached_audio_input.unwrap_or(0).min(audio).min(cached);
        let fresh_audio = (audio - cached_audio).min(fresh);

        let cached_rate = rates.cached_input.unwrap_or(rates.input);
        let write_rate = rates.cache_write.unwrap_or(rates.input);
        Ok(Self {
            fresh: picos(fresh - fresh_audio, rates.input)?,
            cached: sum([
                picos(cached - cached_audio, cached_rate)?,
                picos(cached_audio, rates.cached_audio_input.unwrap_or(cached_rate))?,
            ])?,
            written: sum([picos(write, write_rate)?, picos(write_1h, rates.cache_write_1h.unwrap_or(write_rate))?])?,
            audio: sum([picos(fresh_audio, audio_rate)?, by_length(tokens.audio_seconds, audio_minute)?])?,
        })
    }
}

/// The answer but for its sound, and its sound, in pico-dollars.
fn answer(tokens: &Tokens, rates: &Rates) -> Result<(u64, u64), CostOverflow> {
    if let Some(billed) = tokens.billed {
        return Ok((picos(billed.output, rates.output)?, 0));
    }
    let mut left = tokens.output;
    let mut take = |count: Option<u64>, rate: Option<u64>| match rate {
        Some(rate) => {
            let taken = count.unwrap_or(0).min(left);
            left -= taken;
            picos(taken, rate)
        }
        None => Ok(0),
    };
    let audio = take(tokens.audio_output, rates.audio_output)?;
    let video = take(tokens.video_output, rates.video_output)?;
    let reasoning = take(tokens.reasoning, rates.reasoning)?;
    Ok((sum([picos(left, rates.output)?, video, reasoning])?, audio))
}

fn by_length(seconds: Option<u64>, minute: Option<u64>) -> Result<u64, CostOverflow> {
    Ok(picos(seconds.unwrap_or(0), minute.unwrap_or(0))? / 60)
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
            audio_input: add(self.audio_input, other.audio_input),
            output: add(self.output, other.output),
            audio_output: add(self.audio_output, other.audio_output),
            tools: add(self.tools, other.tools),
        }
    }

    /// In OpenAI's place for it, in US dollars.
    pub fn details(&self) -> CostDetails {
        let some = |nanos: Nanos| (nanos.0 > 0).then(|| nanos.as_usd());
        CostDetails {
            input_cost: self.input.as_usd(),
            cached_input_cost: self.cached_input.as_usd(),
            cache_write_cost: self.cache_write.as_usd(),
            audio_input_cost: some(self.audio_input),
            output_cost: self.output.as_usd(),
            audio_output_cost: some(self.audio_output),
            tools_cost: some(self.tools),
        }
    }
}

fn picos(count: u64, rate: u64) -> Result<u64, CostOverflow> {
    count.checked_mul(rate).ok_or(CostOverflow)
}

fn sum<const N: usize>(parts: [u64; N]) -> Result<u64, CostOverflow> {
    parts.into_iter().try_fold(0_u64, u64::checked_add).ok_or(CostOverflow)
}

fn nanos(picos: u64) -> Result<Nanos, CostOverflow> {
    let rounded = picos.checked_add(500).ok_or(CostOverflow)? / 1000;
    i64::try_from(rounded).map(Nanos).map_err(|_| CostOverflow)
}

#[cfg(test)]
mod tests;
