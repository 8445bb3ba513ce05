//! An item as it was seen: what is counted in it, and whose requests are running.

use super::{
    claim::{Entry, entry_attribute, entry_request},
    policy::Spending,
    slices,
    window::{Amounts, Attribute, Unit},
};
use crate::{tenancy::RequestId, usage::Nanos};
use std::collections::HashMap;

/// An item as it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemState {
    /// By attribute.
    pub numbers: HashMap<String, i64>,
    /// By attribute, as they are stored.
    pub entries: HashMap<String, String>,
}

impl ItemState {
    /// A counter; nothing is none.
    pub fn number(&self, attribute: &str) -> i64 {
        self.numbers.get(attribute).copied().unwrap_or_default()
    }

    /// What is counted in a window.
    pub fn window(&self, unit: Unit, model: &str) -> Amounts {
        let of_window = |(name, amount): (&String, &i64)| {
            let attribute = Attribute::read(name)?;
            (attribute.unit == unit && attribute.model == model).then_some((attribute.label, *amount))
        };
        self.numbers.iter().filter_map(of_window).collect()
    }

    /// How far apart the clocks of those who write here were found to be, in this hour and the one before.
    pub fn spread_ms(&self, at_ms: i64) -> i64 {
        let of_hour = |at_ms| self.number(&spread_attribute(at_ms));
        of_hour(at_ms).max(of_hour(at_ms - HOUR_MS)).max(of_hour(at_ms + HOUR_MS))
    }

    /// The latest moment that somebody noted, by the fastest of all clocks.
    pub fn latest(&self) -> Option<i64> {
        self.numbers.keys().filter_map(|name| Attribute::read(name)).map(|attribute| attribute.label).max()
    }

    /// Of how many slices the item is or was the first.
    pub fn slices(&self) -> u16 {
        self.numbers.keys().filter_map(|name| slices::marked(name)).max().unwrap_or(1)
    }

    /// Attributes that count for nobody any more.
    pub fn useless(&self, at_ms: i64) -> impl Iterator<Item = &str> {
        self.numbers.keys().map(String::as_str).filter(move |name| is_useless(name, at_ms))
    }

    /// Whether a request is among those running.
    pub fn has(&self, request: RequestId) -> bool {
        self.entries.contains_key(&entry_attribute(request))
    }

    /// The entries, for those that can be read; one that cannot is a later version's.
    pub fn open(&self) -> impl Iterator<Item = (RequestId, Entry)> {
        self.entries
            .iter()
            .filter_map(|(attribute, entry)| Some((entry_request(attribute)?, serde_json::from_str(entry).ok()?)))
    }

    /// What is spent and reserved under a budget's attribute.
    pub fn spending(&self, attribute: &str) -> Spending {
        let names = |entry: &Entry| entry.budgets.iter().any(|name| name == attribute);
        let reserved = self.open().filter(|(_, entry)| names(entry));
        let reserved = reserved.fold(0_i64, |sum, (_, entry)| sum.saturating_add(entry.cost));
        Spending { spent: Nanos(self.number(attribute).saturating_sub(reserved)), reserved: Nanos(reserved) }
    }
}

/// What is spent and reserved under a budget's attribute in all slices of an item.
pub fn spending_of(slices: &[ItemState], attribute: &str) -> Spending {
    slices.iter().map(|state| state.spending(attribute)).fold(Spending::default(), |sum, one| Spending {
        spent: Nanos(sum.spent.0.saturating_add(one.spent.0)),
        reserved: Nanos(sum.reserved.0.saturating_add(one.reserved.0)),
    })
}

const HOUR_MS: i64 = 3_600_000;

/// Where it is noted how far apart clocks are: of each hour anew, since a clock that was wrong is set right.
pub fn spread_attribute(at_ms: i64) -> String {
    format!("s{}", at_ms.div_euclid(HOUR_MS))
}

/// Whether an attribute tells how far apart clocks are.
pub fn is_spread(name: &str) -> bool {
    name.strip_prefix('s').is_some_and(|hour| hour.parse::<i64>().is_ok())
}

/// Whether an attribute is of no use to anybody any more: of a window, or of an hour.
pub fn is_useless(name: &str, at_ms: i64) -> bool {
    let is_old = |hour: i64| (hour + 3).saturating_mul(HOUR_MS) < at_ms;
    if let Some(hour) = name.strip_prefix('s').and_then(|hour| hour.parse().ok()) {
        return is_old(hour);
    }
    Attribute::read(name).is_some_and(|attribute| attribute.is_useless(at_ms))
}
