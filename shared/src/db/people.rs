//! People's accounts, and what they are members of.

use super::{Database, Error, PersonTx, TenantTx, standing};
use crate::tenancy::{Email, PersonId, Role, SessionId, Standing, Status, TenantId};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};

/// Whose address it is, and what their password must fit.
pub(crate) struct Account {
    pub(crate) id: PersonId,
    pub(crate) name: String,
    /// None: this person has no password here.
    pub(crate) password_hash: Option<String>,
}

/// The person of a transaction.
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) password_hash: Option<String>,
}

/// A tenant that a person is a member of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) tenant: TenantId,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) status: Status,
}

/// Finds a person by the address, before anybody is known: through a `SECURITY DEFINER` function.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find(db: &Database, email: &Email) -> Result<Option<Account>, Error> {
    let statement = "select id, name, password_hash from app.find_person($1)";
    let rows = db.look_up(statement, &[(&email.as_str(), Type::TEXT)]).await?;
    let account = |row: &Row| {
        Ok(Account {
            id: PersonId::from_uuid(row.try_get("id")?),
            name: row.try_get("name")?,
            password_hash: row.try_get("password_hash")?,
        })
    };
    rows.first().map(account).transpose()
}

/// What a membership gives to whoever has a token of a session that goes on.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find_member(
    db: &Database,
    tenant: TenantId,
    person: PersonId,
    session: SessionId,
) -> Result<Option<(Role, Standing)>, Error> {
    let statement = "\
        select role, status, tier, allowed_models, allowed_providers, cache_prompts, credentials from app.find_member($1, $2, $3)";
    let params: super::tx::Params<'_> =
        &[(tenant.as_uuid(), Type::UUID), (person.as_uuid(), Type::UUID), (session.as_uuid(), Type::UUID)];
    let rows = db.look_up(statement, params).await?;
    rows.first().map(|row| Ok((role(row)?, standing::read(row)?))).transpose()
}

/// What a person is a member of, the oldest membership first.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn memberships(db: &Database, person: PersonId) -> Result<Vec<Membership>, Error> {
    let statement = "select tenant_id, name, role, status from app.find_memberships($1)";
    let rows = db.look_up(statement, &[(person.as_uuid(), Type::UUID)]).await?;
    let membership = |row: &Row| {
        let status: &str = row.try_get("status")?;
        Ok(Membership {
            tenant: TenantId::from_uuid(row.try_get("tenant_id")?),
            name: row.try_get("name")?,
            role: role(row)?,
            status: status.parse().map_err(|_| Error::Unexpected("a status that this version does not know"))?,
        })
    };
    rows.iter().map(membership).collect()
}

fn role(row: &Row) -> Result<Role, Error> {
    let role: &str = row.try_get("role")?;
    role.parse().map_err(|_| Error::Unexpected("a role that this version does not know"))
}

/// Stores the transaction's person, who is new.
///
/// # Errors
/// [`Error::Exists`] when the address has an account.
pub(crate) async fn insert(tx: &PersonTx, email: &Email, name: &str, password_hash: &str) -> Result<(), Error> {
    let statement = "insert into people (id, email, name, password_hash) values ($1, $2, $3, $4)";
    let person = tx.person();
    let params: super::tx::Params<'_> = &[
        (person.as_uuid(), Type::UUID),
        (&email.as_str(), Type::TEXT),
        (&name, Type::TEXT),
        (&password_hash, Type::TEXT),
    ];
    tx.query(statement, params).await.map(drop)
}

/// The transaction's person.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn read(tx: &PersonTx) -> Result<Option<Person>, Error> {
    let statement = "select email, name, password_hash from people where id = $1";
    let rows = tx.query(statement, &[(tx.person().as_uuid(), Type::UUID)]).await?;
    let person = |row: &Row| {
        Ok(Person {
            email: row.try_get("email")?,
            name: row.try_get("name")?,
            password_hash: row.try_get("password_hash")?,
        })
    };
    rows.first().map(person).transpose()
}

/// Changes the name of the transaction's person.
///
/// # Errors
/// [`Error`] when it was not changed.
pub(crate) async fn rename(tx: &PersonTx, name: &str, at: OffsetDateTime) -> Result<(), Error> {
    let statement = "update people set name = $2, updated_at = $3 where id = $1";
    let person = tx.person();
    let params: super::tx::Params<'_> =
        &[(person.as_uuid(), Type::UUID), (&name, Type::TEXT), (&at, Type::TIMESTAMPTZ)];
    tx.query(statement, params).await.map(drop)
}

/// Changes the password of the transaction's person.
///
/// # Errors
/// [`Error`] when it was not changed.
pub(crate) async fn set_password(tx: &PersonTx, hash: &str, at: OffsetDateTime) -> Result<(), Error> {
    let statement = "update people set password_hash = $2, updated_at = $3 where id = $1";
    let person = tx.person();
    let params: super::tx::Params<'_> =
        &[(person.as_uuid(), Type::UUID), (&hash, Type::TEXT), (&at, Type::TIMESTAMPTZ)];
    tx.query(statement, params).await.map(drop)
}

/// Makes a person a member of the transaction's tenant.
///
/// # Errors
/// [`Error::Exists`] when they are one already.
pub(crate) async fn join(tx: &TenantTx, person: PersonId, role: Role) -> Result<(), Error> {
    let statement = "insert into members (tenant_id, person_id, role) values ($1, $2, $3)";
    let tenant = tx.tenant();
    let params: super::tx::Params<'_> =
        &[(tenant.as_uuid(), Type::UUID), (person.as_uuid(), Type::UUID), (&role.as_str(), Type::TEXT)];
    tx.query(statement, params).await.map(drop)
}
