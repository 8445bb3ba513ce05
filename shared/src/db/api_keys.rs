//! API keys.

use super::{
    Database, Error, TenantTx,
    bounds::{self, Bounds},
    in_time, keep_if_sound, standing,
};
use crate::tenancy::{
    Actor, KeyId, ModelList, PersonId, Rights, Role, Status, TenantId,
    api_key::{ApiKey, KeyHash},
    key_check::{End, StoredKey, StoredSecret},
    principal::KeyLimits,
};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};

/// What is needed to check a key, and to serve whoever has it.
pub(crate) struct KeyRow {
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    pub(crate) stored: StoredKey,
    pub(crate) rights: Rights,
}

const FIND: &str = "\
    select tenant_id, role, hash, pepper_version, previous_hash, previous_pepper_version, previous_until, expires_at, revoked, models, tags, \
    requests_per_minute, tokens_per_minute, concurrency, status, tier, allowed_models, allowed_providers, cache_prompts, credentials, \
    member_id, bounds from app.find_api_key($1)";

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
    let models: Option<Vec<String>> = row.try_get("models")?;
    let expires_at = row.try_get("expires_at")?;
    let standing = standing::read(row)?;
    let (limits, member) = (limits(row)?, row.try_get::<_, Option<_>>("member_id")?);
    let Bounds { policy, prices, cache, answers } = bounds::read(row, limits)?;
    let (previous, previous_end) = previous(row)?;
    let stored = StoredKey {
        secret: StoredSecret { hash: hash(row.try_get("hash")?)?, pepper_version: row.try_get("pepper_version")? },
        previous,
        previous_end,
        revoked: row.try_get("revoked")?,
        end: End::from(expires_at),
        tenant_active: standing.status == Status::Active,
    };
    Ok(Some(KeyRow {
        tenant: TenantId::from_uuid(row.try_get("tenant_id")?),
        role: role(row)?,
        stored,
        rights: Rights {
            standing,
            models: models.map(ModelList::new),
            tags: row.try_get("tags")?,
            limits,
            member: member.map(PersonId::from_uuid),
            policy,
            prices,
            cache,
            answers,
            expires_at,
        },
    }))
}

/// The secret before the last rotation, and until when it works.
fn previous(row: &Row) -> Result<(StoredSecret, End), Error> {
    let Some(stored) = row.try_get::<_, Option<&[u8]>>("previous_hash")? else {
        return Ok((StoredSecret::NONE, End::NEVER));
    };
    let pepper_version = row.try_get("previous_pepper_version")?;
    Ok((StoredSecret { hash: hash(stored)?, pepper_version }, End::at(row.try_get("previous_until")?)))
}

fn hash(stored: &[u8]) -> Result<[u8; 32], Error> {
    stored.try_into().map_err(|_| Error::Unexpected("a key's hash that is none"))
}

fn role(row: &Row) -> Result<Role, Error> {
    let role: &str = row.try_get("role")?;
    role.parse().map_err(|_| Error::Unexpected("a role that this version does not know"))
}

fn limits(row: &Row) -> Result<KeyLimits, Error> {
    Ok(KeyLimits {
        requests_per_minute: row.try_get("requests_per_minute")?,
        tokens_per_minute: row.try_get("tokens_per_minute")?,
        concurrency: row.try_get("concurrency")?,
    })
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
    pub(crate) created_at: OffsetDateTime,
    /// Who gives it its rights, as what; none: the deployment.
    pub(crate) granted_by: Option<(Actor, Role)>,
    /// Whose key it is: on whom its use is booked.
    pub(crate) member: Option<PersonId>,
}

const INSERT: &str = "\
    insert into api_keys (id, tenant_id, name, role, hash, pepper_version, ends_with, models, tags, requests_per_minute, tokens_per_minute, \
    concurrency, expires_at, granted_by_key, granted_by_person, granted_by_role, created_at, updated_at, member_id) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18)";

/// Stores a key of the transaction's tenant. The database checks again that it has no more rights than its maker.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert(tx: &TenantTx, key: &NewKey<'_>) -> Result<(), Error> {
    let (actor, role) = key.granted_by.unzip();
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
            (&by_person.as_ref().map(PersonId::as_uuid), Type::UUID),
            (&role.map(Role::as_str), Type::TEXT),
            (&key.created_at, Type::TIMESTAMPTZ),
            (&key.member.as_ref().map(PersonId::as_uuid), Type::UUID),
        ],
    )
    .await?;
    Ok(())
}

macro_rules! info {
    ($rest:literal) => {
        concat!(
            "select id, name, role, ends_with, models, tags, requests_per_minute, tokens_per_minute, concurrency, created_at, ",
            "updated_at, expires_at, revoked_at, last_used_at, previous_until from api_keys ",
            $rest
        )
    };
}

/// What may be known of a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyInfo {
    pub(crate) id: KeyId,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) ends_with: String,
    pub(crate) models: Option<ModelList>,
    pub(crate) tags: Vec<String>,
    pub(crate) limits: KeyLimits,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
    pub(crate) expires_at: Option<OffsetDateTime>,
    pub(crate) revoked_at: Option<OffsetDateTime>,
    pub(crate) last_used_at: Option<OffsetDateTime>,
    /// Until when the secret before the last rotation works.
    pub(crate) previous_until: Option<OffsetDateTime>,
}

const LIST: &str = info!("where $1::uuid is null or id < $1 order by id desc limit $2");
const READ: &str = info!("where id = $1");
const LOCK: &str = info!("where id = $1 for update");

