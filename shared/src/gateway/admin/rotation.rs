//! The `rotation` function: wraps the data keys of stored credentials anew under the current KMS key, or seals the credentials under fresh
//! data keys. Each in a transaction of its own that compares with what was read, so it may be killed anywhere and started again, also
//! twice at a time. What is done has a new `sealed_at`, which is all that is remembered. First it finishes deletions of tenants that nobody
//! goes on with: their owners are refused by then.

use super::erasing::{self, Time};
use crate::{
    causes::BoxError,
    clock::Clock,
    config::RotationConfig,
    crypto::{
        envelope::{self, Envelope, Label},
        kms::{MasterKey, Purpose},
        vault::{VaultError, raise_alarm},
    },
    db::{self, Database, TenantTx, audit, audit::AuditEvent, credentials, tenants},
    error::GatewayError,
    gateway::KMS_PATIENCE,
    http::aws,
    openai::Invalid,
    tenancy::{AuditId, CredentialId, CredentialRef},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;

/// How many ids are read at a time.
const BATCH: i32 = 100;
/// What one credential may take at most, with time to say how far it came.
const MARGIN: Duration = Duration::from_secs(20);
/// For so long a deletion is left to who asked for it.
const DELETION_PATIENCE: time::Duration = time::Duration::hours(1);
/// How many deletions one run finishes.
const DELETIONS: i32 = 100;

/// What the function can be asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// To do what.
    #[serde(default)]
    pub action: Action,
    /// Only with what was last sealed so many days ago: a schedule's way to go on with what the last run left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_days: Option<u16>,
    /// Only with what was last sealed before; none: with everything.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub sealed_before: Option<OffsetDateTime>,
    /// Goes on after this credential.
    #[serde(default)]
    pub after: Option<String>,
}

/// What is done with each credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The data key is wrapped anew by KMS, and seen by nobody.
    #[default]
    Rewrap,
    /// The credential is opened and sealed under a fresh data key.
    DataKeys,
}

/// What was done.
#[derive(Debug, Serialize)]
pub struct Report {
    /// So many were renewed.
    pub rewrapped: u64,
    /// So many do not open. The log has each, as an alarm.
    pub failed: u64,
    /// So many tenants' deletions that nobody went on with were finished.
    pub erased: u64,
    /// The command that goes on, if the time was up before all were done.
    pub next: Option<Command>,
}

/// Runs commands.
pub struct Rotation {
    db: Database,
    master_key: MasterKey,
    clock: Arc<dyn Clock>,
}

