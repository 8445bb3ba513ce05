//! Sessions: families of refresh tokens, of which each is used once.

use super::{Database, Error, PersonTx};
use crate::tenancy::{PersonId, RefreshTokenId, SessionId, TenantId};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

/// A refresh token as it is stored.
pub(crate) struct SessionRow {
    pub(crate) person: PersonId,
    pub(crate) session: SessionId,
    /// None for somebody who is a member of no tenant.
    pub(crate) acts_for: Option<TenantId>,
    pub(crate) hash: Vec<u8>,
    pub(crate) expires_at: OffsetDateTime,
}

/// Finds the session of a refresh token, before anybody is known: through a `SECURITY DEFINER` function.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find(db: &Database, token: RefreshTokenId) -> Result<Option<SessionRow>, Error> {
    let statement = "select person_id, family, acts_for, hash, expires_at from app.find_refresh_token($1)";
    let rows = db.look_up(statement, &[(token.as_uuid(), Type::UUID)]).await?;
    let session = |row: &Row| {
        let acts_for: Option<Uuid> = row.try_get("acts_for")?;
        Ok(SessionRow {
            person: PersonId::from_uuid(row.try_get("person_id")?),
            session: SessionId::from_uuid(row.try_get("family")?),
            acts_for: acts_for.map(TenantId::from_uuid),
            hash: row.try_get("hash")?,
            expires_at: row.try_get("expires_at")?,
        })
    };
    rows.first().map(session).transpose()
}

/// Adds a token to a session of the transaction's person.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert(
    tx: &PersonTx,
    token: RefreshTokenId,
    session: SessionId,
    acts_for: Option<TenantId>,
    (hash, expires_at): (&[u8; 32], OffsetDateTime),
) -> Result<(), Error> {
    let statement = "\
        insert into refresh_tokens (id, person_id, family, acts_for, hash, expires_at) values ($1, $2, $3, $4, $5, $6)";
    let person = tx.person();
    let params: super::tx::Params<'_> = &[
        (token.as_uuid(), Type::UUID),
        (person.as_uuid(), Type::UUID),
        (session.as_uuid(), Type::UUID),
        (&acts_for.as_ref().map(TenantId::as_uuid), Type::UUID),
        (&hash.as_slice(), Type::BYTEA),
        (&expires_at, Type::TIMESTAMPTZ),
    ];
    tx.query(statement, params).await.map(drop)
}

/// Uses a token up. False if it was used before: of two who come with the same one at the same moment, one is the second.
///
/// # Errors
/// [`Error`] when nobody knows.
pub(crate) async fn use_up(tx: &PersonTx, token: RefreshTokenId, at: OffsetDateTime) -> Result<bool, Error> {
    let statement = "update refresh_tokens set used_at = $2 where id = $1 and used_at is null returning id";
    let rows = tx.query(statement, &[(token.as_uuid(), Type::UUID), (&at, Type::TIMESTAMPTZ)]).await?;
    Ok(!rows.is_empty())
}

/// Ends a session.
///
/// # Errors
/// [`Error`] when it was not ended.
pub(crate) async fn end(tx: &PersonTx, session: SessionId) -> Result<(), Error> {
    let statement = "delete from refresh_tokens where person_id = $1 and family = $2";
    tx.query(statement, &[(tx.person().as_uuid(), Type::UUID), (session.as_uuid(), Type::UUID)]).await.map(drop)
}

/// Ends every other session of the transaction's person.
///
/// # Errors
/// [`Error`] when they were not ended.
pub(crate) async fn end_others(tx: &PersonTx, session: SessionId) -> Result<(), Error> {
    let statement = "delete from refresh_tokens where person_id = $1 and family <> $2";
    tx.query(statement, &[(tx.person().as_uuid(), Type::UUID), (session.as_uuid(), Type::UUID)]).await.map(drop)
}

/// Whether a session of the transaction's person goes on.
///
/// # Errors
/// [`Error`] when nobody knows.
pub(crate) async fn lives(tx: &PersonTx, session: SessionId, now: OffsetDateTime) -> Result<bool, Error> {
    let statement = "\
        select 1 from refresh_tokens where person_id = $1 and family = $2 and used_at is null and expires_at > $3";
    let person = tx.person();
    let params: super::tx::Params<'_> =
        &[(person.as_uuid(), Type::UUID), (session.as_uuid(), Type::UUID), (&now, Type::TIMESTAMPTZ)];
    Ok(!tx.query(statement, params).await?.is_empty())
}

/// Forgets the tokens of the transaction's person that have expired. Until then a used one is kept, to be recognised if it comes again.
///
/// # Errors
/// [`Error`] when they were not forgotten.
pub(crate) async fn forget_expired(tx: &PersonTx, now: OffsetDateTime) -> Result<(), Error> {
    let statement = "delete from refresh_tokens where person_id = $1 and expires_at <= $2";
    tx.query(statement, &[(tx.person().as_uuid(), Type::UUID), (&now, Type::TIMESTAMPTZ)]).await.map(drop)
}
