//! What a request was given, until it gives it back.

use super::{
    claim::{BYTES, Charge, Claim, Entry, IN_FLIGHT, ItemKey},
    policy::Spending,
    state::{ItemState, spending_of},
    verdict::OverBudget,
    window::Attribute,
};
use crate::{tenancy::RequestId, usage::Nanos};

/// Reserved money and tokens. By value: it cannot be settled twice. What is lost with a killed process the sweeper finds in the items.
#[derive(Debug)]
#[must_use = "settle it with what was used, or it stays reserved until the sweeper finds it"]
pub struct Permit {
    /// Which request's.
    pub(super) request: RequestId,
    /// What it has, the tenant's first.
    pub(super) held: Vec<Held>,
    worst: Actual,
}

/// What a request has of one item.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) item: ItemKey,
    /// Of how many slices it is one.
    pub(super) slices: u16,
    pub(super) entry: Entry,
    /// Of these somebody wants to know when they are used up.
    pub(super) soft: Vec<Charge>,
}

/// What a request used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actual {
    /// What it cost.
    pub cost: Nanos,
    /// Tokens of its prompt and its answer.
    pub tokens: u64,
}

impl Permit {
    pub(super) fn new(claims: impl IntoIterator<Item = Claim>, request: RequestId) -> Self {
        let held: Vec<Held> = claims.into_iter().map(Held::from).collect();
        let worst = held.first().map_or_else(Actual::default, |held| Actual {
            cost: Nanos(held.entry.cost),
            tokens: u64::try_from(held.entry.tokens).unwrap_or_default(),
        });
        Self { request, held, worst }
    }

    /// What was reserved.
    pub fn reserved(&self) -> Actual {
        self.worst
    }

    /// What to settle with where nobody knows what was used: nothing below what was reserved is given back, and what is known to be more
    /// is charged.
    pub fn at_least(&self, counted: Actual) -> Actual {
        Actual { cost: counted.cost.max(self.worst.cost), tokens: counted.tokens.max(self.worst.tokens) }
    }
}

impl From<Claim> for Held {
    fn from(claim: Claim) -> Self {
        let soft = claim.charges.into_iter().filter(|charge| !charge.budget.hard).collect();
        Self { item: claim.item, slices: claim.slices, entry: claim.entry, soft }
    }
}

impl Entry {
    /// What to add to which attribute when the request has ended.
    pub fn settled(&self, actual: Actual, at_ms: i64) -> Vec<(String, i64)> {
        let more_cost = actual.cost.0.saturating_sub(self.cost);
        let more_tokens = i64::try_from(actual.tokens).unwrap_or(i64::MAX).saturating_sub(self.tokens);
        let flights = self.ones.iter().filter(|name| Attribute::read(name).is_none()).map(|name| (name.clone(), -1));
        self.changes(more_cost, more_tokens, at_ms).chain(flights).collect()
    }

    /// The same if it never began: it counts for no request either.
    pub fn undone(&self, at_ms: i64) -> Vec<(String, i64)> {
        let ones = self.ones.iter().filter(|name| counts(name, at_ms)).map(|name| (name.clone(), -1));
        self.changes(-self.cost, -self.tokens, at_ms).chain(ones).collect()
    }

    fn changes(&self, cost: i64, tokens: i64, at_ms: i64) -> impl Iterator<Item = (String, i64)> {
        let budgets = self.budgets.iter().map(move |name| (name.clone(), cost));
        let windows = self.windows.iter().filter(move |name| counts(name, at_ms));
        let windows = windows.map(move |name| (name.clone(), tokens));
        let all = budgets.chain(windows).filter(|(_, change)| *change != 0);
        let bytes = self.bytes.map(|bytes| (BYTES.to_owned(), -i64::from(bytes)));
        all.chain([(IN_FLIGHT.to_owned(), -1)]).chain(bytes)
    }
}

/// What is older may have been removed, and would come back as a debt.
fn counts(name: &str, at_ms: i64) -> bool {
    Attribute::read(name).is_none_or(|attribute| !attribute.is_past(at_ms))
}

/// The soft budgets that this settlement used up: `state` is the item's right after it. Spending only changes when something is settled,
/// so of all settlements exactly one sees a budget on both sides of its limit.
pub(super) fn used_up(held: &Held, actual: Actual, state: &ItemState) -> Vec<OverBudget> {
    let over = held.soft.iter().filter_map(|charge| {
        let spending: Spending = state.spending(&charge.attribute);
        let before = spending.spent.0.saturating_sub(actual.cost.0);
        (before < charge.budget.limit.0).then(|| held.over(charge, spending)).flatten()
    });
    over.collect()
}

/// The soft budgets that are used up by what all slices have spent, whoever did it.
pub(super) fn used_up_in_all(held: &Held, slices: &[ItemState]) -> Vec<OverBudget> {
    let over = held.soft.iter().filter_map(|charge| held.over(charge, spending_of(slices, &charge.attribute)));
    over.collect()
}

impl Held {
    fn over(&self, charge: &Charge, spending: Spending) -> Option<OverBudget> {
        let limit = charge.budget.limit;
        (spending.spent >= limit).then(|| OverBudget {
            attribute: charge.attribute.clone(),
            scope: charge.budget.scope.clone(),
            period: charge.budget.period,
            limit,
            spending,
            worst: Nanos(self.entry.cost),
            resets_at: charge.resets_at,
        })
    }
}

#[cfg(test)]
mod tests;
