//! Spending that is not as usual, told to whoever runs the deployment.

use super::Sweeper;
use crate::{
    alerts::{Alert, UNUSUAL_FROM, UNUSUAL_TIMES},
    db::spending,
    error::GatewayError,
};
use time::Duration;

/// How far back is looked: each hour is told of once, however often it is seen, and what could not be told the day before is told today.
const BACK: Duration = Duration::hours(50);

/// Tells of the hours in which a tenant spent far more than usual; says how many there are.
pub(super) async fn tell(sweeper: &Sweeper) -> Result<u64, GatewayError> {
    let since = sweeper.clock.now() - BACK;
    let found = spending::unusual(&sweeper.db, since, UNUSUAL_TIMES, UNUSUAL_FROM).await?;
    for one in &found {
        let (tenant, hour, spent, usual) = (one.tenant, one.hour, one.spent, one.usual);
        sweeper.alerts.tell(&Alert::SpendingUnusual { tenant, hour, spent, usual }).await;
    }
    Ok(found.len().try_into().unwrap_or(u64::MAX))
}
