//! Tenants.

use super::{Database, Error, TenantTx, standing};
use crate::tenancy::{Standing, TenantId};
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

/// A tenant's standing, before a transaction names it: through a `SECURITY DEFINER` function.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find_standing(db: &Database, tenant: TenantId) -> Result<Option<Standing>, Error> {
    let statement = "\
        select status, tier, allowed_models, allowed_providers, cache_prompts, credentials from app.find_tenant($1)";
    let rows = db.look_up(statement, &[(tenant.as_uuid(), Type::UUID)]).await?;
    rows.first().map(standing::read).transpose()
}

/// The name of the transaction's tenant.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn name(tx: &TenantTx) -> Result<Option<String>, Error> {
    let rows = tx.query("select name from tenants where id = $1", &[(tx.tenant().as_uuid(), Type::UUID)]).await?;
    Ok(rows.first().map(|row| row.try_get("name")).transpose()?)
}
