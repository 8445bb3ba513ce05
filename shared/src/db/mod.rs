//! The only place that holds a connection. What runs on a tenant's table runs in a [`TenantTx`].
#![expect(clippy::disallowed_types, reason = "this folder is the one place that holds connections")]

pub mod api_keys;
pub mod audit;
pub(crate) mod bounds;
pub mod budgets;
pub mod cache;
pub mod cache_admin;
pub mod cache_settings;
pub mod cache_trials;
mod connect;
pub mod credentials;
pub mod expiry;
mod iam;
pub mod joining;
pub mod limits;
pub mod members;
pub mod migrations;
pub mod people;
pub mod prices;
pub mod sessions;
pub mod spending;
mod standing;
pub mod tenants;
mod tx;
pub mod usage_events;
pub mod usage_hours;
pub mod usage_log;

pub use tx::{PersonTx, TenantTx};

use crate::config::DatabaseConfig;
use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use std::{future::Future, time::Duration};
use tokio_postgres::{Row, error::SqlState};

/// A pool of connections, each opened when it is first needed.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
}

/// Why a statement has no result. The text may be logged; the caller sees none of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, or cannot serve now.
    #[error("the database is not available")]
    Unavailable(#[source] crate::causes::BoxError),
    /// What is to be stored is there already.
    #[error("it exists already")]
    Exists(#[source] tokio_postgres::Error),
    /// What it refers to is not there any more.
    #[error("what it refers to is gone")]
    Gone(#[source] tokio_postgres::Error),
    /// A rule of the database forbids it, as that a key has no more rights than its maker.
    #[error("the database does not allow a statement")]
    NotAllowed(#[source] tokio_postgres::Error),
    /// The database refused the statement: a fault of ours.
    #[error("the database refused a statement")]
    Refused(#[source] tokio_postgres::Error),
    /// What the database holds cannot be read as what we expect.
    #[error("the database holds something unexpected: {0}")]
    Unexpected(&'static str),
    /// The configuration of the connection cannot be used.
    #[error("the database configuration cannot be used: {0}")]
    Config(String),
}

/// How long a statement of a request may take. The slowest of them takes milliseconds.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that was idle for longer is not used again: the cluster closes it after five minutes so that Aurora can pause, and a
/// frozen function does not hear of it.
const MAX_IDLE: Duration = Duration::from_secs(240);

impl Database {
    /// A pool; nothing is opened yet.
    ///
    /// # Errors
    /// [`Error::Config`] when the URL or the certificate file cannot be used.
    pub fn new(config: &DatabaseConfig, max_connections: usize) -> Result<Self, Error> {
        let (postgres, connect) = connect::connector(config)?;
        let timeout = Some(config.connect_timeout);
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(postgres, connect, recycling);
        let pool = Pool::builder(manager)
            .max_size(max_connections)
            .timeouts(Timeouts { wait: timeout, create: timeout, recycle: timeout })
            .runtime(Runtime::Tokio1)
            .pre_recycle(Hook::sync_fn(|_, metrics| match metrics.last_used() < MAX_IDLE {
                true => Ok(()),
                false => Err(HookError::message("idle for too long")),
            }))
            .build()
            .map_err(|error| Error::Config(error.to_string()))?;
        Ok(Self { pool })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error`] when it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        let connection = self.connection().await?;
        let answered = in_time(connection.query_typed("select 1", &[])).await;
        keep_if_sound(connection, &answered);
        answered.map(drop)
    }

    /// Calls one of the functions that look something up before a tenant or a person is known.
    pub(in crate::db) async fn look_up(&self, statement: &str, params: tx::Params<'_>) -> Result<Vec<Row>, Error> {
        let connection = self.connection().await?;
        let rows = in_time(connection.query_typed(statement, params)).await;
        keep_if_sound(connection, &rows);
        rows
    }

    pub(in crate::db) async fn connection(&self) -> Result<Object, Error> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => Error::Unavailable(error.into()),
            other => Error::Unavailable(other.into()),
        })
    }
}

/// A statement of a request, with an end to its patience: a server that takes a connection and then says nothing is a server that is
/// away.
pub(in crate::db) async fn in_time<T, E: Into<Error>>(
    statement: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    match tokio::time::timeout(STATEMENT_TIMEOUT, statement).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(Error::Unavailable("no answer in time".into())),
    }
}

/// Gives a connection back to the pool, unless what it was used for says that it is of no use any more.
pub(in crate::db) fn keep_if_sound<T>(connection: Object, result: &Result<T, Error>) {
    if matches!(result, Err(Error::Unavailable(_))) {
        drop(Object::take(connection));
    }
}

fn is_rule(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
        && error.as_db_error().is_some_and(|error| error.constraint().is_some())
}

impl Error {
    /// Whether nobody knows what the database would say.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let unavailable = match error.code() {
            // No SQLSTATE: the connection broke.
            None => true,
            // Classes: 08 connection, 28 sign-in, 40 given up because of others, 53 out of resources, 57 operator intervention.
            Some(code) => {
                ["08", "28", "40", "53", "57"].iter().any(|class| code.code().starts_with(class))
                    || *code == SqlState::INVALID_CATALOG_NAME
                    || *code == SqlState::READ_ONLY_SQL_TRANSACTION
            }
        };
        match unavailable {
            true => Self::Unavailable(error.into()),
            false if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Self::Exists(error),
            false if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => Self::Gone(error),
            // A rule says its name; without one it is a grant that is missing, a fault of ours.
            false if is_rule(&error) => Self::NotAllowed(error),
            false => Self::Refused(error),
        }
    }
}
