//! Rows of the ledger that waited for the database come home.

use super::{Run, table_away};
use crate::{
    db::{self, usage_events},
    error::GatewayError,
    limits::dynamo::{WAITING_PARTITIONS, Waiting},
};

/// How many requests' rows are read at a time.
const AT_A_TIME: i32 = 100;

impl Run<'_> {
    /// Writes what waits into the ledger, and forgets it. False if the time was up.
    pub(super) async fn bring_home(&mut self) -> Result<bool, GatewayError> {
        for partition in 0..WAITING_PARTITIONS {
            let mut last = None;
            loop {
                if self.is_time_up() {
                    return Ok(false);
                }
                let found = self.sweeper.table.waiting(partition, last.as_ref(), AT_A_TIME).await;
                let found = found.map_err(table_away)?;
                if found.is_empty() {
                    break;
                }
                for waiting in found {
                    let home = self.bring_one_home(&waiting).await;
                    self.go_on(waiting.request(), home)?;
                    last = Some(waiting);
                }
            }
        }
        Ok(true)
    }

    /// First written, then forgotten: killed in between, it is written again, which changes nothing.
    async fn bring_one_home(&mut self, waiting: &Waiting) -> Result<(), GatewayError> {
        let table = &self.sweeper.table;
        let Some(rows) = waiting.rows.as_deref() else {
            self.raise_alarm(waiting.request(), &db::Error::Unexpected("rows that waited and cannot be read"));
            return Ok(());
        };
        let Some(first) = rows.first() else { return table.forget_waiting(waiting).await.map_err(table_away) };
        match usage_events::insert(&self.sweeper.db, first.tenant(), rows).await {
            Ok(()) => self.report.brought_home += 1,
            Err(db::Error::Gone(_)) => {
                tracing::warn!(request.id = waiting.request(), tenant.id = %first.tenant(), "rows of a tenant that is gone");
                self.report.dropped += 1;
            }
            Err(error @ db::Error::Unavailable(_)) => return Err(error.into()),
            Err(error) => {
                self.raise_alarm(waiting.request(), &error);
                return Ok(());
            }
        }
        table.forget_waiting(waiting).await.map_err(table_away)
    }
}