/// The transaction's tenant's keys, newest first, from before one of them on.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn list(tx: &TenantTx, before: Option<KeyId>, most: i64) -> Result<Vec<KeyInfo>, Error> {
    let before = before.as_ref().map(KeyId::as_uuid);
    tx.query(LIST, &[(&before, Type::UUID), (&most, Type::INT8)]).await?.iter().map(info).collect()
}

/// One of the transaction's tenant's keys.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn read(tx: &TenantTx, key: KeyId) -> Result<Option<KeyInfo>, Error> {
    one(tx, READ, key).await
}

/// The same, locked for the rest of the transaction: of two who change it, one sees what the other did.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn lock(tx: &TenantTx, key: KeyId) -> Result<Option<KeyInfo>, Error> {
    one(tx, LOCK, key).await
}

async fn one(tx: &TenantTx, statement: &str, key: KeyId) -> Result<Option<KeyInfo>, Error> {
    tx.query(statement, &[(key.as_uuid(), Type::UUID)]).await?.first().map(info).transpose()
}

fn info(row: &Row) -> Result<KeyInfo, Error> {
    let models: Option<Vec<String>> = row.try_get("models")?;
    Ok(KeyInfo {
        id: KeyId::from_uuid(row.try_get("id")?),
        name: row.try_get("name")?,
        role: role(row)?,
        ends_with: row.try_get("ends_with")?,
        models: models.map(ModelList::new),
        tags: row.try_get("tags")?,
        limits: limits(row)?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        expires_at: row.try_get("expires_at")?,
        revoked_at: row.try_get("revoked_at")?,
        last_used_at: row.try_get("last_used_at")?,
        previous_until: row.try_get("previous_until")?,
    })
}

const UPDATE: &str = "\
    update api_keys set name = $2, role = $3, models = $4, tags = $5, requests_per_minute = $6, tokens_per_minute = $7, concurrency = $8, \
    expires_at = $9, updated_at = $10, granted_by_key = $11, granted_by_person = $12, granted_by_role = $13 where id = $1";

/// Changes a key to what the info says. Who changes it gives it its rights from now on, and the database checks again that they have them.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn update(tx: &TenantTx, key: &KeyInfo, (actor, role): (Actor, Role)) -> Result<(), Error> {
    let (by_key, by_person) = (actor.key(), actor.person());
    tx.query(
        UPDATE,
        &[
            (key.id.as_uuid(), Type::UUID),
            (&key.name, Type::TEXT),
            (&key.role.as_str(), Type::TEXT),
            (&key.models.as_ref().map(ModelList::names), Type::TEXT_ARRAY),
            (&key.tags, Type::TEXT_ARRAY),
            (&key.limits.requests_per_minute, Type::INT4),
            (&key.limits.tokens_per_minute, Type::INT8),
            (&key.limits.concurrency, Type::INT4),
            (&key.expires_at, Type::TIMESTAMPTZ),
            (&key.updated_at, Type::TIMESTAMPTZ),
            (&by_key.as_ref().map(KeyId::as_uuid), Type::UUID),
            (&by_person.as_ref().map(PersonId::as_uuid), Type::UUID),
            (&role.as_str(), Type::TEXT),
        ],
    )
    .await
    .map(drop)
}

const ROTATE: &str = "\
    update api_keys set hash = $2, pepper_version = $3, ends_with = $4, updated_at = $5, previous_until = case when $6 > $5 then $6 end, \
    granted_by_key = $7, granted_by_person = $8, granted_by_role = $9 where id = $1";

/// Gives a key a new secret; the one before works until then (a trigger keeps it). Who gets the secret has the key's rights, so they must be their own too, and
/// the database checks that again.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn rotate(
    tx: &TenantTx,
    key: &ApiKey,
    (hash, pepper_version): (&KeyHash, i16),
    at: OffsetDateTime,
    previous_until: OffsetDateTime,
    (actor, role): (Actor, Role),
) -> Result<(), Error> {
    let (by_key, by_person) = (actor.key(), actor.person());
    tx.query(
        ROTATE,
        &[
            (key.id().as_uuid(), Type::UUID),
            (&hash.as_bytes(), Type::BYTEA),
            (&pepper_version, Type::INT2),
            (&key.ends_with(), Type::TEXT),
            (&at, Type::TIMESTAMPTZ),
            (&previous_until, Type::TIMESTAMPTZ),
            (&by_key.as_ref().map(KeyId::as_uuid), Type::UUID),
            (&by_person.as_ref().map(PersonId::as_uuid), Type::UUID),
            (&role.as_str(), Type::TEXT),
        ],
    )
    .await
    .map(drop)
}

/// Ends a key, and the secret before its rotation with it.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn revoke(tx: &TenantTx, key: KeyId, at: OffsetDateTime) -> Result<(), Error> {
    let statement = "update api_keys set revoked_at = $2, updated_at = $2, previous_until = null where id = $1";
    tx.query(statement, &[(key.as_uuid(), Type::UUID), (&at, Type::TIMESTAMPTZ)]).await.map(drop)
}

/// Notes that a key was used.
///
/// # Errors
/// [`Error`] when it was not noted.
pub(crate) async fn touch(db: &Database, tenant: TenantId, key: KeyId, at: OffsetDateTime) -> Result<(), Error> {
    let statement =
        "update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)";
    TenantTx::once(db, tenant, statement, &[(key.as_uuid(), Type::UUID), (&at, Type::TIMESTAMPTZ)]).await.map(drop)
}
