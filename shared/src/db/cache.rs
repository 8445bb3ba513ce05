//! The cache's tables.

use super::{Database, Error, TenantTx, tx::Params};
use crate::{
    cache::sealed::{EntryLabel, Hash},
    crypto::envelope::NONCE_BYTES,
    tenancy::{CacheEntryId, TenantId},
};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

/// A data key of a tenant's cache, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WrappedKey {
    pub(crate) id: Uuid,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) kms_key_id: String,
}

/// An entry as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SealedEntry {
    pub(crate) label: EntryLabel,
    pub(crate) nonce: [u8; NONCE_BYTES],
    pub(crate) ciphertext: Vec<u8>,
    /// The caller's own name for its part of the cache. Not read back: the namespace has it.
    pub(crate) part: Option<String>,
}

/// An entry that a look-up found.
pub(crate) struct FoundEntry {
    pub(crate) entry: SealedEntry,
    pub(crate) wrapped_key: Vec<u8>,
    /// Whether the prompt is the same byte by byte.
    pub(crate) is_exact: bool,
    /// The vector by which it was found.
    pub(crate) vector: Option<Vec<f32>>,
}

/// What one look-up says.
pub(crate) struct Found {
    pub(crate) entry: Option<FoundEntry>,
    /// Whether a look-up by vector could find something.
    pub(crate) has_vectors: bool,
}

/// By what and when a look-up asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) namespace: Hash,
    pub(crate) exact: Option<Hash>,
    pub(crate) canonical: Option<Hash>,
    pub(crate) now: OffsetDateTime,
    /// What was stored before is too old for this caller.
    pub(crate) not_before: OffsetDateTime,
}

/// The columns of an entry `e` and its key `k`, in statements that are constants.
macro_rules! entry {
    () => {
        "\
         e.tenant_id, e.id, e.key_id, e.namespace, e.exact, e.canonical, e.provider, e.model, e.created_at, e.exact_until, e.canonical_until, \
         e.similar_until, e.bytes, e.cost_nanos, e.nonce, e.ciphertext, k.wrapped_key"
    };
}

/// The newest data key of a tenant's cache.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn key(db: &Database, tenant: TenantId) -> Result<Option<WrappedKey>, Error> {
    let statement = "select id, wrapped_key, kms_key_id from cache_keys order by created_at desc, id desc limit 1";
    let rows = TenantTx::once(db, tenant, statement, &[]).await?;
    let read = |row: &Row| {
        Ok(WrappedKey {
            id: row.try_get("id")?,
            wrapped: row.try_get("wrapped_key")?,
            kms_key_id: row.try_get("kms_key_id")?,
        })
    };
    rows.first().map(read).transpose()
}

/// Stores a data key.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert_key(db: &Database, tenant: TenantId, key: &WrappedKey) -> Result<(), Error> {
    let statement = "insert into cache_keys (tenant_id, id, wrapped_key, kms_key_id) values ($1, $2, $3, $4)";
    let params: Params<'_> = &[
        (tenant.as_uuid(), Type::UUID),
        (&key.id, Type::UUID),
        (&key.wrapped, Type::BYTEA),
        (&key.kms_key_id, Type::TEXT),
    ];
    TenantTx::once(db, tenant, statement, params).await.map(drop)
}

/// Overwrites the only copies of the data keys of the transaction's tenant's cache. Its entries, which nobody can read then, refer to their rows.
/// Gives how many were destroyed.
///
/// # Errors
/// [`Error`]; nothing was destroyed then.
pub(crate) async fn destroy_keys(tx: &TenantTx) -> Result<usize, Error> {
    let statement = "update cache_keys set wrapped_key = '\\x00', kms_key_id = 'destroyed' where kms_key_id <> 'destroyed' returning id";
    Ok(tx.query(statement, &[]).await?.len())
}

