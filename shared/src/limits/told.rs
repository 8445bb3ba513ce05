//! What a caller is told of its limits: OpenAI's headers as OpenAI writes them, and the sentence of a refusal.

use super::{
    policy::{LimitScope, Period},
    verdict::{Headroom, Headrooms, OverBudget, Refusal},
};
use crate::usage::Nanos;
use std::fmt;
use time::format_description::well_known::Rfc3339;

/// When a request that is running ends nobody knows.
const WAIT_FOR_ANOTHER_S: u64 = 1;

/// Headers of a reply.
pub type Headers = Vec<(&'static str, String)>;

/// A refusal in words, with its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// For a person.
    pub message: String,
    /// When to try again; none: it would be in vain.
    pub retry_after_s: Option<u64>,
    /// What is left.
    pub headers: Headers,
}

/// How much is left of the narrowest limits.
pub fn headers(headrooms: &Headrooms, at_ms: i64) -> Headers {
    let mut headers = Headers::new();
    let mut tell = |names: [&'static str; 3], headroom: Option<Headroom>| {
        let Some(Headroom { limit, remaining, full_at }) = headroom else { return };
        let values = [limit.to_string(), remaining.to_string(), go_duration(full_at.saturating_sub(at_ms))];
        headers.extend(names.into_iter().zip(values));
    };
    tell(
        ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
        headrooms.requests,
    );
    tell(["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"], headrooms.tokens);
    headers
}

/// A limit that is reached. Budgets are told of by [`over_budget`].
pub fn refusal(refusal: &Refusal, headrooms: &Headrooms, at_ms: i64) -> Told {
    let mut headers = headers(headrooms, at_ms);
    let (message, retry_after_s) = match refusal {
        Refusal::Rate { scope, unit, limit, free_at: Some(free_at), .. } => {
            let wait_s = seconds(free_at.saturating_sub(at_ms));
            let unit = unit.as_str();
            (format!("{scope} may use {limit} {unit} per minute; try again in {wait_s} s"), Some(wait_s))
        }
        Refusal::Rate { scope, unit, limit, amount, free_at: None } => {
            let unit = unit.as_str();
            // OpenAI's SDKs would try again.
            headers.push(("x-should-retry", "false".to_owned()));
            let asked = format!("this request could use {amount}: shorten it, or lower `max_completion_tokens`");
            (format!("{scope} may use {limit} {unit} per minute, and {asked}"), None)
        }
        Refusal::Concurrency { scope, limit } => {
            let requests = if *limit == 1 { "request" } else { "requests" };
            (
                format!("{scope} may have {limit} {requests} running at a time; try again when one has ended"),
                Some(WAIT_FOR_ANOTHER_S),
            )
        }
        Refusal::Crowded { scope } => {
            let why = "has as many requests running as can be counted; try again when one has ended";
            (format!("{scope} {why}"), Some(WAIT_FOR_ANOTHER_S))
        }
        Refusal::Budget(over) => (over_budget(over), None),
    };
    Told { message, retry_after_s, headers }
}

/// A hard budget that a request could exceed.
pub fn over_budget(over: &OverBudget) -> String {
    let OverBudget { scope, period, limit, spending, worst, .. } = over;
    let reset = over.resets_at.and_then(|at| at.format(&Rfc3339).ok());
    let reset = reset.map_or_else(|| "it does not reset".to_owned(), |at| format!("it resets at {at}"));
    let of = match period {
        Period::Total => "in total".to_owned(),
        period => format!("per {}", period.as_str()),
    };
    format!(
        "the budget of {scope} is {} {of}: {} are spent, {} are reserved for running requests, and this one could cost {}; {reset}",
        usd(*limit),
        usd(spending.spent),
        usd(spending.reserved),
        usd(*worst),
    )
}

/// A soft budget that is used up, as a header has it.
pub fn warning(over: &OverBudget) -> String {
    let OverBudget { scope, period, limit, spending, .. } = over;
    format!("{scope}; period={}; limit={}; spent={}", period.as_str(), usd(*limit), usd(spending.spent))
}

/// As a refusal names it.
impl fmt::Display for LimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => f.write_str("this tenant"),
            Self::Key => f.write_str("this key"),
            Self::KeyModel { model } => write!(f, "this key, of {model},"),
        }
    }
}

fn usd(Nanos(nanos): Nanos) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos.rem_euclid(1_000_000_000));
    let text = text.trim_end_matches('0');
    // At least cents.
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("${text}{}", "0".repeat(2_usize.saturating_sub(decimals)))
}

