//! Which limits and budgets bound a request in one item, and which of the item's slices it may ask.

use super::{Ask, ItemKey};
use crate::{
    limits::{
        policy::{Budget, BudgetScope, LimitRule, LimitScope},
        slices,
    },
    tenancy::KeyId,
};

/// What bounds a request in one item.
pub(super) struct Part<'a> {
    pub(super) item: ItemKey,
    /// Over how many slices its limits are shared out.
    pub(super) slices: u16,
    pub(super) freedom: Freedom,
    /// Each with the number of slices over which it is shared out.
    pub(super) rules: Vec<(&'a LimitRule, u16)>,
    pub(super) budgets: Vec<&'a Budget>,
}

/// Which of its item's slices a request may ask.
pub(super) enum Freedom {
    /// The first.
    None,
    /// Any that has room.
    Shares,
    /// Any: there is nothing to count.
    Unbound,
}

impl<'a> Part<'a> {
    pub(super) fn of(ask: &Ask<'a>, key: Option<KeyId>) -> Self {
        let is_of_key = |scope: &LimitScope| (*scope != LimitScope::Tenant) == key.is_some();
        let is_budget_of_key = |scope: &BudgetScope| matches!(scope, BudgetScope::Key(_)) == key.is_some();
        // The number of slices is the same whoever asks, and for whatever model.
        let all = ask.policy.limits().iter().filter(|rule| is_of_key(&rule.scope));
        let (models, whole): (Vec<_>, Vec<_>) = all.partition(|rule| matches!(rule.scope, LimitScope::KeyModel { .. }));
        let is_closed = ask.policy.budgets().iter().any(|budget| {
            budget.hard
                && is_budget_of_key(&budget.scope)
                && matches!(budget.scope, BudgetScope::Tenant | BudgetScope::Key(_))
        });
        let is_unlimited = whole.is_empty() && models.is_empty();
        let slices = if is_closed { 1 } else { slices::count(whole.first().copied(), &models) };
        let rules = ask.policy.limits_on(ask.model).filter(|rule| is_of_key(&rule.scope));
        let shared =
            |rule: &LimitRule| !matches!(rule.scope, LimitScope::KeyModel { .. }) || slices::is_divisible(rule, slices);
        let rules: Vec<_> = rules.map(|rule| (rule, if shared(rule) { slices } else { 1 })).collect();
        let budgets = ask.policy.budgets_of(ask.tags).filter(|budget| is_budget_of_key(&budget.scope));
        let budgets: Vec<_> = budgets.collect();
        let is_bound = rules.iter().any(|(_, count)| *count < slices) || budgets.iter().any(|budget| budget.hard);
        let freedom = match slices {
            1 if is_unlimited && budgets.is_empty() => Freedom::Unbound,
            2.. if !is_bound => Freedom::Shares,
            _ => Freedom::None,
        };
        Self { item: ItemKey::new(ask.tenant, key), slices, freedom, rules, budgets }
    }
}
