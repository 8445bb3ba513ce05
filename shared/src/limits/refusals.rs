//! Refusals that a process remembers until there can be room again, so that a client that hammers costs no call.

use super::{
    claim::{BYTES, Claim, Entry, IN_FLIGHT, ItemKey},
    policy::LimitScope,
    verdict::{Headrooms, Refusal},
    window::Unit,
};
use crate::usage::Nanos;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// How many are remembered. Each is worth a call to DynamoDB; no more.
const MAX_REMEMBERED: usize = 10_000;
/// A budget can be raised: its tenant hears of that as late as of a revoked key.
const BUDGET_MS: i64 = 30_000;
/// What is larger than its limit never fits; what is left of the limit is looked up once in a while.
const NEVER_MS: i64 = 60_000;
/// Tokens that are reserved come back when their request ends, and so does its place among those that run: who is refused for one of them
/// is told to wait as long.
const RUNNING_MS: i64 = 1_000;

/// What one process remembers.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Cause, Remembered>>);

/// A limit or a budget, by what does not change from request to request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Cause {
    Rate { item: ItemKey, unit: Unit, model: String, limit: i64 },
    Running { item: ItemKey, attribute: String },
    Budget { item: ItemKey, attribute: String, limit: i64 },
}

#[derive(Debug, Clone)]
struct Remembered {
    until_ms: i64,
    /// Less than that may still fit.
    amount: i64,
    refusal: Refusal,
    headrooms: Headrooms,
}

impl Refusals {
    /// A refusal that still holds for this claim.
    pub fn recall(&self, claim: &Claim, at_ms: i64) -> Option<(Refusal, Headrooms)> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.is_empty() {
            return None;
        }
        let found = causes(claim).find_map(|(cause, amount)| {
            remembered.get(&cause).filter(|one| one.until_ms > at_ms && one.amount <= amount)
        });
        found.map(|one| (one.refusal.clone(), one.headrooms))
    }

    /// Remembers a refusal of this claim, if it is known how long it holds.
    pub fn remember(&self, claim: &Claim, refusal: &Refusal, headrooms: Headrooms, at_ms: i64) {
        let Some((until_ms, (cause, amount))) =
            until(refusal, at_ms).and_then(|until| Some((until, causes(claim).find(|(one, _)| one.is_of(refusal))?)))
        else {
            return;
        };
        let one = Remembered { until_ms, amount, refusal: refusal.clone(), headrooms };
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, one| one.until_ms > at_ms);
        }
        if remembered.len() < MAX_REMEMBERED {
            remembered.insert(cause, one);
        }
    }

    /// Forgets that an item had no room for another that runs: one has ended.
    pub fn note_end(&self, item: ItemKey, entry: &Entry) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.is_empty() {
            return;
        }
        for attribute in entry.ones.iter().map(String::as_str).chain([IN_FLIGHT, BYTES]) {
            remembered.remove(&Cause::Running { item, attribute: attribute.to_owned() });
        }
    }
}

/// How long a refusal holds, whoever asks. Nobody knows when a running request ends, and gives back tokens that it did not use.
fn until(refusal: &Refusal, at_ms: i64) -> Option<i64> {
    match refusal {
        Refusal::Rate { free_at: None, .. } => Some(at_ms.saturating_add(NEVER_MS)),
        Refusal::Rate { free_at, unit: Unit::Requests, .. } => *free_at,
        Refusal::Rate { free_at, unit: Unit::Tokens, .. } => free_at.map(|at| at.min(at_ms.saturating_add(RUNNING_MS))),
        Refusal::Budget(over) if over.spending.spent.0.saturating_add(over.worst.0) > over.limit.0 => {
            let resets_at = over.resets_at.and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok());
            Some(resets_at.unwrap_or(i64::MAX).min(at_ms.saturating_add(BUDGET_MS)))
        }
        Refusal::Budget(_) => None,
        Refusal::Concurrency { .. } | Refusal::Crowded { .. } => Some(at_ms.saturating_add(RUNNING_MS)),
    }
}

fn causes(claim: &Claim) -> impl Iterator<Item = (Cause, i64)> {
    let rates = claim.rates.iter().map(|rate| {
        let (item, unit, model, limit) = (claim.item, rate.unit, rate.model.clone(), rate.whole);
        (Cause::Rate { item, unit, model, limit }, rate.amount)
    });
    let hard = claim.charges.iter().filter(|charge| charge.budget.hard);
    let budgets = hard.map(|charge| {
        let Nanos(limit) = charge.budget.limit;
        (Cause::Budget { item: claim.item, attribute: charge.attribute.clone(), limit }, claim.entry.cost)
    });
    let places = claim.flights.iter().map(|flight| (flight.attribute.clone(), 1));
    let bytes = claim.entry.bytes.map(|bytes| (BYTES.to_owned(), i64::from(bytes)));
    let running =
        places.chain(bytes).map(|(attribute, amount)| (Cause::Running { item: claim.item, attribute }, amount));
    rates.chain(budgets).chain(running)
}

impl Cause {
    fn is_of(&self, refusal: &Refusal) -> bool {
        match (self, refusal) {
            (Self::Rate { unit, limit, model, .. }, Refusal::Rate { scope, unit: refused, limit: at_most, .. }) => {
                let is_models = matches!(scope, LimitScope::KeyModel { .. });
                (unit, limit, model.is_empty()) == (refused, at_most, !is_models)
            }
            (Self::Budget { attribute, .. }, Refusal::Budget(over)) => *attribute == over.attribute,
            (Self::Running { attribute, .. }, Refusal::Crowded { .. }) => attribute == BYTES,
            (Self::Running { attribute, .. }, Refusal::Concurrency { scope, .. }) => match scope {
                LimitScope::KeyModel { .. } => attribute != BYTES && attribute != IN_FLIGHT,
                LimitScope::Tenant | LimitScope::Key => attribute == IN_FLIGHT,
            },
            _ => false,
        }
    }
}
