//! `GET /health`: what the gateway depends on, whether it answers and how fast. Open to anyone, so it says nothing else.

use super::call::{Call, Reply};
use crate::{
    cache::embedding,
    causes::{self, BoxError},
    clock::Clock,
    config::HealthConfig,
    crypto::kms::MasterKey,
    db::Database,
    error::GatewayError,
    http::aws,
    limits::dynamo::Table,
};
use futures_util::future::{BoxFuture, FutureExt, join_all};
use http::StatusCode;
use serde::Serialize;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A dependency that takes longer is down, for all that a caller would notice.
const PATIENCE: Duration = Duration::from_secs(2);
/// Without it the cache still answers the same prompt.
const EMBEDDER: &str = "embedder";

/// Looks at the dependencies.
pub struct Health {
    db: Database,
    table: Option<Table>,
    master_key: Option<MasterKey>,
    embedder_file: Option<PathBuf>,
    /// A file that was whole once is not read again: it is a layer's, which does not change.
    embedder_is_whole: AtomicBool,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    version: &'static str,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: &'static str,
    latency_ms: f64,
}

impl Health {
    /// Builds the clients; nothing is connected yet.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub async fn new(config: HealthConfig, clock: Arc<dyn Clock>) -> Result<Self, GatewayError> {
        let aws = aws::sdk_config(PATIENCE).await.map_err(GatewayError::Internal)?;
        Ok(Self {
            db: Database::new(&config.database, 1)?,
            table: config.table.map(|name| Table::new(&aws, name)),
            master_key: config.kms_key.map(|id| MasterKey::new(&aws, id)),
            embedder_file: config.embedder_file,
            embedder_is_whole: AtomicBool::new(false),
            clock,
        })
    }

    /// Looks at all of them at once. 200 if all answer, or all but what only the semantic cache needs; 503 otherwise.
    ///
    /// # Errors
    /// Never but for a report that cannot be written.
    pub async fn report(&self, _call: Call) -> Result<Reply, GatewayError> {
        let mut checks = vec![self.check("database", async { Ok(self.db.ping().await?) }.boxed())];
        if let Some(table) = &self.table {
            checks.push(self.check("limits_table", table.ping().boxed()));
        }
        if let Some(key) = &self.master_key {
            checks.push(self.check("master_key", key.ping().boxed()));
        }
        if let Some(file) = &self.embedder_file {
            checks.push(self.check(EMBEDDER, self.check_embedder(file.clone()).boxed()));
        }
        let checks = join_all(checks).await;
        let down = |of: &dyn Fn(&Check) -> bool| checks.iter().any(|check| check.status != "ok" && of(check));
        let status = match (down(&|check| check.name != EMBEDDER), down(&|_| true)) {
            (true, _) => "down",
            (false, true) => "degraded",
            (false, false) => "ok",
        };
        let code = if status == "down" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        Reply::json(code, &Report { status, version: env!("CARGO_PKG_VERSION"), checks })
    }

    async fn check_embedder(&self, file: PathBuf) -> Result<(), BoxError> {
        if !self.embedder_is_whole.load(Ordering::Relaxed) {
            embedding::check_file(file).await?;
            self.embedder_is_whole.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn check(&self, name: &'static str, ping: BoxFuture<'_, Result<(), BoxError>>) -> Check {
        let asked = self.clock.monotonic();
        let answer = tokio::time::timeout(PATIENCE, ping).await;
        let latency = self.clock.monotonic().saturating_sub(asked);
        let status = match answer {
            Ok(Ok(())) => "ok",
            Ok(Err(error)) => {
                tracing::warn!(error = %causes::chain(&*error), dependency = name, "dependency is down");
                "down"
            }
            Err(_) => {
                tracing::warn!(dependency = name, "dependency does not answer");
                "down"
            }
        };
        Check { name, status, latency_ms: latency.as_secs_f64() * 1e3 }
    }
}
