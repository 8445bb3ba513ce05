//! Opens sealed credentials, and remembers them for a while: by their whole identity, one look-up at a time for each, within a bound.

use super::{
    ProviderKey,
    envelope::{Broken, Envelope, Label},
    kms::{KmsError, MasterKey, Purpose},
};
use crate::{
    clock::Clock,
    db::{self, Database, credentials},
    tenancy::{CredentialId, CredentialRef, auth::PRINCIPAL_TTL_WITHOUT_DATABASE},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long an opened credential is remembered.
pub const CREDENTIAL_TTL: Duration = Duration::from_secs(300);
/// How long its envelope is, which is no secret: while the database is away, it is opened anew for whom a principal is still known that
/// names it. Which principals are decides the authentication; this is the longest that it can be after the envelope was read.
const ENVELOPE_TTL: Duration = CREDENTIAL_TTL.saturating_add(PRINCIPAL_TTL_WITHOUT_DATABASE);
/// How many are remembered in one process.
const MAX_REMEMBERED: usize = 1_000;

/// Where opened credentials are kept.
pub struct Vault {
    db: Database,
    master_key: MasterKey,
    clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<Identity, Arc<Slot>>>,
}

/// All of what a credential is: whose, which, and for which provider. A row that is moved to another provider is another credential.
type Identity = (CredentialRef, &'static str);

/// A place for one credential. The lock is held while one caller opens it; the others wait for what that one finds.
#[derive(Default)]
struct Slot {
    state: tokio::sync::Mutex<State>,
    /// How often opening it has failed.
    failures: AtomicU64,
}

#[derive(Default)]
struct State {
    sealed: Option<Sealed>,
    opened: Option<Opened>,
    last_failure: Option<Failure>,
}

struct Sealed {
    id: CredentialId,
    envelope: Envelope,
    /// Since the Unix epoch.
    until: Duration,
}

struct Opened {
    key: Arc<ProviderKey>,
    /// Since the Unix epoch.
    until: Duration,
}

/// What those are told who waited for a caller that failed.
#[derive(Clone, Copy)]
enum Failure {
    Unavailable,
    Gone,
    Unreadable,
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
        provider: &'static str,
    ) -> Result<(Arc<ProviderKey>, bool), VaultError> {
        let slot = self.slot((credential, provider));
        let failures = slot.failures.load(Ordering::Relaxed);
        let mut state = slot.state.lock().await;
        if let Some(known) = state.opened.as_ref().filter(|opened| opened.until > self.clock.since_epoch()) {
            return Ok((Arc::clone(&known.key), false));
        }
        // Who waited for somebody's failure does not try again: with KMS away, each would wait for its own time-out behind the others'.
        if let Some(failure) = state.last_failure.filter(|_| slot.failures.load(Ordering::Relaxed) != failures) {
            return Err(failure.into());
        }
        state.opened = None;
        match self.unseal(&mut state.sealed, credential, provider).await {
            Ok(key) => {
                let key = Arc::new(key);
                let until = self.clock.since_epoch() + CREDENTIAL_TTL;
                state.opened = Some(Opened { key: Arc::clone(&key), until });
                state.last_failure = None;
                Ok((key, true))
            }
            Err(error) => {
                state.last_failure = Some(Failure::of(&error));
                slot.failures.fetch_add(1, Ordering::Relaxed);
                if let VaultError::Unreadable(_) = &error {
                    state.sealed = None;
                    raise_alarm(credential, provider, &error);
                }
                Err(error)
            }
        }
    }

    /// Opens the envelope that is stored now, or the one that is known while nobody can say whether it is still that.
    async fn unseal(
        &self,
        known: &mut Option<Sealed>,
        credential: CredentialRef,
        provider: &str,
    ) -> Result<ProviderKey, VaultError> {
        let now = self.clock.since_epoch();
        match credentials::sealed(&self.db, credential.tenant, provider).await {
            Ok(found) => *known = found.map(|(id, envelope)| Sealed { id, envelope, until: now + ENVELOPE_TTL }),
            Err(error) if error.is_outage() && known.as_ref().is_some_and(|sealed| sealed.until > now) => {
                tracing::warn!(error = %crate::causes::chain(&error), "a known envelope is opened again");
            }
            Err(error) => return Err(error.into()),
        }
        let Sealed { id, envelope, .. } = known.as_ref().ok_or(VaultError::Gone)?;
        let data_key =
            self.master_key.unwrap(credential.tenant, Purpose::ProviderKey, envelope.wrapped_key.clone()).await?;
        // The row may be a newer credential than the one that was asked for; what it is sealed as must be what it says it is.
        Ok(data_key.open(&Label { tenant: credential.tenant, provider, credential: *id }, envelope)?)
    }

    fn slot(&self, identity: Identity) -> Arc<Slot> {
        let now = self.clock.since_epoch();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if !slots.contains_key(&identity) {
            // An expired secret does not stay in memory; its envelope may, and what somebody is opening or waiting for does.
            slots.retain(|_, slot| {
                slot.drop_expired(now);
                Arc::strong_count(slot) > 1 || slot.until().is_some_and(|until| until > now)
            });
            if slots.len() >= MAX_REMEMBERED
                && let Some(oldest) = oldest(&slots)
            {
                slots.remove(&oldest);
            }
        }
        Arc::clone(slots.entry(identity).or_default())
    }
}

fn oldest(slots: &HashMap<Identity, Arc<Slot>>) -> Option<Identity> {
    slots.iter().filter_map(|(id, slot)| Some((slot.until()?, *id))).min_by_key(|(until, _)| *until).map(|(_, id)| id)
}

/// Somebody changed a row, or a KMS key is gone: whoever runs this must hear of it. The field `alarm` is what to look for in the log.
pub(crate) fn raise_alarm(credential: CredentialRef, provider: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(
        alarm = "provider_credential_unreadable",
        tenant.id = %credential.tenant,
        credential.id = %credential.id,
        provider,
        error = %crate::causes::chain(error),
        "a provider's key does not open"
    );
}

impl Slot {
    /// Until when its envelope is remembered; none while it is being opened, or was not.
    fn until(&self) -> Option<Duration> {
        self.state.try_lock().ok()?.sealed.as_ref().map(|sealed| sealed.until)
    }

    fn drop_expired(&self, now: Duration) {
        if let Ok(mut state) = self.state.try_lock() {
            state.opened.take_if(|opened| opened.until <= now);
        }
    }
}

impl Failure {
    fn of(error: &VaultError) -> Self {
        match error {
            VaultError::Unavailable(_) => Self::Unavailable,
            VaultError::Gone => Self::Gone,
            VaultError::Unreadable(_) => Self::Unreadable,
        }
    }
}

impl From<Failure> for VaultError {
    fn from(failure: Failure) -> Self {
        let waited = || "another request that opened it failed while this one waited".into();
        match failure {
            Failure::Unavailable => Self::Unavailable(waited()),
            Failure::Gone => Self::Gone,
            Failure::Unreadable => Self::Unreadable(waited()),
        }
    }
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

#[cfg(test)]
mod tests;
