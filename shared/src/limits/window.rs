//! What was asked for within the last minute: amounts under the moments at which they were asked for, as attributes of an item. A
//! sliding window and not a bucket that leaks, since a bucket lets through twice its limit in its first minute.
//!
//! A label is a moment, rounded down to the resolution of its limit. Small limits are counted to the millisecond, so that `retry-after`
//! is exact; large ones by two seconds, so that an item stays below a kilobyte, which is a unit of writing. An amount counts until
//! everything that can be under its label is older than a minute.

use super::policy::LimitRule;

/// The window.
const MINUTE_MS: i64 = 60_000;
/// The largest limit that is counted to the millisecond: so many attributes it can leave in an item.
const FINE_UP_TO: u32 = 60;
const FINE_MS: i64 = 1;
const COARSE_MS: i64 = 2_000;
/// After that an attribute is of no use to anybody, however wrong the clocks of the processes are, and may be removed.
const USELESS_AFTER_MS: i64 = MINUTE_MS + 2 * COARSE_MS + 30_000;
/// Moments in milliseconds since 1970, in base 36, until the year 2059.
const LABEL_CHARS: usize = 8;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// Requests that begin.
    Requests,
    /// Tokens of prompts and answers.
    Tokens,
}

impl Unit {
    fn letter(self) -> char {
        match self {
            Self::Requests => 'r',
            Self::Tokens => 't',
        }
    }

    /// As a refusal and a header name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
        }
    }
}

/// How finely a limit is counted, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution(i64);

impl Resolution {
    /// By how many requests can come in a minute. Tokens are counted as their requests are.
    pub fn of(rule: &LimitRule) -> Self {
        Self(if rule.requests_per_minute.is_some_and(|limit| limit <= FINE_UP_TO) { FINE_MS } else { COARSE_MS })
    }

    /// The label of a moment.
    pub fn label(self, at_ms: i64) -> i64 {
        at_ms - at_ms.rem_euclid(self.0)
    }

    /// When what is under a label counts no more. Once more the resolution: how far ahead another clock is, is seen from labels, and by so
    /// much too little.
    pub fn ends(self, label: i64) -> i64 {
        label + MINUTE_MS + 2 * self.0
    }
}

/// An attribute of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// What it counts.
    pub unit: Unit,
    /// Of when.
    pub label: i64,
    /// For which model alone, as its name's hash; empty: for all.
    pub model: &'a str,
}

impl<'a> Attribute<'a> {
    /// As the item has it: a letter, the moment, and the model behind a `~`.
    pub fn name(&self) -> String {
        let mut name = String::with_capacity(2 + LABEL_CHARS + self.model.len());
        name.push(self.unit.letter());
        name.push_str(&base_36(self.label));
        if !self.model.is_empty() {
            name.push('~');
            name.push_str(self.model);
        }
        name
    }

    /// Reads a name; none if it is another attribute's.
    pub fn read(name: &'a str) -> Option<Self> {
        let unit = match name.as_bytes().first()? {
            b'r' => Unit::Requests,
            b't' => Unit::Tokens,
            _ => return None,
        };
        let (moment, rest) = name.get(1..)?.split_at_checked(LABEL_CHARS)?;
        let model = match rest {
            "" => "",
            rest => rest.strip_prefix('~')?,
        };
        Some(Self { unit, label: i64::from_str_radix(moment, 36).ok()?, model })
    }

    /// Whether it counts for nobody any more, by the clock of whoever asks.
    pub fn is_past(&self, at_ms: i64) -> bool {
        Resolution(COARSE_MS).ends(self.label) <= at_ms
    }

    /// Whether it may be removed.
    pub fn is_useless(&self, at_ms: i64) -> bool {
        self.label + USELESS_AFTER_MS < at_ms
    }
}

/// Eight digits, so that names sort as moments do.
fn base_36(moment: i64) -> String {
    let mut digits = [b'0'; LABEL_CHARS];
    let mut left = moment.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[usize::try_from(left % 36).unwrap_or_default()];
        left /= 36;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// What is in a window at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filling {
    /// How much.
    pub amount: i64,
    /// When the last of it is gone; none if there is nothing.
    pub empty_at: Option<i64>,
}

/// Labels and the amounts under them, in any order.
pub type Amounts = Vec<(i64, i64)>;

/// What counts of these at a moment.
pub fn filling(amounts: &Amounts, resolution: Resolution, at_ms: i64) -> Filling {
    let alive = amounts.iter().filter(|(label, amount)| *amount != 0 && resolution.ends(*label) > at_ms);
    alive.fold(Filling::default(), |filling, (label, amount)| Filling {
        amount: filling.amount.saturating_add(*amount),
        empty_at: filling.empty_at.max(Some(resolution.ends(*label))),
    })
}