/// One round trip: the same prompt, else the newest of the same canonical text, and whether there are vectors.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find(db: &Database, tenant: TenantId, wanted: &Wanted) -> Result<Found, Error> {
    let statement = concat!(
        "select v.has_vectors, f.* from (select exists(select from cache_vectors where namespace = $1 and until > $4) as has_vectors) v \
         left join lateral ( \
            (select true as is_exact, ",
        entry!(),
        " from cache_entries e join cache_keys k on k.id = e.key_id \
             where e.namespace = $1 and e.exact = $2 and e.exact_until > $4 and e.created_at >= $5 and e.quarantined_at is null) \
            union all \
            (select false, ",
        entry!(),
        " from cache_entries e join cache_keys k on k.id = e.key_id \
             where e.namespace = $1 and e.canonical = $3 and e.canonical_until > $4 and e.created_at >= $5 and e.quarantined_at is null \
             order by e.created_at desc limit 1) \
            order by is_exact desc limit 1 \
         ) f on true"
    );
    let (namespace, exact, canonical) = (
        &wanted.namespace[..],
        wanted.exact.as_ref().map(|hash| &hash[..]),
        wanted.canonical.as_ref().map(|hash| &hash[..]),
    );
    let params: Params<'_> = &[
        (&namespace, Type::BYTEA),
        (&exact, Type::BYTEA),
        (&canonical, Type::BYTEA),
        (&wanted.now, Type::TIMESTAMPTZ),
        (&wanted.not_before, Type::TIMESTAMPTZ),
    ];
    let rows = TenantTx::once(db, tenant, statement, params).await?;
    let row = rows.first().ok_or(Error::Unexpected("a look-up without a row"))?;
    let entry = match row.try_get::<_, Option<bool>>("is_exact")? {
        Some(is_exact) => Some(found(row, is_exact, None)?),
        None => None,
    };
    Ok(Found { entry, has_vectors: row.try_get("has_vectors")? })
}

/// The nearest to a vector, nearest first. `vector` is as the table has vectors, see [`crate::cache::sealed::as_stored`].
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find_similar(
    db: &Database,
    tenant: TenantId,
    wanted: &Wanted,
    vector: &[f32],
    most: i64,
) -> Result<Vec<FoundEntry>, Error> {
    // The nearest first, then only their entries. A vector of another length would be an error for the whole namespace.
    let statement = concat!(
        "with nearest as materialized ( \
            select entry_id, embedding, embedding <#> $2::real[]::halfvec as distance from cache_vectors \
            where namespace = $1 and until > $3 and vector_dims(embedding) = cardinality($2::real[]) order by distance limit $5 \
         ) \
         select ",
        entry!(),
        ", n.embedding::real[] as vector from nearest n join cache_entries e on e.id = n.entry_id \
         join cache_keys k on k.id = e.key_id \
         where e.similar_until > $3 and e.created_at >= $4 and e.quarantined_at is null order by n.distance"
    );
    let namespace = &wanted.namespace[..];
    let params: Params<'_> = &[
        (&namespace, Type::BYTEA),
        (&vector, Type::FLOAT4_ARRAY),
        (&wanted.now, Type::TIMESTAMPTZ),
        (&wanted.not_before, Type::TIMESTAMPTZ),
        (&most, Type::INT8),
    ];
    let rows = TenantTx::once(db, tenant, statement, params).await?;
    rows.iter().map(|row| found(row, false, Some(row.try_get("vector")?))).collect()
}

const INSERT: &str = "\
    insert into cache_entries (tenant_id, id, key_id, namespace, exact, canonical, provider, model, created_at, exact_until, \
    canonical_until, similar_until, expires_at, nonce, ciphertext, bytes, cost_nanos, part) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
    on conflict (tenant_id, namespace, exact) do nothing returning id";

/// Stores an entry in the place of one with the same prompt, with its vector, and makes room: at most so many vectors in its namespace,
/// at most so many bytes of the tenant. Gives the number of entries that had to go.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn insert(
    db: &Database,
    entry: &SealedEntry,
    vector: Option<&[f32]>,
    most_vectors: i32,
    most_bytes: i64,
) -> Result<i32, Error> {
    let label = &entry.label;
    let tx = TenantTx::begin(db, label.tenant).await?;
    let mut gone = 0;
    // Who stored the same prompt at the same moment was first.
    if insert_entry(&tx, entry).await? {
        if let (Some(vector), Some(until)) = (vector, label.similar_until) {
            insert_vector(&tx, label, vector, until).await?;
        }
        let room: Params<'_> = &[
            (label.id.as_uuid(), Type::UUID),
            (&most_vectors, Type::INT4),
            (&most_bytes, Type::INT8),
            (&label.created_at, Type::TIMESTAMPTZ),
        ];
        let rows = tx.query("select app.trim_cache($1, $2, $3, $4)", room).await?;
        gone = rows.first().ok_or(Error::Unexpected("no answer of a function"))?.try_get(0)?;
    }
    tx.commit().await?;
    Ok(gone)
}

