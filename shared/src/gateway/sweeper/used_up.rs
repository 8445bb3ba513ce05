//! Soft budgets that are used up, told where the sweeper settled something: nobody else may come upon them for long.

use super::Sweeper;
use crate::{
    alerts::{Alert, BudgetState},
    causes::{BoxError, chain},
    db::budgets,
    limits::claim::budget_attribute,
    tenancy::TenantId,
};

/// Tells of a tenant's soft budgets that are used up now. Whether that was known before the alerts themselves remember.
pub(super) async fn tell(sweeper: &Sweeper, tenant: TenantId) {
    if let Err(error) = try_to_tell(sweeper, tenant).await {
        // The tenant's next request comes upon them.
        tracing::warn!(tenant.id = %tenant, error = %chain(&*error), "it was not told which budgets are used up");
    }
}

async fn try_to_tell(sweeper: &Sweeper, tenant: TenantId) -> Result<(), BoxError> {
    let now = sweeper.clock.now();
    let soft = budgets::soft(&sweeper.db, tenant).await?;
    let spending = sweeper.reservations.spending(tenant, &soft, now).await?;
    for (budget, spending) in soft.into_iter().zip(spending) {
        if spending.spent < budget.limit {
            continue;
        }
        let budget = BudgetState {
            counter: budget_attribute(&budget, now),
            resets_at: budget.period.ends_at(now),
            scope: budget.scope,
            period: budget.period,
            limit: budget.limit,
            spending,
            asked: None,
        };
        sweeper.alerts.tell(&Alert::BudgetUsedUp { tenant, budget }).await;
    }
    Ok(())
}