/// From when on no more than `most` of these counts.
pub fn free_at(amounts: &Amounts, resolution: Resolution, at_ms: i64, most: i64) -> i64 {
    let mut alive: Amounts = amounts.iter().copied().filter(|(label, _)| resolution.ends(*label) > at_ms).collect();
    alive.sort_unstable();
    let mut left = alive.iter().fold(0_i64, |sum, (_, amount)| sum.saturating_add(*amount));
    let mut at = at_ms;
    for (label, amount) in alive {
        if left <= most {
            break;
        }
        left = left.saturating_sub(amount);
        at = resolution.ends(label);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LimitScope;

    const FINE: Resolution = Resolution(FINE_MS);
    const COARSE: Resolution = Resolution(COARSE_MS);
    const NOW: i64 = 1_795_000_000_000;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        #[rustfmt::skip]
        let table = [
            (Unit::Requests, NOW,     "",         "a request"),
            (Unit::Tokens,   NOW,     "",         "tokens"),
            (Unit::Tokens,   NOW + 1, "0a1b2c3d", "of one model"),
            (Unit::Requests, 0,       "",         "the first moment"),
        ];
        for (unit, label, model, why) in table {
            let attribute = Attribute { unit, label, model };
            let name = attribute.name();
            assert_eq!(Attribute::read(&name), Some(attribute), "{why}: {name}");
        }
        for other in ["f", "f~0a1b2c3d", "pk", "open", "r", "rmwlkrf28x", "total", "c0a1b.2026-11", "tmwlkrf2é"] {
            assert_eq!(Attribute::read(other), None, "{other} is no window's");
        }
    }

    #[test]
    fn names_sort_as_moments() {
        let name = |label| Attribute { unit: Unit::Requests, label, model: "" }.name();
        assert!(name(NOW) < name(NOW + 1) && name(NOW + 35) < name(NOW + 36) && name(999) < name(NOW));
    }

    #[test]
    fn small_limits_are_counted_to_the_millisecond() {
        let rule = |requests| LimitRule {
            scope: LimitScope::Tenant,
            requests_per_minute: requests,
            tokens_per_minute: Some(1),
            concurrency: None,
        };
        #[rustfmt::skip]
        let table = [
            (Some(1),  FINE,   "one attribute at most"),
            (Some(60), FINE,   "sixty at most"),
            (Some(61), COARSE, "by two seconds there are thirty-two"),
            (None,     COARSE, "tokens alone: nobody knows in how many requests"),
        ];
        for (requests, resolution, why) in table {
            assert_eq!(Resolution::of(&rule(requests)), resolution, "{why}");
        }
    }

    #[test]
    fn an_amount_counts_for_a_minute() {
        #[rustfmt::skip]
        let table = [
            (FINE,   vec![(NOW, 1)],                      NOW + 60_000, 1, Some(NOW + 60_002), "the minute is not over"),
            (FINE,   vec![(NOW, 1)],                      NOW + 60_002, 0, None,               "now it is"),
            (COARSE, vec![(NOW, 7)],                      NOW + 62_000, 7, Some(NOW + 64_000), "what came at the end of two seconds is not a minute old"),
            (COARSE, vec![(NOW, 7), (NOW + 2_000, 2)],    NOW + 64_000, 2, Some(NOW + 66_000), "what came later counts longer"),
            (COARSE, vec![(NOW + 4_000, 3)],              NOW,          3, Some(NOW + 68_000), "what a faster clock noted counts"),
            (COARSE, vec![(NOW, 0)],                      NOW,          0, None,               "what was given back is nothing"),
        ];
        for (resolution, amounts, at, amount, empty_at, why) in table {
            assert_eq!(filling(&amounts, resolution, at), Filling { amount, empty_at }, "{why}");
        }
    }

    #[test]
    fn there_is_room_again_when_enough_is_old() {
        let amounts = vec![(NOW + 1_000, 2), (NOW, 1), (NOW + 2_000, 5)];
        #[rustfmt::skip]
        let table = [
            (8,  NOW,          "there is room"),
            (7,  NOW + 60_002, "when the first is gone"),
            (6,  NOW + 61_002, "the second takes two with it"),
            (5,  NOW + 61_002, "which is enough for this as well"),
            (0,  NOW + 62_002, "when all are gone"),
        ];
        for (most, free, why) in table {
            assert_eq!(free_at(&amounts, FINE, NOW, most), free, "{most}: {why}");
        }
    }
}
