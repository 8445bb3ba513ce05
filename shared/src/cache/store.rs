//! Where answers are kept, and found again. Whatever goes wrong here is a miss: a caller never waits longer than [`PATIENCE`] for it, and
//! never gets what does not prove to be its own.

use super::{
    answer::StoredAnswer,
    embed::Embedding,
    keys::{CacheKeys, KeyError},
    resting::Rest,
    sealed::{self, Content, EntryLabel, Hash},
};
use crate::{
    causes::{self, BoxError},
    clock::Clock,
    crypto::{
        envelope::{Broken, NONCE_BYTES},
        kms::MasterKey,
    },
    db::{
        self, Database,
        cache::{self, FoundEntry, SealedEntry, Wanted},
    },
    tenancy::{CacheEntryId, TenantId},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use time::OffsetDateTime;

/// The longest that a look-up keeps a caller waiting.
pub const PATIENCE: Duration = Duration::from_millis(50);
/// The most vectors of a namespace: reading them all takes two milliseconds.
pub const MOST_VECTORS: i32 = 1_000;
/// What a row takes besides what is sealed in it: its other columns and its places in four indexes.
const ROW_BYTES: usize = 700;
/// The same of a vector's row, but for its numbers.
const VECTOR_ROW_BYTES: usize = 250;
const BYTES_OF_A_NUMBER: usize = 2;

/// Takes work for after the response.
pub type Defer<'a> = &'a (dyn Fn(BoxFuture<'static, ()>) + Send + Sync);

/// Where answers are kept.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    db: Database,
    keys: CacheKeys,
    clock: Arc<dyn Clock>,
    patience: Duration,
    /// Of look-ups, and of those by vectors.
    rests: [Mutex<Rest>; 2],
}

/// Under what an answer is kept and asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Whose.
    pub tenant: TenantId,
    /// All that must be equal.
    pub namespace: Hash,
    /// The prompt, byte by byte; none if that may not answer.
    pub exact: Option<Hash>,
    /// Its canonical text; none if that may not answer.
    pub canonical: Option<Hash>,
}

/// How sure it is that an answer is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The same prompt.
    Exact,
    /// The same but for how it is written.
    Canonical,
    /// A similar one: the guards have not looked at it yet.
    Similar,
}

/// An answer that was found.
pub struct Hit {
    /// Its entry.
    pub id: CacheEntryId,
    /// By what.
    pub tier: Tier,
    /// What was asked when it was stored.
    pub prompt: String,
    /// What was answered.
    pub answer: StoredAnswer,
    /// When it was stored.
    pub created_at: OffsetDateTime,
    /// What it cost then.
    pub cost_nanos: i64,
    /// How similar, for [`Tier::Similar`].
    pub cosine: Option<f32>,
}

/// What a look-up says.
#[derive(Default)]
pub struct LookUp {
    /// The answer.
    pub hit: Option<Hit>,
    /// Whether [`Store::find_similar`] could find one.
    pub has_vectors: bool,
}

/// An answer to keep.
pub struct NewEntry {
    /// Under what; `exact` is needed.
    pub address: Address,
    /// The caller's own name for its part of the cache, by which it can be emptied.
    pub part: Option<String>,
    /// Who answered.
    pub provider: String,
    /// With which model, by the catalogue's name.
    pub model: String,
    /// The last thing that the user said.
    pub prompt: String,
    /// Its vector, where a similar prompt may get the answer.
    pub vector: Option<Embedding>,
    /// What was answered.
    pub answer: StoredAnswer,
    /// What it cost.
    pub cost_nanos: i64,
    /// For how long each tier may answer with it.
    pub keep: Keep,
    /// The most that all of the tenant's entries may take.
    pub most_bytes: i64,
}

/// For how long each tier may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The same prompt.
    pub exact: Duration,
    /// The same but for how it is written.
    pub canonical: Duration,
    /// A similar one.
    pub similar: Duration,
}

