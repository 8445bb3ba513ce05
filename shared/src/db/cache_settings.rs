//! What tenants and keys set of the cache. How a request's look-up reads it is in `bounds`.

use super::{Error, TenantTx, tx::Params};
use crate::{
    cache::settings::{CacheSettings, Highest, Shared},
    tenancy::KeyId,
};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};

/// What somebody set, and when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SettingsRow {
    /// None: the tenant.
    pub(crate) key: Option<KeyId>,
    pub(crate) settings: CacheSettings,
    pub(crate) updated_at: OffsetDateTime,
}

macro_rules! settings {
    ($rest:literal) => {
        concat!(
            "select key_id, tier, sharing, threshold, error_limit, earlier_turns, ttl_seconds, semantic_ttl_seconds, most_bytes, embedder, ",
            "embedder_threshold, updated_at ",
            "from cache_settings ",
            $rest
        )
    };
}

/// What the transaction's tenant, or one of its keys, has set.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn read(tx: &TenantTx, key: Option<KeyId>) -> Result<Option<SettingsRow>, Error> {
    let key = key.as_ref().map(KeyId::as_uuid);
    let rows = tx.query(settings!("where key_id is not distinct from $1"), &[(&key, Type::UUID)]).await?;
    rows.first().map(read_row).transpose()
}

/// The same, and nobody else changes it until the transaction ends.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn lock(tx: &TenantTx, key: Option<KeyId>) -> Result<Option<SettingsRow>, Error> {
    // The tenant's row, because there may be none of the settings yet.
    tx.query("select from tenants for update", &[]).await?;
    read(tx, key).await
}

const SET: &str = "\
    insert into cache_settings (tenant_id, key_id, tier, sharing, threshold, error_limit, earlier_turns, ttl_seconds, semantic_ttl_seconds, \
    most_bytes, updated_at, embedder, embedder_threshold) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
    on conflict (tenant_id, key_id) do update set tier = excluded.tier, sharing = excluded.sharing, threshold = excluded.threshold, \
    error_limit = excluded.error_limit, earlier_turns = excluded.earlier_turns, ttl_seconds = excluded.ttl_seconds, \
    semantic_ttl_seconds = excluded.semantic_ttl_seconds, most_bytes = excluded.most_bytes, updated_at = excluded.updated_at, \
    embedder = excluded.embedder, embedder_threshold = excluded.embedder_threshold";

/// Stores what the transaction's tenant, or one of its keys, sets. It was checked.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn set(tx: &TenantTx, row: &SettingsRow) -> Result<(), Error> {
    let tenant = tx.tenant();
    let settings = &row.settings;
    let seconds = |ttl: Option<u32>| ttl.map(|ttl| i32::try_from(ttl).unwrap_or(i32::MAX));
    let params: Params<'_> = &[
        (tenant.as_uuid(), Type::UUID),
        (&row.key.as_ref().map(KeyId::as_uuid), Type::UUID),
        (&settings.tier.map(Highest::as_str), Type::TEXT),
        (&settings.sharing.map(Shared::as_str), Type::TEXT),
        (&settings.threshold.map(shortest), Type::FLOAT8),
        (&settings.error_limit, Type::FLOAT8),
        (&settings.earlier_turns, Type::BOOL),
        (&seconds(settings.ttl_seconds), Type::INT4),
        (&seconds(settings.semantic_ttl_seconds), Type::INT4),
        (&settings.most_bytes, Type::INT8),
        (&row.updated_at, Type::TIMESTAMPTZ),
        (&settings.embedder, Type::TEXT),
        (&settings.embedder_threshold.map(shortest), Type::FLOAT8),
    ];
    tx.query(SET, params).await.map(drop)
}

/// Makes a key as its tenant again, or the tenant as it is by default.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn delete(tx: &TenantTx, key: Option<KeyId>) -> Result<(), Error> {
    let key = key.as_ref().map(KeyId::as_uuid);
    tx.query("delete from cache_settings where key_id is not distinct from $1", &[(&key, Type::UUID)]).await.map(drop)
}

/// As a person wrote it: 0.95, and not the nearest number of 32 bits in 64.
pub(crate) fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}

fn read_row(row: &Row) -> Result<SettingsRow, Error> {
    let (tier, sharing): (Option<&str>, Option<&str>) = (row.try_get("tier")?, row.try_get("sharing")?);
    let unknown = |_| Error::Unexpected("settings of the cache that this version does not know");
    let seconds = |name| Ok::<_, Error>(row.try_get::<_, Option<i32>>(name)?.map(i32::unsigned_abs));
    #[expect(clippy::cast_possible_truncation, reason = "a similarity is compared in 32 bits")]
    let similarity = |name| Ok::<_, Error>(row.try_get::<_, Option<f64>>(name)?.map(|threshold| threshold as f32));
    Ok(SettingsRow {
        key: row.try_get::<_, Option<_>>("key_id")?.map(KeyId::from_uuid),
        settings: CacheSettings {
            tier: tier.map(str::parse).transpose().map_err(unknown)?,
            threshold: similarity("threshold")?,
            error_limit: row.try_get("error_limit")?,
            sharing: sharing.map(str::parse).transpose().map_err(unknown)?,
            earlier_turns: row.try_get("earlier_turns")?,
            ttl_seconds: seconds("ttl_seconds")?,
            semantic_ttl_seconds: seconds("semantic_ttl_seconds")?,
            most_bytes: row.try_get("most_bytes")?,
            embedder: row.try_get("embedder")?,
            embedder_threshold: similarity("embedder_threshold")?,
        },
        updated_at: row.try_get("updated_at")?,
    })
}
