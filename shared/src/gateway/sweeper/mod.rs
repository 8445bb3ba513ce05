//! The `sweeper` function: finishes what was interrupted. Killed anywhere and started again, or started twice at a time, it changes nothing
//! twice: a row is unique by (tenant, request, attempt), a reservation ends once, and what is read is only forgotten when it is elsewhere.
//!
//! It asks the table first, and the database only where there is something to finish, so that a deployment that nobody calls can sleep.

mod reservations;
mod unusual;
mod used_up;
mod waiting;

use crate::{
    alerts::sink::Alerts,
    causes::{BoxError, chain},
    clock::Clock,
    config::SweeperConfig,
    db::{Database, expiry, usage_events, usage_hours},
    error::GatewayError,
    http::aws,
    limits::dynamo::{Reservations, Table},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// How long the table may take.
const TABLE_PATIENCE: Duration = Duration::from_secs(10);
/// What one step may take at most, with time to say how far it came.
const MARGIN: Duration = Duration::from_secs(20);
/// How long the look for unusual spending may take.
const UNUSUAL_PATIENCE: Duration = Duration::from_secs(30);
/// How many months of the ledger's partitions there are beyond the current one.
const MONTHS_AHEAD: i32 = 12;
/// How many tenants' new rows are looked for at a time, and how many rows are added to their sums in one transaction.
const TENANTS_AT_A_TIME: i32 = 100;
const ROWS_AT_A_TIME: i32 = 5000;
/// How many rows are deleted at a time.
const EXPIRED_AT_A_TIME: i32 = 1000;

/// What the function can be asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// To do what.
    #[serde(default)]
    pub action: Action,
}

/// How much is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// What cannot wait: waiting rows, reservations, and sums by hour.
    #[default]
    Sweep,
    /// And what is done once a day: what has expired goes, the coming months' partitions come.
    Tidy,
}

/// What was done.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows of so many requests that waited are in the ledger now.
    pub brought_home: u64,
    /// So many reservations were settled with what the ledger has of their requests.
    pub settled: u64,
    /// So many requests were lost, and are charged what was reserved.
    pub charged: u64,
    /// So many reservations were given back, because their requests never began.
    pub voided: u64,
    /// So many requests were of tenants that are gone.
    pub dropped: u64,
    /// So many could not be finished. The log has each, as an alarm.
    pub failed: u64,
    /// So many rows were added to the sums by hour.
    pub added_up: u64,
    /// So many sessions, invitations and cache rows had expired.
    pub expired: u64,
    /// So many hours cost a tenant far more than usual.
    pub unusual: u64,
    /// So many partitions were made.
    pub partitions: u64,
    /// Whether the time was enough. What is left, the next run finds.
    pub complete: bool,
}

/// Runs commands.
pub struct Sweeper {
    db: Database,
    table: Arc<Table>,
    reservations: Reservations,
    alerts: Alerts,
    clock: Arc<dyn Clock>,
}

/// So many steps that fail in a row are no tenant's trouble but a store's.
const MOST_IN_A_ROW: u32 = 3;

impl Sweeper {
    /// Builds the clients; nothing is connected yet.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub async fn new(config: SweeperConfig, clock: Arc<dyn Clock>) -> Result<Self, GatewayError> {
        let aws = aws::sdk_config(TABLE_PATIENCE).await.map_err(GatewayError::Internal)?;
        let table = Arc::new(Table::new(&aws, config.table));
        let alerts = Alerts::new(&aws, config.alerts, Arc::clone(&table), Arc::clone(&clock));
        let reservations = Reservations::new(Arc::clone(&table));
        Ok(Self { db: Database::new(&config.database, 1)?, table, reservations, alerts, clock })
    }

    /// Does what the command names, until all is done or the time is up (`deadline`, since the Unix epoch).
    ///
    /// # Errors
    /// [`GatewayError`] when the database or the table is away; what was done before stays so.
    pub async fn run(&self, command: Command, deadline: Option<Duration>) -> Result<Report, GatewayError> {
        let mut run =
            Run { sweeper: self, deadline, in_use: false, in_a_row: 0, trouble: None, report: Report::default() };
        // In this order: what waits is known only when it is home.
        let complete = run.bring_home().await?
            && run.end_reservations().await?
            && run.add_up(command.action).await?
            && (command.action == Action::Sweep || run.tidy().await?);
        if let Some(error) = run.trouble {
            return Err(error);
        }
        let report = Report { complete, ..run.report };
        tracing::info!(?report, "swept");
        Ok(report)
    }
}