/// The cache says nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database or KMS is away.
    #[error("the cache is not available")]
    Unavailable(#[source] BoxError),
    /// It took too long; it goes on after the response.
    #[error("the cache did not answer in time")]
    TooSlow,
    /// It failed several times in a row, and is not asked for some seconds.
    #[error("the cache is left alone for some seconds")]
    Resting,
    /// What was to be stored cannot be: a fault of ours.
    #[error("the entry cannot be stored")]
    Unfit(#[source] BoxError),
}

impl Store {
    /// A store; nothing is connected yet.
    pub fn new(db: Database, master_key: MasterKey, clock: Arc<dyn Clock>) -> Self {
        Self::with_patience(db, master_key, clock, PATIENCE)
    }

    /// The same with another patience, for tests.
    pub fn with_patience(db: Database, master_key: MasterKey, clock: Arc<dyn Clock>, patience: Duration) -> Self {
        Self(Arc::new(Inner {
            db,
            keys: CacheKeys::new(master_key, Arc::clone(&clock)),
            clock,
            patience,
            rests: Default::default(),
        }))
    }

    /// The answer to the same prompt, or to the same but for how it is written: one round trip. Older than `not_before` is too old.
    ///
    /// # Errors
    /// [`StoreError`], which is a miss that is not counted as one.
    pub async fn find(
        &self,
        address: Address,
        not_before: Option<OffsetDateTime>,
        defer: Defer<'_>,
    ) -> Result<LookUp, StoreError> {
        let inner = Arc::clone(&self.0);
        let wanted = inner.wanted(address, not_before);
        let work = async move {
            let found = cache::find(&inner.db, address.tenant, &wanted).await?;
            let mut look_up = LookUp { hit: None, has_vectors: found.has_vectors };
            let mut poisoned = None;
            if let Some(entry) = found.entry {
                let tier = if entry.is_exact { Tier::Exact } else { Tier::Canonical };
                match inner.open(&address, tier, entry, None).await {
                    Ok(hit) => look_up.hit = Some(hit),
                    Err(Unopened::Poisoned(id)) => poisoned = Some(id),
                    Err(Unopened::Failed(error)) => return Err(error),
                }
            }
            Ok((look_up, inner.removal(address.tenant, poisoned.into_iter().collect())))
        };
        self.in_time(Of::Prompt, work, defer).await
    }

    /// The answers to the most similar prompts, the most similar first: one round trip more. What is less similar than `at_least` is left out.
    ///
    /// # Errors
    /// [`StoreError`], which is a miss that is not counted as one.
    pub async fn find_similar(
        &self,
        address: Address,
        vector: &Embedding,
        (at_least, most): (f32, usize),
        not_before: Option<OffsetDateTime>,
        defer: Defer<'_>,
    ) -> Result<Vec<Hit>, StoreError> {
        let inner = Arc::clone(&self.0);
        let wanted = inner.wanted(address, not_before);
        let vector = sealed::as_stored(vector.as_slice());
        let work = async move {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let found = cache::find_similar(&inner.db, address.tenant, &wanted, &vector, most).await?;
            let (mut hits, mut poisoned) = (Vec::new(), Vec::new());
            for entry in found {
                let cosine = entry.vector.iter().flatten().zip(&vector).map(|(one, other)| one * other).sum::<f32>();
                if cosine < at_least {
                    continue;
                }
                match inner.open(&address, Tier::Similar, entry, Some(cosine)).await {
                    Ok(hit) => hits.push(hit),
                    Err(Unopened::Poisoned(id)) => poisoned.push(id),
                    Err(Unopened::Failed(error)) => return Err(error),
                }
            }
            Ok((hits, inner.removal(address.tenant, poisoned)))
        };
        self.in_time(Of::Vector, work, defer).await
    }

    /// Keeps an answer, in the place of one to the same prompt; what is worth least goes if there is no room. For after the response.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    pub async fn insert(&self, new: NewEntry) -> Result<CacheEntryId, StoreError> {
        let inner = &self.0;
        let tenant = new.address.tenant;
        let (key_id, key) = inner.keys.current(&inner.db, tenant).await?;
        let vector = new.vector.as_ref().map(|vector| sealed::as_stored(vector.as_slice()));
        let hash = vector.as_deref().map(sealed::hash_of_vector);
        let packed = sealed::pack(&Content { prompt: new.prompt, vector: hash, answer: new.answer }).map_err(unfit)?;
        let taken = ROW_BYTES
            + packed.len()
            + vector.as_ref().map_or(0, |vector| VECTOR_ROW_BYTES + BYTES_OF_A_NUMBER * vector.len());
        // The database keeps microseconds, and the seal covers what it keeps.
        let now = whole_microseconds(inner.clock.now());
        let label = EntryLabel {
            tenant,
            id: CacheEntryId::generate(inner.clock.since_epoch()),
            key: key_id,
            namespace: new.address.namespace,
            exact: new.address.exact.ok_or_else(|| StoreError::Unfit("an entry without its prompt".into()))?,
            canonical: new.address.canonical,
            provider: new.provider,
            model: new.model,
            created_at: now,
            exact_until: now + new.keep.exact,
            canonical_until: new.address.canonical.map(|_| now + new.keep.canonical),
            similar_until: vector.as_ref().map(|_| now + new.keep.similar),
            bytes: i32::try_from(taken).map_err(|error| StoreError::Unfit(error.into()))?,
            cost_nanos: new.cost_nanos,
        };
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| StoreError::Unavailable(error.into()))?;
        let ciphertext = sealed::seal(&key, &label, nonce, &packed).map_err(unfit)?;
        let entry = SealedEntry { label, nonce, ciphertext, part: new.part };
        let gone = cache::insert(&inner.db, &entry, vector.as_deref(), MOST_VECTORS, new.most_bytes).await?;
        if gone > 0 {
            tracing::info!(tenant.id = %tenant, entries = gone, "a full cache made room");
        }
        Ok(entry.label.id)
    }

    /// Notes that an entry answered: what answers often stays longer. For after the response.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_hit(&self, tenant: TenantId, id: CacheEntryId) -> Result<(), StoreError> {
        Ok(cache::note_hit(&self.0.db, tenant, id, self.0.clock.now()).await?)
    }

    /// Waits as long as a caller may wait. What takes longer is done after the response, so that its connection is of use again.
    ///
    /// After a few in a row that failed nobody asks for some seconds: a database that hangs must not cost each request this time.
    async fn in_time<T: Send + 'static>(
        &self,
        of: Of,
        work: impl Future<Output = Result<(T, Option<BoxFuture<'static, ()>>), StoreError>> + Send + 'static,
        defer: Defer<'_>,
    ) -> Result<T, StoreError> {
        let (rest, clock) = (|| self.0.rest(of), &self.0.clock);
        if rest().is_on(clock.monotonic()) {
            return Err(StoreError::Resting);
        }
        let mut work = work.boxed();
        let Ok(done) = tokio::time::timeout(self.0.patience, &mut work).await else {
            defer(Box::pin(async move {
                if let Ok((_, Some(removal))) = work.await {
                    removal.await;
                }
            }));
            rest().failed(clock.monotonic());
            return Err(StoreError::TooSlow);
        };
        let (found, removal) = done.inspect_err(|_| rest().failed(clock.monotonic()))?;
        rest().worked();
        if let Some(removal) = removal {
            defer(removal);
        }
        Ok(found)
    }
}

