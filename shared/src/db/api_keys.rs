//! API keys.

use super::{Database, Error, TenantTx, in_time, keep_if_sound};
use crate::tenancy::{KeyId, Role, api_key::KeyHash};
use time::OffsetDateTime;
use tokio_postgres::types::Type;
use uuid::Uuid;

/// What is needed to check a key and to know whose it is.
pub(crate) struct KeyRow {
    pub(crate) tenant_id: Uuid,
    pub(crate) tenant_status: String,
    pub(crate) role: String,
    pub(crate) hash: Vec<u8>,
    pub(crate) pepper_version: i16,
    pub(crate) expires_at: Option<OffsetDateTime>,
    pub(crate) revoked: bool,
}

/// Finds a key by its id. The only query without a tenant: it goes through the one `SECURITY DEFINER` function.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find(db: &Database, key: KeyId) -> Result<Option<KeyRow>, Error> {
    let statement =
        "select tenant_id, tenant_status, role, hash, pepper_version, expires_at, revoked from app.find_api_key($1)";
    let connection = db.connection().await?;
    let rows = in_time(connection.query_typed(statement, &[(key.as_uuid(), Type::UUID)])).await;
    keep_if_sound(connection, &rows);
    let rows = rows?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(KeyRow {
        tenant_id: row.try_get(0)?,
        tenant_status: row.try_get(1)?,
        role: row.try_get(2)?,
        hash: row.try_get(3)?,
        pepper_version: row.try_get(4)?,
        expires_at: row.try_get(5)?,
        revoked: row.try_get(6)?,
    }))
}

/// Stores a key of the transaction's tenant.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert(
    tx: &TenantTx,
    key: KeyId,
    name: &str,
    role: Role,
    hash: &KeyHash,
    pepper_version: i16,
) -> Result<(), Error> {
    let statement =
        "insert into api_keys (id, tenant_id, name, role, hash, pepper_version) values ($1, $2, $3, $4, $5, $6)";
    tx.query(
        statement,
        &[
            (key.as_uuid(), Type::UUID),
            (tx.tenant().as_uuid(), Type::UUID),
            (&name, Type::TEXT),
            (&role.as_str(), Type::TEXT),
            (&hash.as_bytes(), Type::BYTEA),
            (&pepper_version, Type::INT2),
        ],
    )
    .await?;
    Ok(())
}
