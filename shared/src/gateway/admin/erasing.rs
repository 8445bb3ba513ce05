//! The last step of a tenant's end: its rows, when its data keys are destroyed already.

use crate::{
    clock::Clock,
    db::{self, Database, TenantTx, audit, audit::AuditEvent, tenants},
    tenancy::TenantId,
};
use std::time::Duration;

/// Rows of the ledger that one transaction deletes.
const ERASED_AT_ONCE: i32 = 10_000;
/// Transactions at a time where nobody says until when.
const ROUNDS: usize = 20;
/// What one transaction may take at most.
const ROUND: Duration = Duration::from_secs(10);

/// Until when there is time.
#[derive(Clone, Copy)]
pub(super) struct Time<'a> {
    pub(super) clock: &'a dyn Clock,
    /// Since the Unix epoch.
    pub(super) until: Option<Duration>,
}

impl Time<'_> {
    fn is_left(self, round: usize) -> bool {
        self.until.map_or(round < ROUNDS, |until| self.clock.since_epoch() + ROUND < until)
    }
}

/// Deletes what is left of a tenant that is being deleted, as far as there is time for, and at the end notes `done` in its audit. False, and
/// an alarm in the log, when something is left.
///
/// # Errors
/// [`db::Error`]; what was deleted before stays so. Also an alarm.
pub(super) async fn erase(
    db: &Database,
    tenant: TenantId,
    time: Time<'_>,
    done: impl Fn() -> AuditEvent,
) -> Result<bool, db::Error> {
    let erased = erase_in_rounds(db, tenant, time, done).await;
    if !matches!(erased, Ok(true)) {
        tracing::error!(alarm = "tenant_deletion_unfinished", tenant.id = %tenant, "rows of a deleted tenant are left");
    }
    erased
}

async fn erase_in_rounds(
    db: &Database,
    tenant: TenantId,
    time: Time<'_>,
    done: impl Fn() -> AuditEvent,
) -> Result<bool, db::Error> {
    // However little time there is, something is done: whoever asks again and again gets to the end.
    for round in 1.. {
        let tx = TenantTx::begin(db, tenant).await?;
        let left = tenants::erase(&tx, ERASED_AT_ONCE).await?;
        if left == 0 {
            audit::insert(&tx, &done()).await?;
        }
        tx.commit().await?;
        if left == 0 {
            return Ok(true);
        }
        if !time.is_left(round) {
            break;
        }
    }
    Ok(false)
}
