//! API keys.

use super::{Database, Error, TenantTx, in_time, keep_if_sound, standing};
use crate::tenancy::{Actor, KeyId, ModelList, Rights, Role, TenantId, api_key::KeyHash, principal::KeyLimits};
use time::OffsetDateTime;
use tokio_postgres::types::Type;

/// What is needed to check a key, and to serve whoever has it.
pub(crate) struct KeyRow {
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    pub(crate) hash: Vec<u8>,
    pub(crate) pepper_version: i16,
    /// The secret before the last rotation.
    pub(crate) previous: Option<PreviousSecret>,
    pub(crate) revoked: bool,
    pub(crate) rights: Rights,
}

/// A secret that was rotated away and works until then.
pub(crate) struct PreviousSecret {
    pub(crate) hash: Vec<u8>,
    pub(crate) pepper_version: i16,
    pub(crate) until: OffsetDateTime,
}

const FIND: &str = "\
    select tenant_id, role, hash, pepper_version, previous_hash, previous_pepper_version, previous_until, expires_at, revoked, models, tags, \
    requests_per_minute, tokens_per_minute, concurrency, status, tier, allowed_models, allowed_providers, cache_prompts, credentials \
    from app.find_api_key($1)";

/// Finds a key by its id, before a tenant is known: through a `SECURITY DEFINER` function.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find(db: &Database, key: KeyId) -> Result<Option<KeyRow>, Error> {
    let connection = db.connection().await?;
    let rows = in_time(connection.query_typed(FIND, &[(key.as_uuid(), Type::UUID)])).await;
    keep_if_sound(connection, &rows);
    let rows = rows?;
    let Some(row) = rows.first() else { return Ok(None) };
    let previous: Option<Vec<u8>> = row.try_get("previous_hash")?;
    let previous = previous.map(|hash| {
        let pepper_version: Option<i16> = row.try_get("previous_pepper_version")?;
        let pepper_version = pepper_version.unwrap_or_default();
        Ok::<_, Error>(PreviousSecret { hash, pepper_version, until: row.try_get("previous_until")? })
    });
    let models: Option<Vec<String>> = row.try_get("models")?;
    let limits = KeyLimits {
        requests_per_minute: row.try_get("requests_per_minute")?,
        tokens_per_minute: row.try_get("tokens_per_minute")?,
        concurrency: row.try_get("concurrency")?,
    };
    let role: &str = row.try_get("role")?;
    Ok(Some(KeyRow {
        tenant: TenantId::from_uuid(row.try_get("tenant_id")?),
        role: role.parse().map_err(|_| Error::Unexpected("a role that this version does not know"))?,
        hash: row.try_get("hash")?,
        pepper_version: row.try_get("pepper_version")?,
        previous: previous.transpose()?,
        revoked: row.try_get("revoked")?,
        rights: Rights {
            standing: standing::read(row)?,
            models: models.map(ModelList::new),
            tags: row.try_get("tags")?,
            limits,
            expires_at: row.try_get("expires_at")?,
        },
    }))
}

/// A key to be stored.
pub(crate) struct NewKey<'a> {
    pub(crate) id: KeyId,
    pub(crate) name: &'a str,
    pub(crate) role: Role,
    pub(crate) hash: &'a KeyHash,
    pub(crate) pepper_version: i16,
    /// What people tell it by.
    pub(crate) ends_with: &'a str,
    pub(crate) models: Option<&'a ModelList>,
    pub(crate) tags: &'a [String],
    pub(crate) limits: KeyLimits,
    pub(crate) expires_at: Option<OffsetDateTime>,
    /// Who makes it, as what; none: the deployment.
    pub(crate) made_by: Option<(Actor, Role)>,
}

const INSERT: &str = "\
    insert into api_keys (id, tenant_id, name, role, hash, pepper_version, ends_with, models, tags, requests_per_minute, tokens_per_minute, \
    concurrency, expires_at, made_by_key, made_by_person, made_by_role) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// Stores a key of the transaction's tenant. The database checks again that it has no more rights than its maker.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert(tx: &TenantTx, key: &NewKey<'_>) -> Result<(), Error> {
    let (actor, role) = key.made_by.unzip();
    let by_key = actor.and_then(Actor::key);
    let by_person = actor.and_then(Actor::person);
    tx.query(
        INSERT,
        &[
            (key.id.as_uuid(), Type::UUID),
            (tx.tenant().as_uuid(), Type::UUID),
            (&key.name, Type::TEXT),
            (&key.role.as_str(), Type::TEXT),
            (&key.hash.as_bytes(), Type::BYTEA),
            (&key.pepper_version, Type::INT2),
            (&key.ends_with, Type::TEXT),
            (&key.models.map(ModelList::names), Type::TEXT_ARRAY),
            (&key.tags, Type::TEXT_ARRAY),
            (&key.limits.requests_per_minute, Type::INT4),
            (&key.limits.tokens_per_minute, Type::INT8),
            (&key.limits.concurrency, Type::INT4),
            (&key.expires_at, Type::TIMESTAMPTZ),
            (&by_key.as_ref().map(KeyId::as_uuid), Type::UUID),
            (&by_person.as_ref().map(crate::tenancy::PersonId::as_uuid), Type::UUID),
            (&role.map(Role::as_str), Type::TEXT),
        ],
    )
    .await?;
    Ok(())
}

/// Notes that a key was used.
///
/// # Errors
/// [`Error`] when it was not noted.
pub(crate) async fn touch(db: &Database, tenant: TenantId, key: KeyId, at: OffsetDateTime) -> Result<(), Error> {
    let statement = "update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)";
    TenantTx::once(db, tenant, statement, &[(key.as_uuid(), Type::UUID), (&at, Type::TIMESTAMPTZ)]).await.map(drop)
}
