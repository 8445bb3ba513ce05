//! What a process remembers of items in several slices: which of them have no room, and what soft budgets have spent in all of them.

use crate::{
    limits::{
        claim::{Claim, ItemKey},
        permit::Held,
        slices,
        state::ItemState,
        verdict::{OverBudget, Refusal},
        window::Unit,
    },
    tenancy::RequestId,
};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many items, and as many budgets.
const MAX_REMEMBERED: usize = 1_000;
/// For how long it is taken for granted that the first slice tells how many there are. Items end, too.
const MARKED_MS: i64 = 3_600_000;
/// For how long a slice is not asked that had no room, unless it is known for how long it has none.
const FULL_MS: i64 = 1_000;
/// How often the slices are added up: as late a definition is seen.
const SUM_MS: i64 = 30_000;

#[derive(Debug, Default)]
pub(super) struct Slicing {
    /// Items whose first slice tells of how many there are, and since when that is known.
    marked: Mutex<HashMap<ItemKey, (u16, i64)>>,
    /// Slices without room, until when.
    full: Mutex<HashMap<ItemKey, i64>>,
    /// When a soft budget was added up, and what it came to if it is used up.
    sums: Mutex<HashMap<(ItemKey, String), Sum>>,
}

/// When it was made, and the budget if it is used up.
type Sum = (i64, Option<OverBudget>);

impl Slicing {
    /// Which slice to ask. The first until it tells how many there are: nothing is ever counted where nobody would look. Then one by
    /// chance, and one that has room as far as is known.
    pub(super) fn choose(&self, item: ItemKey, count: u16, request: RequestId, at_ms: i64) -> u16 {
        let marked = lock(&self.marked).get(&item).copied();
        if !marked.is_some_and(|(known, since)| known == count && at_ms < since.saturating_add(MARKED_MS)) {
            return 0;
        }
        let first = slices::first_choice(request, count);
        let full = lock(&self.full);
        let has_room = |slice: &u16| full.get(&item.slice(*slice)).is_none_or(|until| *until <= at_ms);
        (first..count).chain(0..first).find(has_room).unwrap_or(first)
    }

    /// Learns from an item as it was seen.
    pub(super) fn learn(&self, claim: &Claim, state: &ItemState, at_ms: i64) {
        let marker = slices::marker(claim.slices);
        if claim.slices > 1 && claim.item.slice == 0 && state.numbers.contains_key(&marker) {
            let is_over = |(_, since): &(u16, i64)| since.saturating_add(MARKED_MS) <= at_ms;
            insert(&self.marked, claim.item, (claim.slices, at_ms), is_over);
        }
    }

    /// A slice that has no room.
    pub(super) fn note_full(&self, claim: &Claim, refusal: &Refusal, at_ms: i64) {
        let until = match refusal {
            _ if claim.slices == 1 => return,
            Refusal::Budget(_) | Refusal::Rate { free_at: None, .. } => return,
            Refusal::Rate { unit: Unit::Requests, free_at: Some(free_at), .. } => *free_at,
            Refusal::Rate { .. } | Refusal::Concurrency { .. } | Refusal::Crowded { .. } => {
                at_ms.saturating_add(FULL_MS)
            }
        };
        insert(&self.full, claim.item, until, |until| *until <= at_ms);
    }

    /// Whether it is time to add up what these soft budgets have spent in all slices; whoever is told so does it.
    pub(super) fn is_due(&self, held: &Held, at_ms: i64) -> bool {
        let mut is_due = false;
        for charge in &held.soft {
            let budget = (held.item.slice(0), charge.attribute.clone());
            let known = lock(&self.sums).get(&budget).cloned();
            if known.as_ref().is_none_or(|sum| is_old(sum, at_ms)) {
                is_due = true;
                insert(&self.sums, budget, (at_ms, known.and_then(|(_, over)| over)), |sum| is_old(sum, at_ms));
            }
        }
        is_due
    }

    /// What they came to: those that are used up.
    pub(super) fn note_sums(&self, held: &Held, over: &[OverBudget], at_ms: i64) {
        for charge in &held.soft {
            let used_up = over.iter().find(|one| one.attribute == charge.attribute).cloned();
            let budget = (held.item.slice(0), charge.attribute.clone());
            insert(&self.sums, budget, (at_ms, used_up), |sum| is_old(sum, at_ms));
        }
    }

