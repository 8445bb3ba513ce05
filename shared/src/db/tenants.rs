//! Tenants.

use super::{Error, TenantTx};
use tokio_postgres::types::Type;

/// Stores the transaction's tenant, which is new.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert(tx: &TenantTx, name: &str) -> Result<(), Error> {
    let statement = "insert into tenants (id, name) values ($1, $2)";
    tx.query(statement, &[(tx.tenant().as_uuid(), Type::UUID), (&name, Type::TEXT)]).await?;
    Ok(())
}
