//! Opens sealed credentials, and remembers them for a while: by their whole identity, one look-up at a time for each, within a bound.

use super::{
    ProviderKey,
    envelope::{Broken, Label},
    kms::{KmsError, MasterKey},
};
use crate::{
    clock::Clock,
    db::{self, Database, credentials},
    tenancy::CredentialRef,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long an opened credential is remembered.
pub const CREDENTIAL_TTL: Duration = Duration::from_secs(300);
/// How many are remembered in one process.
const MAX_REMEMBERED: usize = 1_000;

/// Where opened credentials are kept.
pub struct Vault {
    db: Database,
    master_key: MasterKey,
    clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<CredentialRef, Arc<Slot>>>,
}

/// The lock is held while one caller opens the credential; the others wait for what that one finds.
type Slot = tokio::sync::Mutex<Option<Opened>>;

struct Opened {
    key: Arc<ProviderKey>,
    /// Since the Unix epoch.
    until: Duration,
}

/// Why a credential cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The database or KMS is away.
    #[error("credentials cannot be opened right now")]
    Unavailable(#[source] crate::causes::BoxError),
    /// It was deleted since its tenant was looked up.
    #[error("the credential is gone")]
    Gone,
    /// It does not open: its row was changed or moved, or its KMS key is gone.
    #[error("the credential cannot be read")]
    Unreadable(#[source] crate::causes::BoxError),
}

impl Vault {
    /// An empty one.
    pub fn new(db: Database, master_key: MasterKey, clock: Arc<dyn Clock>) -> Self {
        Self { db, master_key, clock, slots: Mutex::default() }
    }

    /// A tenant's, or the platform's, credential for a provider. Also tells whether it was opened now, rather than remembered.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn open(
        &self,
        credential: CredentialRef,
        provider: &str,
    ) -> Result<(Arc<ProviderKey>, bool), VaultError> {
        let slot = self.slot(credential);
        let mut opened = slot.lock().await;
        if let Some(known) = opened.as_ref().filter(|opened| opened.until > self.clock.since_epoch()) {
            return Ok((Arc::clone(&known.key), false));
        }
        *opened = None;
        let key = self.unseal(credential, provider).await.inspect_err(|error| {
            if matches!(error, VaultError::Unreadable(_)) {
                // Somebody changed a row, or a KMS key: whoever runs this must hear of it.
                tracing::error!(
                    alarm = "provider_credential_unreadable",
                    tenant.id = %credential.tenant,
                    credential.id = %credential.id,
                    provider,
                    error = %crate::causes::chain(error),
                    "a provider's key does not open"
                );
            }
        })?;
        let key = Arc::new(key);
        *opened = Some(Opened { key: Arc::clone(&key), until: self.clock.since_epoch() + CREDENTIAL_TTL });
        Ok((key, true))
    }

    async fn unseal(&self, credential: CredentialRef, provider: &str) -> Result<ProviderKey, VaultError> {
        let (id, envelope) =
            credentials::sealed(&self.db, credential.tenant, provider).await?.ok_or(VaultError::Gone)?;
        let data_key = self.master_key.unwrap(credential.tenant, envelope.wrapped_key.clone()).await?;
        // The row may be a newer credential than the one that was asked for; what it is sealed as must be what it says it is.
        Ok(data_key.open(&Label { tenant: credential.tenant, provider, credential: id }, &envelope)?)
    }

    fn slot(&self, credential: CredentialRef) -> Arc<Slot> {
        let now = self.clock.since_epoch();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_REMEMBERED && !slots.contains_key(&credential) {
            // A slot that is being opened is locked, and stays.
            let lasting = |slot: &Arc<Slot>| {
                slot.try_lock().map_or(true, |opened| opened.as_ref().is_some_and(|opened| opened.until > now))
            };
            slots.retain(|_, slot| lasting(slot));
            if slots.len() >= MAX_REMEMBERED
                && let Some(oldest) = oldest(&slots)
            {
                slots.remove(&oldest);
            }
        }
        Arc::clone(slots.entry(credential).or_default())
    }
}

fn oldest(slots: &HashMap<CredentialRef, Arc<Slot>>) -> Option<CredentialRef> {
    let until = |slot: &Arc<Slot>| slot.try_lock().ok().and_then(|opened| opened.as_ref().map(|opened| opened.until));
    slots.iter().filter_map(|(id, slot)| Some((until(slot)?, *id))).min_by_key(|(until, _)| *until).map(|(_, id)| id)
}

impl From<db::Error> for VaultError {
    fn from(error: db::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<KmsError> for VaultError {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Unavailable(_) => Self::Unavailable(error.into()),
            KmsError::Refused(_) => Self::Unreadable(error.into()),
        }
    }
}

impl From<Broken> for VaultError {
    fn from(broken: Broken) -> Self {
        Self::Unreadable(broken.into())
    }
}
