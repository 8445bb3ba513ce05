//! Sealed credentials.

use super::{Database, Error, TenantTx, in_time, keep_if_sound, tx::Params};
use crate::{
    crypto::envelope::{Envelope, NONCE_BYTES},
    tenancy::{CredentialId, CredentialRef, TenantId},
};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

/// What may be known of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CredentialRow {
    pub(crate) id: CredentialId,
    pub(crate) provider: String,
    pub(crate) last_four: String,
    pub(crate) envelope_version: i16,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) sealed_at: OffsetDateTime,
    pub(crate) last_used_at: Option<OffsetDateTime>,
}

const SEALED: &str = "\
    select id, provider, envelope_version, wrapped_key, kms_key_id, nonce, ciphertext from provider_credentials \
    where ($1::text is null or provider = $1) and ($2::uuid is null or id = $2) and ($3::timestamptz is null or sealed_at < $3)";

/// A tenant's sealed credential for a provider. Only the roles that serve and rotate may read it.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn sealed(
    db: &Database,
    tenant: TenantId,
    provider: &str,
) -> Result<Option<(CredentialId, Envelope)>, Error> {
    let params: Params<'_> =
        &[(&provider, Type::TEXT), (&None::<Uuid>, Type::UUID), (&None::<OffsetDateTime>, Type::TIMESTAMPTZ)];
    let rows = TenantTx::once(db, tenant, SEALED, params).await?;
    rows.first().map(|row| Ok((CredentialId::from_uuid(row.try_get("id")?), envelope(row)?))).transpose()
}

/// A sealed credential by its id, and of which provider it says it is; none if it is gone, or was sealed anew since a moment.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn sealed_by_id(
    db: &Database,
    credential: CredentialRef,
    before: OffsetDateTime,
) -> Result<Option<(String, Envelope)>, Error> {
    let params: Params<'_> =
        &[(&None::<&str>, Type::TEXT), (credential.id.as_uuid(), Type::UUID), (&before, Type::TIMESTAMPTZ)];
    let rows = TenantTx::once(db, credential.tenant, SEALED, params).await?;
    rows.first().map(|row| Ok((row.try_get("provider")?, envelope(row)?))).transpose()
}

/// The next credentials, whoever's, that were last sealed before a moment, in the order of their ids.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn sealed_before(
    db: &Database,
    moment: OffsetDateTime,
    after: Option<CredentialId>,
    most: i32,
) -> Result<Vec<CredentialRef>, Error> {
    let after = after.map_or(Uuid::nil(), |id| *id.as_uuid());
    let params: Params<'_> = &[(&moment, Type::TIMESTAMPTZ), (&after, Type::UUID), (&most, Type::INT4)];
    let statement = "select tenant_id, id from app.credentials_sealed_before($1, $2, $3)";
    let connection = db.connection().await?;
    let rows = in_time(connection.query_typed(statement, params)).await;
    keep_if_sound(connection, &rows);
    rows?
        .iter()
        .map(|row| {
            let (tenant, id) = (row.try_get("tenant_id")?, row.try_get("id")?);
            Ok(CredentialRef { tenant: TenantId::from_uuid(tenant), id: CredentialId::from_uuid(id) })
        })
        .collect()
}

const RESEAL: &str = "\
    update provider_credentials set envelope_version = $3, wrapped_key = $4, kms_key_id = $5, nonce = $6, ciphertext = $7, sealed_at = $8 \
    where id = $1 and wrapped_key = $2 returning id";

/// Puts a new envelope in the place of `old`. False if what is stored is not `old` any more: somebody was faster.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn reseal(
    tx: &TenantTx,
    id: CredentialId,
    old: &Envelope,
    new: &Envelope,
    at: OffsetDateTime,
) -> Result<bool, Error> {
    let params: Params<'_> = &[
        (id.as_uuid(), Type::UUID),
        (&old.wrapped_key, Type::BYTEA),
        (&new.version, Type::INT2),
        (&new.wrapped_key, Type::BYTEA),
        (&new.kms_key_id, Type::TEXT),
        (&new.nonce.as_slice(), Type::BYTEA),
        (&new.ciphertext, Type::BYTEA),
        (&at, Type::TIMESTAMPTZ),
    ];
    Ok(!tx.query(RESEAL, params).await?.is_empty())
}

