//! Tenants.

use super::{
    Database, Error, TenantTx,
    bounds::{self, Bounds},
    standing,
};
use crate::tenancy::{ModelList, PersonId, Standing, Status, TenantId, Tier, principal::KeyLimits};
use time::OffsetDateTime;
use tokio_postgres::types::Type;

/// A tenant and its settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TenantRow {
    pub(crate) id: TenantId,
    pub(crate) name: String,
    pub(crate) status: Status,
    pub(crate) tier: Tier,
    /// None: every model.
    pub(crate) allowed_models: Option<ModelList>,
    /// None: every provider.
    pub(crate) allowed_providers: Option<Vec<String>>,
    pub(crate) cache_prompts: bool,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

/// Stores the transaction's tenant, which is new, with everything as it is by default.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert(tx: &TenantTx, name: &str) -> Result<(), Error> {
    let statement = "insert into tenants (id, name) values ($1, $2)";
    tx.query(statement, &[(tx.tenant().as_uuid(), Type::UUID), (&name, Type::TEXT)]).await?;
    Ok(())
}

const READ: &str = "select id, name, status, tier, allowed_models, allowed_providers, cache_prompts, created_at, updated_at from tenants";
const LOCK: &str = "\
    select id, name, status, tier, allowed_models, allowed_providers, cache_prompts, created_at, updated_at from tenants for update";

/// The transaction's tenant; none where there is none of that id.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn read(tx: &TenantTx) -> Result<Option<TenantRow>, Error> {
    one(tx, READ).await
}

/// The same, locked for the rest of the transaction: of two who change it, one sees what the other did.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn lock(tx: &TenantTx) -> Result<Option<TenantRow>, Error> {
    one(tx, LOCK).await
}

async fn one(tx: &TenantTx, statement: &str) -> Result<Option<TenantRow>, Error> {
    let rows = tx.query(statement, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let unknown = |_| Error::Unexpected("a tenant's standing that this version does not know");
    let (status, tier): (&str, &str) = (row.try_get("status")?, row.try_get("tier")?);
    let models: Option<Vec<String>> = row.try_get("allowed_models")?;
    Ok(Some(TenantRow {
        id: TenantId::from_uuid(row.try_get("id")?),
        name: row.try_get("name")?,
        status: status.parse().map_err(unknown)?,
        tier: tier.parse().map_err(unknown)?,
        allowed_models: models.map(ModelList::new),
        allowed_providers: row.try_get("allowed_providers")?,
        cache_prompts: row.try_get("cache_prompts")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    }))
}

const UPDATE: &str = "\
    update tenants set name = $2, status = $3, tier = $4, allowed_models = $5, allowed_providers = $6, cache_prompts = $7, updated_at = $8 \
    where id = $1";

/// Changes the transaction's tenant to what the row says.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn update(tx: &TenantTx, row: &TenantRow) -> Result<(), Error> {
    tx.query(
        UPDATE,
        &[
            (tx.tenant().as_uuid(), Type::UUID),
            (&row.name, Type::TEXT),
            (&row.status.as_str(), Type::TEXT),
            (&row.tier.as_str(), Type::TEXT),
            (&row.allowed_models.as_ref().map(ModelList::names), Type::TEXT_ARRAY),
            (&row.allowed_providers, Type::TEXT_ARRAY),
            (&row.cache_prompts, Type::BOOL),
            (&row.updated_at, Type::TIMESTAMPTZ),
        ],
    )
    .await
    .map(drop)
}

/// Overwrites what opens the answers that are kept for the transaction's tenant.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn forget_answers(tx: &TenantTx) -> Result<(), Error> {
    let statement = "update tenants set answers_salt = gen_random_uuid() where id = $1";
    tx.query(statement, &[(tx.tenant().as_uuid(), Type::UUID)]).await.map(drop)
}

/// Deletes what is left of the transaction's tenant, which is being deleted: at most so many rows of the ledger at a time. Gives how many of
/// those are left, at most that many; with none left, the tenant is gone.
///
/// # Errors
/// [`Error`]; nothing was deleted then.
pub(crate) async fn erase(tx: &TenantTx, most: i32) -> Result<i64, Error> {
    let rows = tx.query("select app.erase_tenant($1)", &[(&most, Type::INT4)]).await?;
    rows.first().ok_or(Error::Unexpected("no count"))?.try_get(0).map_err(Error::from)
}

/// The tenants whose deletion began before a moment and that are still there: through a `SECURITY DEFINER` function.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn unfinished_deletions(
    db: &Database,
    begun_before: OffsetDateTime,
    most: i32,
) -> Result<Vec<TenantId>, Error> {
    let statement = "select tenant_id from app.find_unfinished_deletions($1, $2)";
    let rows = db.look_up(statement, &[(&begun_before, Type::TIMESTAMPTZ), (&most, Type::INT4)]).await?;
    rows.iter().map(|row| Ok(TenantId::from_uuid(row.try_get("tenant_id")?))).collect()
}

/// A tenant's standing and what bounds one of its people, before a transaction names it: through a `SECURITY DEFINER` function.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn find_standing(
    db: &Database,
    tenant: TenantId,
    person: Option<PersonId>,
) -> Result<Option<(Standing, Bounds)>, Error> {
    let statement = "\
        select status, tier, allowed_models, allowed_providers, cache_prompts, credentials, bounds from app.find_tenant($1, $2)";
    let person = person.as_ref().map(PersonId::as_uuid);
    let rows = db.look_up(statement, &[(tenant.as_uuid(), Type::UUID), (&person, Type::UUID)]).await?;
    rows.first().map(|row| Ok((standing::read(row)?, bounds::read(row, KeyLimits::default())?))).transpose()
}

/// The name of the transaction's tenant.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn name(tx: &TenantTx) -> Result<Option<String>, Error> {
    let rows = tx.query("select name from tenants where id = $1", &[(tx.tenant().as_uuid(), Type::UUID)]).await?;
    Ok(rows.first().map(|row| row.try_get("name")).transpose()?)
}
