//! Limits as they are defined: the tenant's, those of a key with one model, and what keys were given themselves.

use super::{Error, TenantTx};
use crate::tenancy::{KeyId, principal::KeyLimits};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

/// What a limit is about, within a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// None: the tenant as a whole.
    pub(crate) key: Option<KeyId>,
    /// None: all models.
    pub(crate) model: Option<String>,
    /// Set by the operators of the deployment, and not by the tenant itself.
    pub(crate) by_operator: bool,
}

/// A limit, and when it was last set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitRow {
    pub(crate) place: Place,
    pub(crate) limits: KeyLimits,
    pub(crate) updated_at: OffsetDateTime,
}

const LIST: &str = "\
    select key_id, model, by_operator, requests_per_minute, tokens_per_minute, concurrency, updated_at from ( \
        select key_id, model, by_operator, requests_per_minute, tokens_per_minute, concurrency, updated_at from limits \
        union all \
        select id, null, false, requests_per_minute, tokens_per_minute, concurrency, updated_at from api_keys \
        where revoked_at is null and num_nonnulls(requests_per_minute, tokens_per_minute, concurrency) > 0 \
    ) l \
    where ($1::uuid is null or key_id = $1) \
        and ($2::text is null or concat_ws(',', coalesce(key_id::text, ''), coalesce(model, ''), by_operator::text) collate \"C\" > $2) \
    order by concat_ws(',', coalesce(key_id::text, ''), coalesce(model, ''), by_operator::text) collate \"C\" limit $3";

/// The transaction's tenant's limits, or one key's, from after one of them on. Those of keys themselves are among them.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn list(
    tx: &TenantTx,
    key: Option<KeyId>,
    after: Option<&str>,
    most: i64,
) -> Result<Vec<LimitRow>, Error> {
    let key = key.as_ref().map(KeyId::as_uuid);
    let rows = tx.query(LIST, &[(&key, Type::UUID), (&after, Type::TEXT), (&most, Type::INT8)]).await?;
    rows.iter().map(read_row).collect()
}

impl LimitRow {
    /// Where it stands in the list.
    pub(crate) fn cursor(&self) -> String {
        let key = self.place.key.as_ref().map(|key| key.as_uuid().to_string()).unwrap_or_default();
        format!("{key},{},{}", self.place.model.as_deref().unwrap_or_default(), self.place.by_operator)
    }
}

const READ: &str = "\
    select key_id, model, by_operator, requests_per_minute, tokens_per_minute, concurrency, updated_at from limits \
    where key_id is not distinct from $1 and model is not distinct from $2 and by_operator = $3 for update";

/// One of them, but none of a key itself; locked for the rest of the transaction.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn lock(tx: &TenantTx, place: &Place) -> Result<Option<LimitRow>, Error> {
    let key = place.key.as_ref().map(KeyId::as_uuid);
    let params: super::tx::Params<'_> =
        &[(&key, Type::UUID), (&place.model, Type::TEXT), (&place.by_operator, Type::BOOL)];
    tx.query(READ, params).await?.first().map(read_row).transpose()
}

/// How many the transaction's tenant has, but for those of keys themselves.
///
/// # Errors
/// [`Error`] when they cannot be counted.
pub(crate) async fn count(tx: &TenantTx) -> Result<i64, Error> {
    let rows = tx.query("select count(*) from limits", &[]).await?;
    rows.first().ok_or(Error::Unexpected("no count"))?.try_get(0).map_err(Error::from)
}

const INSERT: &str = "\
    insert into limits (tenant_id, key_id, model, by_operator, requests_per_minute, tokens_per_minute, concurrency, created_at, updated_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $8)";

/// Stores a limit that is not there yet.
///
/// # Errors
/// [`Error::Exists`] when somebody was faster; [`Error::NotAllowed`] when there are too many.
pub(crate) async fn insert(tx: &TenantTx, row: &LimitRow) -> Result<(), Error> {
    let key = row.place.key.as_ref().map(KeyId::as_uuid);
    tx.query(
        INSERT,
        &[
            (tx.tenant().as_uuid(), Type::UUID),
            (&key, Type::UUID),
            (&row.place.model, Type::TEXT),
            (&row.place.by_operator, Type::BOOL),
            (&row.limits.requests_per_minute, Type::INT4),
            (&row.limits.tokens_per_minute, Type::INT8),
            (&row.limits.concurrency, Type::INT4),
            (&row.updated_at, Type::TIMESTAMPTZ),
        ],
    )
    .await
    .map(drop)
}

const UPDATE: &str = "\
    update limits set requests_per_minute = $4, tokens_per_minute = $5, concurrency = $6, updated_at = $7 \
    where key_id is not distinct from $1 and model is not distinct from $2 and by_operator = $3";

/// Changes a limit that is there to what the row says.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn update(tx: &TenantTx, row: &LimitRow) -> Result<(), Error> {
    let key = row.place.key.as_ref().map(KeyId::as_uuid);
    tx.query(
        UPDATE,
        &[
            (&key, Type::UUID),
            (&row.place.model, Type::TEXT),
            (&row.place.by_operator, Type::BOOL),
            (&row.limits.requests_per_minute, Type::INT4),
            (&row.limits.tokens_per_minute, Type::INT8),
            (&row.limits.concurrency, Type::INT4),
            (&row.updated_at, Type::TIMESTAMPTZ),
        ],
    )
    .await
    .map(drop)
}

/// Deletes a limit.
///
/// # Errors
/// [`Error`]; nothing was deleted then.
pub(crate) async fn delete(tx: &TenantTx, place: &Place) -> Result<(), Error> {
    let statement = "\
        delete from limits where key_id is not distinct from $1 and model is not distinct from $2 and by_operator = $3";
    let key = place.key.as_ref().map(KeyId::as_uuid);
    let params: super::tx::Params<'_> =
        &[(&key, Type::UUID), (&place.model, Type::TEXT), (&place.by_operator, Type::BOOL)];
    tx.query(statement, params).await.map(drop)
}

fn read_row(row: &Row) -> Result<LimitRow, Error> {
    let key: Option<Uuid> = row.try_get("key_id")?;
    Ok(LimitRow {
        place: Place {
            key: key.map(KeyId::from_uuid),
            model: row.try_get("model")?,
            by_operator: row.try_get("by_operator")?,
        },
        limits: KeyLimits {
            requests_per_minute: row.try_get("requests_per_minute")?,
            tokens_per_minute: row.try_get("tokens_per_minute")?,
            concurrency: row.try_get("concurrency")?,
        },
        updated_at: row.try_get("updated_at")?,
    })
}