/// Which look-up.
#[derive(Debug, Clone, Copy)]
enum Of {
    Prompt,
    Vector,
}

/// Why an entry gives no answer.
enum Unopened {
    /// It is not what it says it is.
    Poisoned(CacheEntryId),
    Failed(StoreError),
}

impl Inner {
    fn rest(&self, of: Of) -> MutexGuard<'_, Rest> {
        let [prompt, vector] = &self.rests;
        let rest = match of {
            Of::Prompt => prompt,
            Of::Vector => vector,
        };
        rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self, address: Address, not_before: Option<OffsetDateTime>) -> Wanted {
        let Address { namespace, exact, canonical, .. } = address;
        let not_before = not_before.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Wanted { namespace, exact, canonical, now: self.clock.now(), not_before }
    }

    async fn open(
        &self,
        address: &Address,
        tier: Tier,
        found: FoundEntry,
        cosine: Option<f32>,
    ) -> Result<Hit, Unopened> {
        let SealedEntry { label, nonce, ciphertext, .. } = found.entry;
        let poisoned = |error: BoxError| {
            raise_alarm(address.tenant, label.id, &*error);
            Unopened::Poisoned(label.id)
        };
        let key = match self.keys.unwrap(address.tenant, label.key, found.wrapped_key).await {
            Ok(key) => key,
            Err(KeyError::Refused(error)) => return Err(poisoned(error)),
            Err(error) => return Err(Unopened::Failed(error.into())),
        };
        // What the row says of itself, and that this is what was asked for: a vector may lead to a row of elsewhere.
        if (label.tenant, label.namespace) != (address.tenant, address.namespace) {
            return Err(poisoned("an entry of another namespace".into()));
        }
        let content = sealed::open(&key, &label, nonce, &ciphertext).map_err(|error| poisoned(error.into()))?;
        if found.vector.is_some_and(|vector| content.vector != Some(sealed::hash_of_vector(&vector))) {
            return Err(poisoned("another vector in the place of its own".into()));
        }
        let Content { prompt, answer, .. } = content;
        let (id, created_at, cost_nanos) = (label.id, label.created_at, label.cost_nanos);
        Ok(Hit { id, tier, prompt, answer, created_at, cost_nanos, cosine })
    }

    /// The work that takes poisoned rows away.
    fn removal(self: &Arc<Self>, tenant: TenantId, poisoned: Vec<CacheEntryId>) -> Option<BoxFuture<'static, ()>> {
        if poisoned.is_empty() {
            return None;
        }
        let inner = Arc::clone(self);
        let work = async move {
            for id in poisoned {
                if let Err(error) = cache::delete(&inner.db, tenant, id).await {
                    tracing::error!(error = %causes::chain(&error), cache.entry = %id, "a poisoned entry was not deleted");
                }
            }
        };
        Some(work.boxed())
    }
}

/// Somebody changed or moved a row: whoever runs this must hear of it. The field `alarm` is what to look for in the log.
fn raise_alarm(tenant: TenantId, entry: CacheEntryId, error: &(dyn std::error::Error + 'static)) {
    let error = causes::chain(error);
    tracing::error!(alarm = "cache_entry_poisoned", tenant.id = %tenant, cache.entry = %entry, %error, "an entry of the cache is not what it says it is");
}

fn whole_microseconds(time: OffsetDateTime) -> OffsetDateTime {
    time - Duration::from_nanos(u64::from(time.nanosecond() % 1_000))
}

fn unfit(error: Broken) -> StoreError {
    StoreError::Unfit(error.into())
}

impl From<db::Error> for StoreError {
    fn from(error: db::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> Self {
        Self::Unavailable(error.into())
    }
}