impl Rotation {
    /// Builds the clients; nothing is connected yet.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub async fn new(config: RotationConfig, clock: Arc<dyn Clock>) -> Result<Self, GatewayError> {
        let aws = aws::sdk_config(KMS_PATIENCE).await.map_err(GatewayError::Internal)?;
        let master_key = MasterKey::new(&aws, config.kms_key);
        Ok(Self { db: Database::new(&config.database, 1)?, master_key, clock })
    }

    /// Renews what the command names, until all are done or the time is up (`deadline`, since the Unix epoch).
    ///
    /// # Errors
    /// [`GatewayError`] when the database or KMS is away; what was renewed before stays so.
    pub async fn run(&self, command: Command, deadline: Option<Duration>) -> Result<Report, GatewayError> {
        let after = command.after.as_deref().map(str::parse::<CredentialId>).transpose();
        let mut after = after.map_err(|error| Invalid::value("after", error))?;
        let now = self.clock.now();
        let before = command.sealed_before.unwrap_or(match command.older_than_days {
            Some(days) => now - time::Duration::days(days.into()),
            None => now,
        });
        let mut report = Report { rewrapped: 0, failed: 0, erased: self.finish_deletions(deadline).await?, next: None };
        loop {
            let batch = credentials::sealed_before(&self.db, before, after, BATCH).await?;
            if batch.is_empty() {
                tracing::info!(rewrapped = report.rewrapped, failed = report.failed, "rotation done");
                return Ok(report);
            }
            for credential in batch {
                if deadline.is_some_and(|deadline| self.clock.since_epoch() + MARGIN > deadline) {
                    tracing::info!(rewrapped = report.rewrapped, failed = report.failed, "rotation goes on later");
                    let after = after.map(|id| id.to_string());
                    let (action, sealed_before) = (command.action, Some(before));
                    report.next = Some(Command { action, older_than_days: None, sealed_before, after });
                    return Ok(report);
                }
                match self.renew(command.action, credential, before).await? {
                    Renewed::Done => report.rewrapped += 1,
                    Renewed::Overtaken => {}
                    Renewed::Unreadable => report.failed += 1,
                }
                after = Some(credential.id);
            }
        }
    }

    /// How many were finished. One that cannot be is told by an alarm and keeps no other from its turn.
    async fn finish_deletions(&self, deadline: Option<Duration>) -> Result<u64, GatewayError> {
        let mut erased = 0;
        // Half of the time: credentials have their turn in every run.
        let now = self.clock.since_epoch();
        let until = deadline.map(|deadline| now + deadline.saturating_sub(now) / 2);
        let begun_before = self.clock.now() - DELETION_PATIENCE;
        for tenant in tenants::unfinished_deletions(&self.db, begun_before, DELETIONS).await? {
            if until.is_some_and(|until| self.clock.since_epoch() > until) {
                break;
            }
            let done = || AuditEvent {
                after: Some(json!({ "readable_left": 0 })),
                ..self.event("tenants.erased", tenant.to_string())
            };
            match erasing::erase(&self.db, tenant, Time { clock: &*self.clock, until }, done).await {
                Ok(all) => erased += u64::from(all),
                Err(error @ db::Error::Unavailable(_)) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(error = %crate::causes::chain(&error), tenant.id = %tenant, "a tenant was not erased");
                }
            }
        }
        Ok(erased)
    }

    async fn renew(
        &self,
        action: Action,
        credential: CredentialRef,
        before: OffsetDateTime,
    ) -> Result<Renewed, GatewayError> {
        let Some((provider, old)) = credentials::sealed_by_id(&self.db, credential, before).await? else {
            return Ok(Renewed::Overtaken);
        };
        let label = Label { tenant: credential.tenant, provider: &provider, credential: credential.id };
        let new = match self.sealed_anew(action, &label, &old).await {
            Ok(new) => new,
            Err(error @ VaultError::Unreadable(_)) => {
                raise_alarm(credential, &provider, &error);
                return Ok(Renewed::Unreadable);
            }
            Err(error) => return Err(GatewayError::Unavailable(error.into())),
        };
        let tx = TenantTx::begin(&self.db, credential.tenant).await?;
        if !credentials::reseal(&tx, credential.id, &old, &new, self.clock.now()).await? {
            return Ok(Renewed::Overtaken);
        }
        audit::insert(&tx, &self.note(action, credential)).await?;
        tx.commit().await?;
        Ok(Renewed::Done)
    }

    async fn sealed_anew(&self, action: Action, label: &Label<'_>, old: &Envelope) -> Result<Envelope, VaultError> {
        let wrapped = old.wrapped_key.clone();
        if action == Action::Rewrap {
            let (wrapped_key, kms_key_id) = self.master_key.rewrap(label.tenant, wrapped).await?;
            return Ok(Envelope { wrapped_key, kms_key_id, ..old.clone() });
        }
        let key = self.master_key.unwrap(label.tenant, Purpose::ProviderKey, wrapped).await?;
        let fresh = self.master_key.generate_data_key(label.tenant, Purpose::ProviderKey).await?;
        let mut nonce = [0; envelope::NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| VaultError::Unavailable(BoxError::from(error)))?;
        let ciphertext = key.reseal(label, old, &fresh.key, nonce)?;
        let (wrapped_key, kms_key_id) = (fresh.wrapped, fresh.kms_key_id);
        Ok(Envelope { version: envelope::VERSION, wrapped_key, kms_key_id, nonce, ciphertext })
    }

    fn note(&self, action: Action, credential: CredentialRef) -> AuditEvent {
        let action = match action {
            Action::Rewrap => "provider_keys.rewrap",
            Action::DataKeys => "provider_keys.reseal",
        };
        self.event(action, credential.id.to_string())
    }

    fn event(&self, action: &str, target: String) -> AuditEvent {
        AuditEvent {
            id: AuditId::generate(self.clock.since_epoch()),
            at: self.clock.now(),
            actor: "deployment".into(),
            action: action.into(),
            target,
            address: None,
            request: None,
            before: None,
            after: None,
        }
    }
}

/// What became of one.
enum Renewed {
    Done,
    /// It was replaced or deleted meanwhile, or another run was faster.
    Overtaken,
    Unreadable,
}
