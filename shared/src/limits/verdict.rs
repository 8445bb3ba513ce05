//! Whether an item has room for a claim, and what the caller is told of it.

use super::{
    claim::{BYTES, Charge, Claim, Flight, MOST_BYTES, Rate},
    policy::{BudgetScope, LimitScope, Period, Spending},
    state::ItemState,
    window::{Filling, Unit, filling, free_at},
};
use crate::usage::Nanos;
use time::OffsetDateTime;

/// How much of a limit is left. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    /// All of it.
    pub limit: u64,
    /// What is left.
    pub remaining: u64,
    /// When all of it is there again.
    pub full_at: i64,
}

/// How much of the narrowest limits is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Headrooms {
    /// Of requests in a minute.
    pub requests: Option<Headroom>,
    /// Of tokens in a minute.
    pub tokens: Option<Headroom>,
}

/// Why there is no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Too much in a minute.
    Rate {
        /// Of whom.
        scope: LimitScope,
        /// Of what.
        unit: Unit,
        /// At most.
        limit: i64,
        /// Asked for.
        amount: i64,
        /// When there is room; none: never, it is more than all of it.
        free_at: Option<i64>,
    },
    /// Too much at the same time.
    Concurrency {
        /// Of whom.
        scope: LimitScope,
        /// At most.
        limit: i64,
    },
    /// More running than can be counted.
    Crowded {
        /// Of whom.
        scope: LimitScope,
    },
    /// Too expensive.
    Budget(OverBudget),
}

/// A budget that a request could exceed, or that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverBudget {
    /// Where it is counted.
    pub attribute: String,
    /// Whose.
    pub scope: BudgetScope,
    /// In what time.
    pub period: Period,
    /// How much there is.
    pub limit: Nanos,
    /// What became of it.
    pub spending: Spending,
    /// What the request may cost.
    pub worst: Nanos,
    /// When it begins anew.
    pub resets_at: Option<OffsetDateTime>,
}

/// What becomes of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// None: there is room.
    pub refusal: Option<Refusal>,
    /// With the claim in it, if there is room.
    pub headrooms: Headrooms,
    /// Soft budgets that are used up.
    pub over: Vec<OverBudget>,
}

/// Judges a claim by an item's state. `holds` tells whether the claim is already counted in it.
pub fn judge(claim: &Claim, state: &ItemState, holds: bool, at_ms: i64) -> Verdict {
    let budget = claim.charges.iter().find_map(|charge| over_hard_budget(charge, claim, state, holds));
    let mut headrooms = Headrooms::default();
    let mut refused_rate = None;
    for rate in &claim.rates {
        let (filled, refusal) = judge_rate(rate, state, holds, at_ms);
        refused_rate = refused_rate.or(refusal);
        headrooms.narrow(rate.unit, left_of(rate, filled, at_ms));
    }
    let crowded = claim.flights.iter().find_map(|flight| judge_flight(flight, state, holds));
    let crowded = crowded.or_else(|| judge_bytes(claim, state, holds));
    // What all slices have spent one of them does not know.
    let is_all = claim.slices.max(state.slices()) == 1;
    let over = claim.charges.iter().filter(|charge| is_all && !charge.budget.hard);
    Verdict {
        refusal: budget.or(refused_rate).or(crowded),
        headrooms,
        over: over.filter_map(|charge| used_up(charge, claim, state, holds)).collect(),
    }
}

/// What is left. Of a share: if the others are as full as this one.
fn left_of(rate: &Rate, filled: Filling, at_ms: i64) -> Headroom {
    let (left, shares) = (rate.limit.saturating_sub(filled.amount).max(0), rate.whole / rate.limit.max(1));
    let left = left.saturating_mul(shares.max(1)).min(rate.whole);
    let full_at = filled.empty_at.unwrap_or(at_ms);
    Headroom { limit: natural(rate.whole), remaining: natural(left), full_at }
}

