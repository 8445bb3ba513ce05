//! Budgets as they are defined. What is spent is not here.

use super::{Database, Error, TenantTx, bounds};
use crate::{
    limits::policy::{Budget, BudgetScope},
    tenancy::{BudgetId, KeyId, PersonId, TenantId},
    usage::Nanos,
};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

/// A budget, and who set it when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BudgetRow {
    pub(crate) budget: Budget,
    /// The operators of the deployment, and not the tenant itself.
    pub(crate) by_operator: bool,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

macro_rules! budgets {
    ($rest:literal) => {
        concat!(
            "select id, key_id, member_id, tag, limit_nanos, period, hard, by_operator, created_at, updated_at from budgets ",
            $rest
        )
    };
}

/// The transaction's tenant's budgets, newest first, from before one of them on.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn list(tx: &TenantTx, before: Option<BudgetId>, most: i64) -> Result<Vec<BudgetRow>, Error> {
    let statement = budgets!("where $1::uuid is null or id < $1 order by id desc limit $2");
    let before = before.as_ref().map(BudgetId::as_uuid);
    tx.query(statement, &[(&before, Type::UUID), (&most, Type::INT8)]).await?.iter().map(read_row).collect()
}

/// One of the transaction's tenant's budgets.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn read(tx: &TenantTx, budget: BudgetId) -> Result<Option<BudgetRow>, Error> {
    one(tx, budgets!("where id = $1"), budget).await
}

/// The same, locked for the rest of the transaction: of two who change it, one sees what the other did.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn lock(tx: &TenantTx, budget: BudgetId) -> Result<Option<BudgetRow>, Error> {
    one(tx, budgets!("where id = $1 for update"), budget).await
}

async fn one(tx: &TenantTx, statement: &str, budget: BudgetId) -> Result<Option<BudgetRow>, Error> {
    tx.query(statement, &[(budget.as_uuid(), Type::UUID)]).await?.first().map(read_row).transpose()
}

/// How many the transaction's tenant has.
///
/// # Errors
/// [`Error`] when they cannot be counted.
pub(crate) async fn count(tx: &TenantTx) -> Result<i64, Error> {
    let rows = tx.query("select count(*) from budgets", &[]).await?;
    rows.first().ok_or(Error::Unexpected("no count"))?.try_get(0).map_err(Error::from)
}

const INSERT: &str = "\
    insert into budgets (tenant_id, id, key_id, member_id, tag, limit_nanos, period, hard, by_operator, created_at, updated_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Stores a budget of the transaction's tenant.
///
/// # Errors
/// [`Error::Exists`] when there is one of the same scope, period and kind; [`Error::NotAllowed`] when there are too many.
pub(crate) async fn insert(tx: &TenantTx, row: &BudgetRow) -> Result<(), Error> {
    let (key, member, tag) = match &row.budget.scope {
        BudgetScope::Tenant => (None, None, None),
        BudgetScope::Key(key) => (Some(key.as_uuid()), None, None),
        BudgetScope::Member(person) => (None, Some(person.as_uuid()), None),
        BudgetScope::Tag(tag) => (None, None, Some(tag)),
    };
    tx.query(
        INSERT,
        &[
            (tx.tenant().as_uuid(), Type::UUID),
            (row.budget.id.as_uuid(), Type::UUID),
            (&key, Type::UUID),
            (&member, Type::UUID),
            (&tag, Type::TEXT),
            (&row.budget.limit.0, Type::INT8),
            (&row.budget.period.as_str(), Type::TEXT),
            (&row.budget.hard, Type::BOOL),
            (&row.by_operator, Type::BOOL),
            (&row.created_at, Type::TIMESTAMPTZ),
            (&row.updated_at, Type::TIMESTAMPTZ),
        ],
    )
    .await
    .map(drop)
}

