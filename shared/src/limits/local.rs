//! What one process lets through by itself while DynamoDB is away: a tenth of each limit on requests and tokens, at least one request.
//! So that all together let through at most a tenth of the limit times the number of processes.

use super::{
    claim::{Claim, ItemKey, Rate},
    state::{ItemState, is_useless},
    verdict::{Refusal, Verdict, judge},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Which part of a limit one process may let through.
pub const SHARE: i64 = 10;
const MAX_ITEMS: usize = 10_000;

/// What this process let through by itself.
#[derive(Debug, Default)]
pub struct Local(Mutex<HashMap<ItemKey, ItemState>>);

impl Local {
    /// Judges a claim by what this process itself let through, and counts it if there is room.
    pub fn take(&self, claim: &Claim, at_ms: i64) -> Verdict {
        // Without anybody's count it is known that this never fits.
        if let Some(rate) = claim.rates.iter().find(|rate| rate.amount > rate.limit) {
            let (scope, unit) = (rate.scope.clone(), rate.unit);
            let refusal = Refusal::Rate { scope, unit, limit: rate.whole, amount: rate.amount, free_at: None };
            return Verdict { refusal: Some(refusal), ..Verdict::default() };
        }
        let share = shared(claim);
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if items.len() >= MAX_ITEMS {
            items.clear();
        }
        let state = items.entry(claim.item).or_default();
        state.numbers.retain(|name, _| !is_useless(name, at_ms));
        let verdict = judge(&share, state, false, at_ms);
        if verdict.refusal.is_none() {
            for rate in &share.rates {
                *state.numbers.entry(rate.attribute()).or_default() += rate.amount;
            }
        }
        verdict
    }
}

/// The claim with a share of the limits. Who runs at the same time elsewhere nobody knows, and hard budgets are not for guessing.
fn shared(claim: &Claim) -> Claim {
    let share = |rate: &Rate| {
        let of = |limit: i64| (limit / SHARE).max(1);
        let (limit, whole) = (of(rate.limit), of(rate.whole));
        // A request that alone is more than the share is let through by itself.
        Rate { limit, whole, amount: rate.amount.min(limit), ..rate.clone() }
    };
    Claim { rates: claim.rates.iter().map(share).collect(), flights: Vec::new(), charges: Vec::new(), ..claim.clone() }
}