fn envelope(row: &Row) -> Result<Envelope, Error> {
    let nonce: &[u8] = row.try_get("nonce")?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| Error::Unexpected("a nonce of another length"))?;
    Ok(Envelope {
        version: row.try_get("envelope_version")?,
        wrapped_key: row.try_get("wrapped_key")?,
        kms_key_id: row.try_get("kms_key_id")?,
        nonce,
        ciphertext: row.try_get("ciphertext")?,
    })
}

const INSERT: &str = "\
    insert into provider_credentials \
    (tenant_id, id, provider, envelope_version, wrapped_key, kms_key_id, nonce, ciphertext, last_four, created_at, sealed_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";

/// Stores a credential of the transaction's tenant.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert(
    tx: &TenantTx,
    id: CredentialId,
    provider: &str,
    envelope: &Envelope,
    last_four: &str,
    at: OffsetDateTime,
) -> Result<(), Error> {
    tx.query(
        INSERT,
        &[
            (tx.tenant().as_uuid(), Type::UUID),
            (id.as_uuid(), Type::UUID),
            (&provider, Type::TEXT),
            (&envelope.version, Type::INT2),
            (&envelope.wrapped_key, Type::BYTEA),
            (&envelope.kms_key_id, Type::TEXT),
            (&envelope.nonce.as_slice(), Type::BYTEA),
            (&envelope.ciphertext, Type::BYTEA),
            (&last_four, Type::TEXT),
            (&at, Type::TIMESTAMPTZ),
        ],
    )
    .await?;
    Ok(())
}

const LIST: &str = "\
    select id, provider, last_four, envelope_version, created_at, sealed_at, last_used_at from provider_credentials \
    where $1::text is null or provider = $1 order by provider";

/// What the transaction's tenant has: of one provider, or of all.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn list(tx: &TenantTx, provider: Option<&str>) -> Result<Vec<CredentialRow>, Error> {
    let rows = tx.query(LIST, &[(&provider, Type::TEXT)]).await?;
    rows.iter()
        .map(|row| {
            Ok(CredentialRow {
                id: CredentialId::from_uuid(row.try_get("id")?),
                provider: row.try_get("provider")?,
                last_four: row.try_get("last_four")?,
                envelope_version: row.try_get("envelope_version")?,
                created_at: row.try_get("created_at")?,
                sealed_at: row.try_get("sealed_at")?,
                last_used_at: row.try_get("last_used_at")?,
            })
        })
        .collect()
}

/// A credential that there was.
pub(crate) struct Deleted {
    pub(crate) id: CredentialId,
    pub(crate) last_four: String,
}

/// Deletes the transaction's tenant's credential for a provider, and with its row the only copy of its data key.
///
/// # Errors
/// [`Error`]; nothing was deleted then.
pub(crate) async fn delete(tx: &TenantTx, provider: &str) -> Result<Option<Deleted>, Error> {
    let statement = "delete from provider_credentials where provider = $1 returning id, last_four";
    let rows = tx.query(statement, &[(&provider, Type::TEXT)]).await?;
    let deleted = |row: &Row| {
        Ok(Deleted { id: CredentialId::from_uuid(row.try_get("id")?), last_four: row.try_get("last_four")? })
    };
    rows.first().map(deleted).transpose()
}

/// Notes that a credential was used.
///
/// # Errors
/// [`Error`] when it was not noted.
pub(crate) async fn touch(db: &Database, tenant: TenantId, id: CredentialId, at: OffsetDateTime) -> Result<(), Error> {
    let statement = "update provider_credentials set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)";
    TenantTx::once(db, tenant, statement, &[(id.as_uuid(), Type::UUID), (&at, Type::TIMESTAMPTZ)]).await.map(drop)
}