/// Changes a budget's limit and kind to what the row says.
///
/// # Errors
/// [`Error::Exists`] when there is another of the same scope, period and kind.
pub(crate) async fn update(tx: &TenantTx, row: &BudgetRow) -> Result<(), Error> {
    let statement = "update budgets set limit_nanos = $2, hard = $3, updated_at = $4 where id = $1";
    let params: super::tx::Params<'_> = &[
        (row.budget.id.as_uuid(), Type::UUID),
        (&row.budget.limit.0, Type::INT8),
        (&row.budget.hard, Type::BOOL),
        (&row.updated_at, Type::TIMESTAMPTZ),
    ];
    tx.query(statement, params).await.map(drop)
}

/// Deletes one of the transaction's tenant's budgets.
///
/// # Errors
/// [`Error`]; nothing was deleted then.
pub(crate) async fn delete(tx: &TenantTx, budget: BudgetId) -> Result<(), Error> {
    tx.query("delete from budgets where id = $1", &[(budget.as_uuid(), Type::UUID)]).await.map(drop)
}

/// Whether the transaction's tenant has this key.
///
/// # Errors
/// [`Error`] when nobody knows.
pub(crate) async fn has_key(tx: &TenantTx, key: KeyId) -> Result<bool, Error> {
    let rows = tx.query("select from api_keys where id = $1", &[(key.as_uuid(), Type::UUID)]).await?;
    Ok(!rows.is_empty())
}

/// Whether the person is a member of the transaction's tenant, or one of its keys is theirs.
///
/// # Errors
/// [`Error`] when nobody knows.
pub(crate) async fn has_member(tx: &TenantTx, person: PersonId) -> Result<bool, Error> {
    let statement = "\
        select from members where person_id = $1 \
        union all select from api_keys where coalesce(member_id, granted_by_person) = $1 limit 1";
    Ok(!tx.query(statement, &[(person.as_uuid(), Type::UUID)]).await?.is_empty())
}

const SOFT: &str = "select id, key_id, member_id, tag, limit_nanos, period, hard from budgets where tenant_id = $1 and not hard order by id";

/// A tenant's soft budgets.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn soft(db: &Database, tenant: TenantId) -> Result<Vec<Budget>, Error> {
    let rows = TenantTx::once(db, tenant, SOFT, &[(tenant.as_uuid(), Type::UUID)]).await?;
    rows.iter().map(read_budget).collect()
}

const EXISTING: &str = "select id from budgets where tenant_id = $1 and id = any($2)";

/// Which of these budgets a tenant has.
///
/// # Errors
/// [`Error`] when nobody knows.
pub(crate) async fn existing(db: &Database, tenant: TenantId, budgets: &[BudgetId]) -> Result<Vec<BudgetId>, Error> {
    let ids: Vec<Uuid> = budgets.iter().map(|budget| *budget.as_uuid()).collect();
    let params: super::tx::Params<'_> = &[(tenant.as_uuid(), Type::UUID), (&ids, Type::UUID_ARRAY)];
    let rows = TenantTx::once(db, tenant, EXISTING, params).await?;
    rows.iter().map(|row| Ok(BudgetId::from_uuid(row.try_get("id")?))).collect()
}

fn read_row(row: &Row) -> Result<BudgetRow, Error> {
    Ok(BudgetRow {
        budget: read_budget(row)?,
        by_operator: row.try_get("by_operator")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn read_budget(row: &Row) -> Result<Budget, Error> {
    let (key, member): (Option<Uuid>, Option<Uuid>) = (row.try_get("key_id")?, row.try_get("member_id")?);
    let period: &str = row.try_get("period")?;
    Ok(Budget {
        id: BudgetId::from_uuid(row.try_get("id")?),
        scope: bounds::scope(key, member, row.try_get("tag")?),
        limit: Nanos(row.try_get("limit_nanos")?),
        period: period.parse().map_err(|_| Error::Unexpected("a period that this version does not know"))?,
        hard: row.try_get("hard")?,
    })
}