/// What the window holds, and why it has no room. The claim is in the filling if there is room. Where clocks differ, an amount counts
/// longer by as much: whoever noted it may have been behind, and this clock ahead.
fn judge_rate(rate: &Rate, state: &ItemState, holds: bool, at_ms: i64) -> (Filling, Option<Refusal>) {
    let spread = state.spread_ms(at_ms);
    let at_ms = at_ms.saturating_sub(spread);
    let later = |at: i64| at.saturating_add(spread);
    let mut others = state.window(rate.unit, &rate.model);
    if holds && let Some((_, amount)) = others.iter_mut().find(|(label, _)| *label == rate.label) {
        *amount = amount.saturating_sub(rate.amount);
    }
    let filled = filling(&others, rate.resolution, at_ms);
    if filled.amount.saturating_add(rate.amount) <= rate.limit {
        let empty_at = filled.empty_at.max(Some(rate.resolution.ends(rate.label))).map(later);
        return (Filling { amount: filled.amount + rate.amount, empty_at }, None);
    }
    let free_at =
        (rate.amount <= rate.limit).then(|| later(free_at(&others, rate.resolution, at_ms, rate.limit - rate.amount)));
    let (scope, unit) = (rate.scope.clone(), rate.unit);
    let filled = Filling { empty_at: filled.empty_at.map(later), ..filled };
    (filled, Some(Refusal::Rate { scope, unit, limit: rate.whole, amount: rate.amount, free_at }))
}

fn judge_flight(flight: &Flight, state: &ItemState, holds: bool) -> Option<Refusal> {
    let others = state.number(&flight.attribute).saturating_sub(i64::from(holds));
    (others >= flight.limit).then(|| Refusal::Concurrency { scope: flight.scope.clone(), limit: flight.whole })
}

/// Whether the entries of those that run leave room for another.
fn judge_bytes(claim: &Claim, state: &ItemState, holds: bool) -> Option<Refusal> {
    let own = claim.entry.bytes.map_or(0, i64::from);
    let others = state.number(BYTES).saturating_sub(if holds { own } else { 0 });
    let scope = if claim.item.key.is_some() { LimitScope::Key } else { LimitScope::Tenant };
    (others.saturating_add(own) > MOST_BYTES).then_some(Refusal::Crowded { scope })
}

fn over_hard_budget(charge: &Charge, claim: &Claim, state: &ItemState, holds: bool) -> Option<Refusal> {
    let own = if holds { claim.entry.cost } else { 0 };
    let others = state.number(&charge.attribute).saturating_sub(own);
    let is_over = charge.budget.hard && others.saturating_add(claim.entry.cost) > charge.budget.limit.0;
    is_over.then(|| Refusal::Budget(over(charge, claim, without(state.spending(&charge.attribute), own))))
}

fn used_up(charge: &Charge, claim: &Claim, state: &ItemState, holds: bool) -> Option<OverBudget> {
    let own = if holds { claim.entry.cost } else { 0 };
    // What is reserved is spread over the entries, which are only read where it can matter.
    if state.number(&charge.attribute) < charge.budget.limit.0 {
        return None;
    }
    let spending = without(state.spending(&charge.attribute), own);
    (spending.spent >= charge.budget.limit).then(|| over(charge, claim, spending))
}

fn without(spending: Spending, own: i64) -> Spending {
    Spending { reserved: Nanos(spending.reserved.0.saturating_sub(own)), ..spending }
}

fn over(charge: &Charge, claim: &Claim, spending: Spending) -> OverBudget {
    OverBudget {
        attribute: charge.attribute.clone(),
        scope: charge.budget.scope.clone(),
        period: charge.budget.period,
        limit: charge.budget.limit,
        spending,
        worst: Nanos(claim.entry.cost),
        resets_at: charge.resets_at,
    }
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

impl Headrooms {
    fn narrow(&mut self, unit: Unit, other: Headroom) {
        let mine = match unit {
            Unit::Requests => &mut self.requests,
            Unit::Tokens => &mut self.tokens,
        };
        match mine {
            Some(one) if one.remaining <= other.remaining => {}
            _ => *mine = Some(other),
        }
    }

    /// The narrower of two.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        other.requests.into_iter().for_each(|one| self.narrow(Unit::Requests, one));
        other.tokens.into_iter().for_each(|one| self.narrow(Unit::Tokens, one));
        self
    }
}

#[cfg(test)]
mod tests;
