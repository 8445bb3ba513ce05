//! Invitations, from the side of who was invited.

use super::{Database, Error, TenantTx};
use crate::tenancy::{InvitationId, Role, TenantId};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};

/// Whom an invitation asks, to what.
pub(crate) struct Invitation {
    pub(crate) id: InvitationId,
    pub(crate) tenant: TenantId,
    pub(crate) email: String,
    pub(crate) role: Role,
    /// SHA-256 of the token's secret.
    pub(crate) hash: Vec<u8>,
    pub(crate) expires_at: OffsetDateTime,
}

/// Finds an invitation, before a tenant is known: through a `SECURITY DEFINER` function.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find(db: &Database, id: InvitationId) -> Result<Option<Invitation>, Error> {
    let statement = "select tenant_id, email, role, hash, expires_at from app.find_invitation($1)";
    let rows = db.look_up(statement, &[(id.as_uuid(), Type::UUID)]).await?;
    let invitation = |row: &Row| {
        let role: &str = row.try_get("role")?;
        Ok(Invitation {
            id,
            tenant: TenantId::from_uuid(row.try_get("tenant_id")?),
            email: row.try_get("email")?,
            role: role.parse().map_err(|_| Error::Unexpected("a role that this version does not know"))?,
            hash: row.try_get("hash")?,
            expires_at: row.try_get("expires_at")?,
        })
    };
    rows.first().map(invitation).transpose()
}

/// Takes an invitation of the transaction's tenant away. False if it is gone already: it is good for one.
///
/// # Errors
/// [`Error`] when nobody knows.
pub(crate) async fn take(tx: &TenantTx, id: InvitationId) -> Result<bool, Error> {
    let statement = "delete from invitations where tenant_id = $1 and id = $2 returning id";
    let rows = tx.query(statement, &[(tx.tenant().as_uuid(), Type::UUID), (id.as_uuid(), Type::UUID)]).await?;
    Ok(!rows.is_empty())
}
