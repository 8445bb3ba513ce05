//! The story: each file is one request from top to bottom, written as the steps it goes through.

pub mod admin;
mod admission;
pub mod after_response;
mod attempt;
mod cached;
pub mod call;
pub mod chat;
pub mod docs;
mod echo;
pub mod embeddings;
pub mod health;
mod idempotency;
pub mod models;
pub mod people;
mod refusals;
mod relay;
pub mod sweeper;
mod upstream;

use crate::{
    alerts::sink::Alerts,
    cache::{embedding::Make, store::Store},
    clock::Clock,
    config::Config,
    crypto::{kept_answer::KeptAnswers, kms::MasterKey, vault::Vault},
    db::{self, Database, api_keys},
    error::GatewayError,
    http::{aws, client::Upstream},
    limits::dynamo::{Limiter, Table},
    tenancy::{Actor, Grant, KeyId, Permission, TenantId, auth::Authenticator, rbac},
    usage::ledger::Ledger,
};
use after_response::AfterResponse;
use call::Call;
use std::{collections::HashMap, sync::Arc, time::Duration};
use time::OffsetDateTime;

/// How long KMS may take: a caller waits for it, once in five minutes and process.
pub(crate) const KMS_PATIENCE: Duration = Duration::from_secs(5);

/// What the functions that serve callers share, built once per cold start. Nothing is connected until it is needed.
pub struct Gateway {
    pub(crate) db: Database,
    pub(crate) ledger: Ledger,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) keys: idempotency::Keys,
    pub(crate) refusals: refusals::Refusals,
    pub(crate) auth: Authenticator,
    pub(crate) upstream: Upstream,
    pub(crate) cache: cached::Cache,
    pub(crate) vault: Vault,
    pub(crate) base_urls: HashMap<&'static str, String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keep_alive: Duration,
}

impl Gateway {
    /// Builds the gateway. `concurrency` is how many requests it serves at a time.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub async fn new(config: Config, clock: Arc<dyn Clock>, concurrency: usize) -> Result<Self, GatewayError> {
        let aws = aws::sdk_config(KMS_PATIENCE).await.map_err(GatewayError::Internal)?;
        let master_key = |aws| MasterKey::new(aws, config.kms_key.clone());
        let table = aws::with_timeout(&aws, config.table_timeout);
        let table = Arc::new(Table::new(&table, config.table));
        // One connection for a request and one for what the previous request still writes.
        let db =
            Database::new(&config.database, concurrency + 1).map_err(|error| GatewayError::Internal(error.into()))?;
        let answers = KeptAnswers::new(Arc::clone(&config.credentials.peppers));
        let cache = Store::with_patience(db.clone(), master_key(&aws), Arc::clone(&clock), config.cache.patience);
        Ok(Self {
            refusals: refusals::Refusals::default(),
            cache: cached::Cache::new(cache, config.embedder_file, config.cache.is_on),
            keys: idempotency::Keys::new(Arc::clone(&table), answers, Arc::clone(&clock)),
            auth: Authenticator::new(db.clone(), config.credentials, Arc::clone(&clock))
                .map_err(GatewayError::Internal)?,
            upstream: Upstream::new(config.upstream_timeout).map_err(GatewayError::Internal)?,
            vault: Vault::new(db.clone(), master_key(&aws), Arc::clone(&clock)),
            base_urls: config.base_urls,
            keep_alive: config.keep_alive,
            alerts: Arc::new(Alerts::new(&aws, config.alerts, Arc::clone(&table), Arc::clone(&clock))),
            limiter: Arc::new(Limiter::new(Arc::clone(&table), Arc::clone(&clock))),
            ledger: Ledger::new(db.clone(), table, Arc::clone(&clock)),
            clock,
            db,
        })
    }

    /// With what makes an embedder of the file that the configuration names: who does not say it does not link the engine.
    #[must_use]
    pub fn embedding_with(mut self, make: Make) -> Self {
        self.cache.embedding_with(make);
        self
    }

    /// The first two steps of every request: who calls, and may they.
    pub(crate) async fn authorize(&self, call: &Call, permission: Permission) -> Result<Grant, GatewayError> {
        let (principal, looked_up) = self.auth.authenticate(&call.headers).await?;
        if let (true, Actor::Key(key)) = (looked_up, principal.actor) {
            note_use_of_key(&self.db, &call.after, principal.tenant, key, self.clock.now());
        }
        tracing::Span::current().record("tenant.id", tracing::field::display(principal.tenant));
        Ok(rbac::authorize(&principal, permission)?)
    }
}

/// After the response, and once for each look-up: nobody waits for it, and a busy key does not write all the time.
fn note_use_of_key(db: &Database, after: &AfterResponse, tenant: TenantId, key: KeyId, at: OffsetDateTime) {
    let db = db.clone();
    after.defer(async move {
        if let Err(error) = api_keys::touch(&db, tenant, key, at).await {
            tracing::warn!(error = %crate::causes::chain(&error), "the use of a key was not noted");
        }
    });
}

impl From<db::Error> for GatewayError {
    fn from(error: db::Error) -> Self {
        match error {
            db::Error::Unavailable(_) => Self::Unavailable(error.into()),
            db::Error::Exists(_) => Self::Conflict("it exists already".into()),
            other => Self::Internal(other.into()),
        }
    }
}