/// Whole seconds, none of them too few: who comes back by then finds room, even where an SDK takes no more than a minute for serious.
fn seconds(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or_default().div_ceil(1_000).max(1)
}

/// As Go writes a duration, and so OpenAI: `0s`, `120ms`, `8.64s`, `1m26.4s`.
fn go_duration(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or_default();
    if ms == 0 {
        return "0s".to_owned();
    }
    if ms < 1_000 {
        return format!("{ms}ms");
    }
    let (minutes, rest) = (ms / 60_000, ms % 60_000);
    let seconds = match rest % 1_000 {
        0 => format!("{}s", rest / 1_000),
        part => format!("{}.{}s", rest / 1_000, format!("{part:03}").trim_end_matches('0')),
    };
    if minutes == 0 { seconds } else { format!("{minutes}m{seconds}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{BudgetScope, Spending, window::Unit};
    use time::macros::datetime;

    #[test]
    fn durations_are_written_as_openai_writes_them() {
        #[rustfmt::skip]
        let table = [
            (-5,      "0s",      "what is over is nothing"),
            (0,       "0s",      "nothing"),
            (120,     "120ms",   "below a second"),
            (1_000,   "1s",      "a second"),
            (8_640,   "8.64s",   "a broken one, without zeros at its end"),
            (59_999,  "59.999s", "to the millisecond"),
            (60_000,  "1m0s",    "a minute"),
            (86_400,  "1m26.4s", "and more"),
        ];
        for (ms, text, why) in table {
            assert_eq!(go_duration(ms), text, "{why}");
        }
    }

    #[test]
    fn dollars_have_cents_and_as_many_decimals_as_they_need() {
        let table = [
            (0, "$0.00"),
            (10_000_000_000, "$10.00"),
            (2_500_000_000, "$2.50"),
            (1, "$0.000000001"),
            (123_450_000, "$0.12345"),
        ];
        for (nanos, text) in table {
            assert_eq!(usd(Nanos(nanos)), text);
        }
    }

    #[test]
    fn a_refusal_says_who_how_much_and_when() {
        let full = Headroom { limit: 10, remaining: 0, full_at: 90_000 };
        let headrooms = Headrooms { requests: Some(full), tokens: None };
        let rate = |free_at, unit| Refusal::Rate { scope: LimitScope::Key, unit, limit: 10, amount: 20, free_at };
        let later = refusal(&rate(Some(42_001), Unit::Requests), &headrooms, 30_000);
        assert_eq!(
            (later.message.as_str(), later.retry_after_s),
            ("this key may use 10 requests per minute; try again in 13 s", Some(13))
        );
        let header = |name: &str| later.headers.iter().find(|(one, _)| *one == name).map(|(_, value)| value.as_str());
        assert_eq!(header("x-ratelimit-limit-requests"), Some("10"));
        assert_eq!(header("x-ratelimit-remaining-requests"), Some("0"));
        assert_eq!(header("x-ratelimit-reset-requests"), Some("1m0s"));
        assert_eq!(header("x-ratelimit-limit-tokens"), None, "there is no such limit");
        let never = refusal(&rate(None, Unit::Tokens), &Headrooms::default(), 30_000);
        assert_eq!((never.retry_after_s, never.headers), (None, vec![("x-should-retry", "false".to_owned())]));
        let far = refusal(&rate(Some(94_000), Unit::Tokens), &Headrooms::default(), 30_000);
        assert_eq!(far.retry_after_s, Some(64), "by two seconds it is longer than a minute until there is room");
    }

    #[test]
    fn a_budget_says_what_became_of_it() {
        let over = OverBudget {
            attribute: String::new(),
            scope: BudgetScope::Tag("team:search".into()),
            period: Period::Month,
            limit: Nanos(10_000_000_000),
            spending: Spending { spent: Nanos(9_500_000_000), reserved: Nanos(250_000_000) },
            worst: Nanos(300_000_000),
            resets_at: Some(datetime!(2026-12-01 00:00 UTC)),
        };
        let text = "the budget of the tag `team:search` is $10.00 per month: $9.50 are spent, $0.25 are reserved for running requests, \
            and this one could cost $0.30; it resets at 2026-12-01T00:00:00Z";
        assert_eq!(over_budget(&over), text);
        let forever = OverBudget { period: Period::Total, resets_at: None, scope: BudgetScope::Tenant, ..over };
        let text = over_budget(&forever);
        assert!(
            text.starts_with("the budget of the tenant is $10.00 in total:") && text.ends_with("; it does not reset"),
            "{text}"
        );
    }
}