    /// Of a claim's soft budgets those that are known to be used up.
    pub(super) fn used_up(&self, claim: &Claim) -> Vec<OverBudget> {
        let sums = lock(&self.sums);
        let soft = claim.charges.iter().filter(|charge| !charge.budget.hard);
        let known = soft.filter_map(|charge| {
            let (_, over) = sums.get(&(claim.item.slice(0), charge.attribute.clone()))?;
            over.clone().filter(|over| over.limit == charge.budget.limit)
        });
        known.collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_old((at, _): &Sum, at_ms: i64) -> bool {
    at.saturating_add(SUM_MS) <= at_ms
}

/// Where there are as many as are remembered, those go that are over, and if none is, one by chance: what is forgotten is asked again.
fn insert<K: Clone + Eq + Hash, V>(mutex: &Mutex<HashMap<K, V>>, key: K, value: V, is_over: impl Fn(&V) -> bool) {
    let mut all = lock(mutex);
    if all.len() >= MAX_REMEMBERED && !all.contains_key(&key) {
        all.retain(|_, value| !is_over(value));
        if all.len() >= MAX_REMEMBERED {
            let one = all.keys().next().cloned();
            one.and_then(|one| all.remove(&one));
        }
    }
    all.insert(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::{
            Ask, LimitRule, LimitScope, Policy,
            claim::claims,
            samples::{NOW, ask},
        },
        tenancy::TenantId,
    };
    use std::time::Duration;

    fn claim(slice: u16) -> Claim {
        let rule = LimitRule {
            scope: LimitScope::Tenant,
            requests_per_minute: Some(60_000),
            tokens_per_minute: Some(6_000_000),
            concurrency: None,
        };
        let policy = Policy::new([rule], Vec::new());
        let ask = Ask { tenant: TenantId::PLATFORM, ..ask(&policy) };
        claims(&ask, NOW, |_, _| slice).0
    }

    #[test]
    fn a_request_goes_where_there_is_room_once_it_is_told_how_many_slices_there_are() {
        let slicing = Slicing::default();
        let item = ItemKey::new(TenantId::PLATFORM, None);
        let request = RequestId::generate(Duration::from_secs(1));
        let choose = |at_ms| slicing.choose(item, 4, request, at_ms);
        assert_eq!(choose(0), 0, "the first must tell it");
        let told = ItemState { numbers: HashMap::from([("n4".to_owned(), 1)]), ..ItemState::default() };
        slicing.learn(&claim(0), &ItemState::default(), 0);
        assert_eq!(choose(0), 0, "it does not yet");
        slicing.learn(&claim(0), &told, 0);
        let first = slices::first_choice(request, 4);
        assert_eq!(choose(0), first);
        let full =
            |free_at| Refusal::Rate { scope: LimitScope::Tenant, unit: Unit::Requests, limit: 1, amount: 1, free_at };
        slicing.note_full(&claim(first), &full(Some(5_000)), 0);
        assert_eq!(choose(4_999), (first + 1) % 4, "the next has room");
        (0..4).for_each(|slice| slicing.note_full(&claim(slice), &full(Some(5_000)), 0));
        assert_eq!(choose(4_999), first, "none has: it is as good as any");
        assert_eq!(slicing.choose(item, 4, request, MARKED_MS), 0, "after an hour it is asked again");
    }

    #[test]
    fn where_there_is_no_room_for_another_what_is_over_is_forgotten_and_else_one() {
        let known = Mutex::new(HashMap::new());
        (0..MAX_REMEMBERED).for_each(|n| insert(&known, n, n, |_| false));
        insert(&known, MAX_REMEMBERED, 0, |_| false);
        assert_eq!(lock(&known).len(), MAX_REMEMBERED, "one makes room");
        assert!(lock(&known).contains_key(&MAX_REMEMBERED));
        insert(&known, MAX_REMEMBERED, 1, |_| true);
        assert_eq!(lock(&known).len(), MAX_REMEMBERED, "what is known already needs no room");
        insert(&known, MAX_REMEMBERED + 1, 0, |n| *n < 100);
        let left = lock(&known).len();
        assert!((MAX_REMEMBERED - 100..MAX_REMEMBERED).contains(&left), "a hundred were over: {left}");
    }
}
