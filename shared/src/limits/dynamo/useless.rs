//! Attributes of items that are of no use any more, and go with the next write.

use super::at;
use crate::limits::{
    claim::{self, ItemKey},
    state::ItemState,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// How many items' useless attributes are remembered.
const MAX_ITEMS: usize = 1_000;
/// How many of them are removed at once: an expression has a longest length.
const MAX_REMOVED: usize = 40;

/// What one process knows of them.
#[derive(Debug, Default)]
pub(super) struct Useless(Mutex<HashMap<ItemKey, Vec<String>>>);

impl Useless {
    /// Notes from an item what can be removed: windows that are over, and counters of periods that are, of which no running request has
    /// anything.
    pub(super) fn note(&self, item: ItemKey, state: &ItemState, at_ms: i64) {
        let now = at(at_ms);
        let past = state.numbers.keys().filter(|name| claim::is_past(name, now)).map(String::as_str);
        let named = |name: &&str| state.open().any(|(_, entry)| entry.budgets.iter().any(|one| one == name));
        let past = past.filter(|name| !named(name));
        let found: Vec<String> = state.useless(at_ms).chain(past).take(MAX_REMOVED).map(str::to_owned).collect();
        let mut useless = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if useless.len() >= MAX_ITEMS {
            // Whoever writes to an item next notes it again.
            useless.clear();
        }
        if found.is_empty() { drop(useless.remove(&item)) } else { drop(useless.insert(item, found)) }
    }

    /// What goes with the next write to an item; it is forgotten here.
    pub(super) fn take(&self, item: ItemKey) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&item).unwrap_or_default()
    }
}
