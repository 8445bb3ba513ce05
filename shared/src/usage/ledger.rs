//! Writes the ledger. After the response, so it costs the caller nothing.

pub use super::event::{CacheOutcome, Ended, UsageEvent, UsageSource};

use super::UsageRow;
use crate::{
    causes::chain,
    clock::Clock,
    db::{self, Database},
    limits::dynamo::Table,
};
use std::sync::Arc;

/// Where events go: the database, and while that is away the table, from which the sweeper brings them home.
#[derive(Clone)]
pub struct Ledger {
    db: Database,
    table: Arc<Table>,
    clock: Arc<dyn Clock>,
}

/// Where a request's rows are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// In the ledger.
    Written,
    /// In the table, on their way to the ledger.
    Waiting,
    /// Only in the log. Whatever was reserved for the request must stay reserved: it is the last trace of it that a program can read.
    Lost,
}

impl Ledger {
    /// A ledger; nothing is asked yet.
    pub fn new(db: Database, table: Arc<Table>, clock: Arc<dyn Clock>) -> Self {
        Self { db, table, clock }
    }

    /// Writes the rows of one request, all or none of them, each once however often it is told. Never fails the caller, whose answer is
    /// already paid for: what can be written nowhere is an error in the log, with all that is needed to write it by hand and nothing
    /// that is secret.
    pub async fn record(&self, events: &[UsageEvent]) -> Recorded {
        let rows: Vec<UsageRow> = events.iter().map(UsageRow::from).collect();
        let Some(first) = rows.first() else { return Recorded::Written };
        let Err(refusal) = db::usage_events::insert(&self.db, first.tenant(), &rows).await else {
            return Recorded::Written;
        };
        match self.table.put_waiting(&rows, self.clock.since_epoch()).await {
            Ok(()) => {
                tracing::warn!(error = %chain(&refusal), rows = rows.len(), "usage events wait for the database");
                Recorded::Waiting
            }
            Err(error) => {
                tracing::error!(error = %chain(&refusal), waiting.error = %chain(&*error), ?events, "usage events not written");
                Recorded::Lost
            }
        }
    }
}
