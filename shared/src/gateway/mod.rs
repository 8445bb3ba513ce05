//! The story: each file is one request from top to bottom, written as the steps it goes through.

pub mod admin;
pub mod after_response;
mod attempt;
pub mod call;
pub mod chat;
mod echo;
pub mod embeddings;
pub mod health;
pub mod models;
mod relay;
mod upstream;

use crate::{
    clock::Clock,
    config::{Config, UpstreamConfig},
    db::{self, Database},
    error::GatewayError,
    http::client::Upstream,
    tenancy::{Grant, Permission, auth::Authenticator, rbac},
};
use call::Call;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// What the functions that serve callers share, built once per cold start. Nothing is connected until it is needed.
pub struct Gateway {
    pub(crate) db: Database,
    pub(crate) auth: Authenticator,
    pub(crate) upstream: Upstream,
    pub(crate) upstreams: HashMap<&'static str, UpstreamConfig>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keep_alive: Duration,
}

impl Gateway {
    /// Builds the gateway. `concurrency` is how many requests it serves at a time.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(config: Config, clock: Arc<dyn Clock>, concurrency: usize) -> Result<Self, GatewayError> {
        // One connection for a request and one for what the previous request still writes.
        let db =
            Database::new(&config.database, concurrency + 1).map_err(|error| GatewayError::Internal(error.into()))?;
        Ok(Self {
            auth: Authenticator::new(db.clone(), config.pepper, Arc::clone(&clock)),
            upstream: Upstream::new(config.upstream_timeout).map_err(GatewayError::Internal)?,
            upstreams: config.upstreams,
            keep_alive: config.keep_alive,
            clock,
            db,
        })
    }

    /// The first two steps of every request: who calls, and may they.
    pub(crate) async fn authorize(&self, call: &Call, permission: Permission) -> Result<Grant, GatewayError> {
        let principal = self.auth.authenticate(call.authorization()).await?;
        tracing::Span::current().record("tenant.id", tracing::field::display(principal.tenant));
        Ok(rbac::authorize(&principal, permission)?)
    }
}

impl From<db::Error> for GatewayError {
    fn from(error: db::Error) -> Self {
        match error {
            db::Error::Unavailable(_) => Self::Unavailable(error.into()),
            other => Self::Internal(other.into()),
        }
    }
}
