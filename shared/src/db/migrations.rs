//! Applies `migrations/`.

use super::{Database, Error};
use refinery::{Migration, Runner};
use time::{Date, Month, OffsetDateTime};
use tokio_postgres::types::Type;

/// Every migration: file name without `.sql`, text; in order.
pub static MIGRATIONS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// How many months of ledger partitions exist beyond the current one.
const MONTHS_AHEAD: u8 = 12;
/// Taken while migrating, so that two at a time wait for each other.
const ADVISORY_LOCK: i64 = 0x5347_4d49_4752;

/// Why the schema is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database cannot be reached or refused a statement.
    #[error(transparent)]
    Database(#[from] Error),
    /// A migration failed, or one that was applied has been edited.
    #[error("a migration failed")]
    Migration(#[from] refinery::Error),
}

/// Applies what is missing and makes the coming months' partitions. Returns the names of what was applied now.
///
/// # Errors
/// [`MigrateError`]; what was applied before the fault stays applied.
pub async fn run(db: &Database, now: OffsetDateTime) -> Result<Vec<String>, MigrateError> {
    let mut connection = db.connection().await?;
    connection
        .query_typed("select pg_advisory_lock($1)", &[(&ADVISORY_LOCK, Type::INT8)])
        .await
        .map_err(Error::from)?;
    let applied = apply(&mut connection, now).await;
    // Also released by the end of the connection, should this fail.
    let unlocked = connection.query_typed("select pg_advisory_unlock($1)", &[(&ADVISORY_LOCK, Type::INT8)]).await;
    let applied = applied?;
    unlocked.map_err(Error::from)?;
    Ok(applied)
}

async fn apply(client: &mut tokio_postgres::Client, now: OffsetDateTime) -> Result<Vec<String>, MigrateError> {
    let migrations = MIGRATIONS
        .iter()
        // refinery's form of a name: V<number>__<what>.
        .map(|(name, sql)| Migration::unapplied(&format!("V{}", name.replacen('_', "__", 1)), sql))
        .collect::<Result<Vec<_>, _>>()?;
    let report = Runner::new(&migrations).run_async(client).await?;
    // A partition must belong to the owner of the table it is part of.
    client.batch_execute("set role supergate_owner").await.map_err(Error::from)?;
    let partitions = create_partitions(client, now).await;
    client.batch_execute("reset role").await.map_err(Error::from)?;
    partitions?;
    Ok(report.applied_migrations().iter().map(|done| format!("{:04}_{}", done.version(), done.name())).collect())
}

async fn create_partitions(client: &tokio_postgres::Client, now: OffsetDateTime) -> Result<(), Error> {
    let mut month = now.date();
    for _ in 0..=MONTHS_AHEAD {
        let first = month.replace_day(1).map_err(|_| Error::Unexpected("a month without a first day"))?;
        client.query_typed("select app.create_usage_partition($1)", &[(&first, Type::DATE)]).await?;
        month = next_month(first);
    }
    Ok(())
}

fn next_month(first: Date) -> Date {
    let year = if first.month() == Month::December { first.year() + 1 } else { first.year() };
    Date::from_calendar_date(year, first.month().next(), 1).unwrap_or(first)
}