async fn insert_entry(tx: &TenantTx, entry: &SealedEntry) -> Result<bool, Error> {
    let label = &entry.label;
    let (namespace, exact, nonce) = (&label.namespace[..], &label.exact[..], &entry.nonce[..]);
    let canonical = label.canonical.as_ref().map(|hash| &hash[..]);
    let expires_at = label.canonical_until.into_iter().chain(label.similar_until).fold(label.exact_until, Ord::max);
    let same: Params<'_> = &[(&namespace, Type::BYTEA), (&exact, Type::BYTEA)];
    tx.query("delete from cache_entries where namespace = $1 and exact = $2", same).await?;
    let row: Params<'_> = &[
        (label.tenant.as_uuid(), Type::UUID),
        (label.id.as_uuid(), Type::UUID),
        (&label.key, Type::UUID),
        (&namespace, Type::BYTEA),
        (&exact, Type::BYTEA),
        (&canonical, Type::BYTEA),
        (&label.provider, Type::TEXT),
        (&label.model, Type::TEXT),
        (&label.created_at, Type::TIMESTAMPTZ),
        (&label.exact_until, Type::TIMESTAMPTZ),
        (&label.canonical_until, Type::TIMESTAMPTZ),
        (&label.similar_until, Type::TIMESTAMPTZ),
        (&expires_at, Type::TIMESTAMPTZ),
        (&nonce, Type::BYTEA),
        (&entry.ciphertext, Type::BYTEA),
        (&label.bytes, Type::INT4),
        (&label.cost_nanos, Type::INT8),
        (&entry.part, Type::TEXT),
    ];
    Ok(!tx.query(INSERT, row).await?.is_empty())
}

async fn insert_vector(tx: &TenantTx, label: &EntryLabel, vector: &[f32], until: OffsetDateTime) -> Result<(), Error> {
    let namespace = &label.namespace[..];
    let row: Params<'_> = &[
        (label.tenant.as_uuid(), Type::UUID),
        (label.id.as_uuid(), Type::UUID),
        (&namespace, Type::BYTEA),
        (&until, Type::TIMESTAMPTZ),
        (&vector, Type::FLOAT4_ARRAY),
    ];
    let statement = "insert into cache_vectors (tenant_id, entry_id, namespace, until, embedding) \
                     values ($1, $2, $3, $4, $5::real[]::halfvec)";
    tx.query(statement, row).await.map(drop)
}

/// Notes that an entry answered.
///
/// # Errors
/// [`Error`] when it was not noted.
pub(crate) async fn note_hit(
    db: &Database,
    tenant: TenantId,
    id: CacheEntryId,
    at: OffsetDateTime,
) -> Result<(), Error> {
    let statement = "update cache_entries set hits = hits + 1, last_hit_at = $2 where id = $1";
    TenantTx::once(db, tenant, statement, &[(id.as_uuid(), Type::UUID), (&at, Type::TIMESTAMPTZ)]).await.map(drop)
}

/// Deletes an entry, and its vectors.
///
/// # Errors
/// [`Error`] when it was not deleted.
pub(crate) async fn delete(db: &Database, tenant: TenantId, id: CacheEntryId) -> Result<(), Error> {
    let statement = "delete from cache_entries where id = $1";
    TenantTx::once(db, tenant, statement, &[(id.as_uuid(), Type::UUID)]).await.map(drop)
}

fn found(row: &Row, is_exact: bool, vector: Option<Vec<f32>>) -> Result<FoundEntry, Error> {
    let label = EntryLabel {
        tenant: TenantId::from_uuid(row.try_get("tenant_id")?),
        id: CacheEntryId::from_uuid(row.try_get("id")?),
        key: row.try_get("key_id")?,
        namespace: hash(row.try_get("namespace")?)?,
        exact: hash(row.try_get("exact")?)?,
        canonical: row.try_get::<_, Option<&[u8]>>("canonical")?.map(hash).transpose()?,
        provider: row.try_get("provider")?,
        model: row.try_get("model")?,
        created_at: row.try_get("created_at")?,
        exact_until: row.try_get("exact_until")?,
        canonical_until: row.try_get("canonical_until")?,
        similar_until: row.try_get("similar_until")?,
        bytes: row.try_get("bytes")?,
        cost_nanos: row.try_get("cost_nanos")?,
    };
    let nonce = <[u8; NONCE_BYTES]>::try_from(row.try_get::<_, &[u8]>("nonce")?)
        .map_err(|_| Error::Unexpected("a nonce of another length"))?;
    let entry = SealedEntry { label, nonce, ciphertext: row.try_get("ciphertext")?, part: None };
    Ok(FoundEntry { entry, wrapped_key: row.try_get("wrapped_key")?, is_exact, vector })
}

fn hash(bytes: &[u8]) -> Result<Hash, Error> {
    Hash::try_from(bytes).map_err(|_| Error::Unexpected("a hash of another length"))
}
