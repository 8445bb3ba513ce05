//! Members of a tenant, and who was asked to become one.

use super::{Error, TenantTx};
use crate::tenancy::{InvitationId, PersonId, Role};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};

/// A member.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MemberRow {
    pub(crate) person: PersonId,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) created_at: OffsetDateTime,
}

/// Somebody who was asked to join.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InvitationRow {
    pub(crate) id: InvitationId,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
}

macro_rules! rows {
    ($rest:literal) => {
        concat!(
            "select m.person_id, p.email, p.name, m.role, m.created_at from members m join people p on p.id = m.person_id ",
            $rest
        )
    };
}

const LIST: &str = rows!("where $1::uuid is null or m.person_id < $1 order by m.person_id desc limit $2");
const READ: &str = rows!("where m.person_id = $1");

/// The transaction's tenant's members, newest account first.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn list(tx: &TenantTx, before: Option<PersonId>, most: i64) -> Result<Vec<MemberRow>, Error> {
    let before = before.as_ref().map(PersonId::as_uuid);
    tx.query(LIST, &[(&before, Type::UUID), (&most, Type::INT8)]).await?.iter().map(member).collect()
}

/// One of the transaction's tenant's members.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn read(tx: &TenantTx, person: PersonId) -> Result<Option<MemberRow>, Error> {
    tx.query(READ, &[(person.as_uuid(), Type::UUID)]).await?.first().map(member).transpose()
}

/// Whether somebody of that address is a member of the transaction's tenant.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn is_member(tx: &TenantTx, email: &str) -> Result<bool, Error> {
    let statement = "select from members m join people p on p.id = m.person_id where p.email = $1";
    Ok(!tx.query(statement, &[(&email, Type::TEXT)]).await?.is_empty())
}

fn member(row: &Row) -> Result<MemberRow, Error> {
    Ok(MemberRow {
        person: PersonId::from_uuid(row.try_get("person_id")?),
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: role(row.try_get("role")?)?,
        created_at: row.try_get("created_at")?,
    })
}

fn role(text: &str) -> Result<Role, Error> {
    text.parse().map_err(|_| Error::Unexpected("a role that this version does not know"))
}

/// Gives a member another role.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn set_role(tx: &TenantTx, person: PersonId, role: Role) -> Result<(), Error> {
    let statement = "update members set role = $2 where person_id = $1";
    tx.query(statement, &[(person.as_uuid(), Type::UUID), (&role.as_str(), Type::TEXT)]).await.map(drop)
}

/// Removes a member. The account stays: it is the person's.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn remove(tx: &TenantTx, person: PersonId) -> Result<(), Error> {
    tx.query("delete from members where person_id = $1", &[(person.as_uuid(), Type::UUID)]).await.map(drop)
}

/// How many members of a role the transaction's tenant has. That two do not leave at once is for a lock on the tenant to see to.
///
/// # Errors
/// [`Error`] when they cannot be counted.
pub(crate) async fn count_of_role(tx: &TenantTx, role: Role) -> Result<usize, Error> {
    let statement = "select person_id from members where role = $1";
    Ok(tx.query(statement, &[(&role.as_str(), Type::TEXT)]).await?.len())
}

const INVITE: &str = "\
    insert into invitations (id, tenant_id, email, role, hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)";

/// Asks somebody to join the transaction's tenant. An older invitation of the address ends; gives that one.
///
/// # Errors
/// [`Error`]; nothing was stored then.
pub(crate) async fn invite(tx: &TenantTx, new: &InvitationRow, hash: &[u8]) -> Result<Option<InvitationRow>, Error> {
    let replace = "delete from invitations where email = $1 returning id, email, role, created_at, expires_at";
    let replaced = tx.query(replace, &[(&new.email, Type::TEXT)]).await?;
    tx.query(
        INVITE,
        &[
            (new.id.as_uuid(), Type::UUID),
            (tx.tenant().as_uuid(), Type::UUID),
            (&new.email, Type::TEXT),
            (&new.role.as_str(), Type::TEXT),
            (&hash, Type::BYTEA),
            (&new.created_at, Type::TIMESTAMPTZ),
            (&new.expires_at, Type::TIMESTAMPTZ),
        ],
    )
    .await?;
    replaced.first().map(invitation).transpose()
}

/// Who is asked to join the transaction's tenant, the newest first, from before one of them on.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn invitations(
    tx: &TenantTx,
    before: Option<InvitationId>,
    most: i64,
) -> Result<Vec<InvitationRow>, Error> {
    let statement = "select id, email, role, created_at, expires_at from invitations \
                     where $1::uuid is null or id < $1 order by id desc limit $2";
    let before = before.as_ref().map(InvitationId::as_uuid);
    let rows = tx.query(statement, &[(&before, Type::UUID), (&most, Type::INT8)]).await?;
    rows.iter().map(invitation).collect()
}

fn invitation(row: &Row) -> Result<InvitationRow, Error> {
    Ok(InvitationRow {
        id: InvitationId::from_uuid(row.try_get("id")?),
        email: row.try_get("email")?,
        role: role(row.try_get("role")?)?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

/// Ends an invitation. Gives it, none where there is no such invitation.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn withdraw(tx: &TenantTx, id: InvitationId) -> Result<Option<InvitationRow>, Error> {
    let statement = "delete from invitations where id = $1 returning id, email, role, created_at, expires_at";
    tx.query(statement, &[(id.as_uuid(), Type::UUID)]).await?.first().map(invitation).transpose()
}
