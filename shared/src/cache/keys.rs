//! The data keys of tenants' caches: one each, made when the tenant's first entry is stored, remembered for a while once it is unwrapped.

use crate::{
    causes::BoxError,
    clock::Clock,
    crypto::{
        envelope::DataKey,
        kms::{KmsError, MasterKey, Purpose},
    },
    db::{
        self, Database,
        cache::{self, WrappedKey},
    },
    tenancy::TenantId,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use uuid::{NoContext, Timestamp, Uuid};

/// How long a key is remembered.
const TTL: Duration = Duration::from_secs(300);
/// How many are remembered in one process.
const MAX_REMEMBERED: usize = 1_000;

/// Unwraps and remembers.
pub(super) struct CacheKeys {
    master_key: MasterKey,
    clock: Arc<dyn Clock>,
    remembered: Mutex<Remembered>,
}

/// Whose key, and which.
type Name = (TenantId, Uuid);

#[derive(Default)]
struct Remembered {
    keys: HashMap<Name, (Arc<DataKey>, Duration)>,
    /// With which one a tenant's entries are sealed now.
    current: HashMap<TenantId, Uuid>,
}

/// There is no key.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    /// The database or KMS is away.
    #[error("the cache's key cannot be had right now")]
    Unavailable(#[source] BoxError),
    /// KMS does not unwrap it: the row was changed, or its KMS key is gone.
    #[error("the cache's key cannot be unwrapped")]
    Refused(#[source] BoxError),
}

impl CacheKeys {
    pub(super) fn new(master_key: MasterKey, clock: Arc<dyn Clock>) -> Self {
        Self { master_key, clock, remembered: Mutex::default() }
    }

    /// The key that an entry was sealed with.
    pub(super) async fn unwrap(&self, tenant: TenantId, id: Uuid, wrapped: Vec<u8>) -> Result<Arc<DataKey>, KeyError> {
        if let Some(key) = self.recall((tenant, id)) {
            return Ok(key);
        }
        let key = self.master_key.unwrap(tenant, Purpose::Cache, wrapped).await?;
        Ok(self.remember((tenant, id), key))
    }

    /// The key that a tenant's entries are sealed with now. Two processes that make the first one at the same moment make two; each entry
    /// says which is its.
    pub(super) async fn current(&self, db: &Database, tenant: TenantId) -> Result<(Uuid, Arc<DataKey>), KeyError> {
        let current = self.lock().current.get(&tenant).copied();
        if let Some(known) = current.and_then(|id| Some((id, self.recall((tenant, id))?))) {
            return Ok(known);
        }
        let (id, key) = match cache::key(db, tenant).await? {
            Some(stored) => match self.unwrap(tenant, stored.id, stored.wrapped).await {
                Ok(key) => (stored.id, key),
                Err(KeyError::Refused(error)) => {
                    raise_alarm(tenant, &*error);
                    self.make(db, tenant).await?
                }
                Err(error) => return Err(error),
            },
            None => self.make(db, tenant).await?,
        };
        self.lock().current.insert(tenant, id);
        Ok((id, key))
    }

    async fn make(&self, db: &Database, tenant: TenantId) -> Result<(Uuid, Arc<DataKey>), KeyError> {
        let made = self.master_key.generate_data_key(tenant, Purpose::Cache).await?;
        let now = self.clock.since_epoch();
        let id = Uuid::new_v7(Timestamp::from_unix(NoContext, now.as_secs(), now.subsec_nanos()));
        let key = WrappedKey { id, wrapped: made.wrapped, kms_key_id: made.kms_key_id };
        cache::insert_key(db, tenant, &key).await?;
        Ok((id, self.remember((tenant, id), made.key)))
    }

    fn recall(&self, name: Name) -> Option<Arc<DataKey>> {
        let now = self.clock.since_epoch();
        self.lock().keys.get(&name).filter(|(_, until)| *until > now).map(|(key, _)| Arc::clone(key))
    }

    fn remember(&self, name: Name, key: DataKey) -> Arc<DataKey> {
        let (now, key) = (self.clock.since_epoch(), Arc::new(key));
        let Remembered { keys, current } = &mut *self.lock();
        if keys.len() >= MAX_REMEMBERED {
            keys.retain(|_, (_, until)| *until > now);
        }
        if keys.len() >= MAX_REMEMBERED
            && let Some(oldest) = keys.iter().min_by_key(|(_, (_, until))| *until).map(|(name, _)| *name)
        {
            keys.remove(&oldest);
        }
        keys.insert(name, (Arc::clone(&key), now + TTL));
        current.retain(|tenant, id| keys.contains_key(&(*tenant, *id)));
        key
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody changed a row, or a KMS key is gone: what was stored with it is lost, and whoever runs this must hear of it.
fn raise_alarm(tenant: TenantId, error: &(dyn std::error::Error + 'static)) {
    let error = crate::causes::chain(error);
    tracing::error!(alarm = "cache_key_unreadable", tenant.id = %tenant, %error, "a tenant's cache is lost, and begins anew");
}

impl From<db::Error> for KeyError {
    fn from(error: db::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<KmsError> for KeyError {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Unavailable(_) => Self::Unavailable(error.into()),
            KmsError::Refused(_) => Self::Refused(error.into()),
        }
    }
}
