//! The `migrate` function: brings the schema up to date, and makes the first tenant of a new deployment.

use super::{
    create_operator_key::{self, NewOperatorKey},
    create_tenant::{self, NewTenant},
};
use crate::{
    clock::Clock,
    config::MigrateConfig,
    crypto::secret::Peppers,
    db::{Database, migrations},
    error::GatewayError,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the function can be asked.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Command {
    /// Apply what is missing. Answers `{"applied": [...]}`.
    Migrate,
    /// Make a tenant and its first key. Answers `{"tenant_id", "key_id", "api_key"}`.
    CreateTenant(NewTenant),
    /// Make a key of the platform's operators. Answers `{"key_id", "api_key"}`.
    CreateOperatorKey(NewOperatorKey),
}

/// Runs commands against the database, as a role that may create roles.
pub struct Migrator {
    db: Database,
    peppers: Peppers,
    clock: Arc<dyn Clock>,
}

impl Migrator {
    /// Builds the pool; nothing is connected yet.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(config: MigrateConfig, clock: Arc<dyn Clock>) -> Result<Self, GatewayError> {
        Ok(Self { db: Database::new(&config.database, 1)?, peppers: config.peppers, clock })
    }

    /// Runs one command.
    ///
    /// # Errors
    /// [`GatewayError`]; what was applied before the fault stays applied.
    pub async fn run(&self, command: Command) -> Result<Value, GatewayError> {
        match command {
            Command::Migrate => {
                let applied = migrations::run(&self.db, self.clock.now()).await.map_err(|error| match error {
                    migrations::MigrateError::Database(error) => error.into(),
                    other => GatewayError::Internal(other.into()),
                })?;
                Ok(json!({ "applied": applied }))
            }
            Command::CreateTenant(new) => create_tenant::create(&self.db, &self.peppers, &*self.clock, &new).await,
            Command::CreateOperatorKey(new) => {
                create_operator_key::create(&self.db, &self.peppers, &*self.clock, &new).await
            }
        }
    }
}