/// One run.
struct Run<'a> {
    sweeper: &'a Sweeper,
    deadline: Option<Duration>,
    /// Whether there was any request since the last run.
    in_use: bool,
    /// How many steps failed since one did not.
    in_a_row: u32,
    /// Why the last of them did, if a store was away.
    trouble: Option<GatewayError>,
    report: Report,
}

impl Run<'_> {
    fn is_time_up(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.sweeper.clock.since_epoch() + MARGIN > deadline)
    }

    /// Adds new rows to the sums by hour, if there can be any. False if the time was up.
    async fn add_up(&mut self, action: Action) -> Result<bool, GatewayError> {
        if action == Action::Sweep && !self.in_use && self.report.brought_home == 0 {
            return Ok(true);
        }
        let db = &self.sweeper.db;
        let mut after = None;
        loop {
            let tenants = usage_hours::tenants_with_new(db, after, TENANTS_AT_A_TIME).await?;
            let Some(last) = tenants.last() else { return Ok(true) };
            after = Some(*last);
            for tenant in tenants {
                loop {
                    if self.is_time_up() {
                        return Ok(false);
                    }
                    let taken = usage_hours::roll_up(db, tenant, ROWS_AT_A_TIME).await;
                    let Some(taken) = self.go_on(tenant, taken.map_err(GatewayError::from))? else { break };
                    self.report.added_up += u64::try_from(taken).unwrap_or_default();
                    if taken < i64::from(ROWS_AT_A_TIME) {
                        break;
                    }
                }
            }
        }
    }

    /// What is done once a day. False if the time was up.
    async fn tidy(&mut self) -> Result<bool, GatewayError> {
        let db = &self.sweeper.db;
        self.report.partitions += count(usage_events::prepare_partitions(db, MONTHS_AHEAD).await?);
        loop {
            if self.is_time_up() {
                return Ok(false);
            }
            match count(expiry::end_expired(db, EXPIRED_AT_A_TIME).await?) {
                0 => break,
                ended => self.report.expired += ended,
            }
        }
        self.look_for_unusual().await;
        Ok(true)
    }

    /// Last, and for so long and no longer: it is the one step that looks at all tenants at once, and nothing waits for it.
    async fn look_for_unusual(&mut self) {
        let problem: BoxError = match tokio::time::timeout(UNUSUAL_PATIENCE, unusual::tell(self.sweeper)).await {
            Ok(Ok(found)) => return self.report.unusual += found,
            Ok(Err(error)) => error.into(),
            Err(elapsed) => elapsed.into(),
        };
        self.report.failed += 1;
        tracing::error!(alarm = "spending_unwatched", error = %chain(&*problem), "nobody looked for unusual spending");
    }

    /// What one tenant's step gave; none if it failed, which keeps nobody else waiting.
    ///
    /// # Errors
    /// When so many failed in a row that it is not about one tenant.
    fn go_on<T>(
        &mut self,
        of: impl std::fmt::Display,
        step: Result<T, GatewayError>,
    ) -> Result<Option<T>, GatewayError> {
        match step {
            Ok(given) => {
                (self.in_a_row, self.trouble) = (0, None);
                Ok(Some(given))
            }
            Err(error) => {
                self.in_a_row += 1;
                if self.in_a_row >= MOST_IN_A_ROW {
                    return Err(error);
                }
                self.raise_alarm(&of.to_string(), &error);
                self.trouble = matches!(error, GatewayError::Unavailable(_)).then_some(error);
                Ok(None)
            }
        }
    }

    /// Notes what cannot be finished, for a person: nothing may be lost silently, and nothing else is kept waiting for it.
    fn raise_alarm(&mut self, request: &str, error: &(dyn std::error::Error + 'static)) {
        self.report.failed += 1;
        tracing::error!(alarm = "ledger_incomplete", request.id = request, error = %chain(error), "usage that cannot be booked");
    }
}

fn count(number: i32) -> u64 {
    number.try_into().unwrap_or_default()
}

/// The table is away.
fn table_away(error: BoxError) -> GatewayError {
    GatewayError::Unavailable(error)
}
