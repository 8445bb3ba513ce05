//! Sealed credentials.

use super::{Database, Error, TenantTx};
use crate::{
    crypto::envelope::{Envelope, NONCE_BYTES},
    tenancy::{CredentialId, TenantId},
};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};

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
    select id, envelope_version, wrapped_key, kms_key_id, nonce, ciphertext from provider_credentials where provider = $1";

/// A tenant's sealed credential for a provider. Only the roles that serve may read it.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn sealed(
    db: &Database,
    tenant: TenantId,
    provider: &str,
) -> Result<Option<(CredentialId, Envelope)>, Error> {
    let rows = TenantTx::once(db, tenant, SEALED, &[(&provider, Type::TEXT)]).await?;
    rows.first().map(|row| Ok((CredentialId::from_uuid(row.try_get("id")?), envelope(row)?))).transpose()
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

/// Deletes the transaction's tenant's credential for a provider, and with its row the only copy of its data key. Gives its id.
///
/// # Errors
/// [`Error`]; nothing was deleted then.
pub(crate) async fn delete(tx: &TenantTx, provider: &str) -> Result<Option<CredentialId>, Error> {
    let statement = "delete from provider_credentials where provider = $1 returning id";
    let rows = tx.query(statement, &[(&provider, Type::TEXT)]).await?;
    rows.first().map(|row| Ok(CredentialId::from_uuid(row.try_get(0)?))).transpose()
}

/// Notes that a credential was used.
///
/// # Errors
/// [`Error`] when it was not noted.
pub(crate) async fn touch(db: &Database, tenant: TenantId, id: CredentialId, at: OffsetDateTime) -> Result<(), Error> {
    let statement = "update provider_credentials set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)";
    TenantTx::once(db, tenant, statement, &[(id.as_uuid(), Type::UUID), (&at, Type::TIMESTAMPTZ)]).await.map(drop)
}
