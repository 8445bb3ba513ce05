//! The ledger's table.

use super::{Database, Error, TenantTx};
use crate::{
    tenancy::{RequestId, TenantId},
    usage::{Nanos, UsageRow},
};
use tokio_postgres::types::{Json, Type};

const INSERT: &str = "\
    insert into usage_events (tenant_id, request_id, attempt, created_at, key_id, person_id, member_id, tags, end_user, provider, \
    model_requested, model, model_served, streamed, status, error_code, ended, input_tokens, output_tokens, cached_input_tokens, \
    cache_write_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, web_searches, service_tier, usage_source, cost_nanos, \
    price_version, cache, saved_nanos, saved_ms, first_token_ms, latency_ms) \
    select tenant_id, request_id, attempt, created_at, key_id, person_id, member_id, tags, end_user, provider, \
    model_requested, model, model_served, streamed, status, error_code, ended, input_tokens, output_tokens, cached_input_tokens, \
    cache_write_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, web_searches, service_tier, usage_source, cost_nanos, \
    price_version, cache, saved_nanos, saved_ms, first_token_ms, latency_ms \
    from jsonb_populate_recordset(null::usage_events, $1) \
    on conflict (tenant_id, request_id, attempt) do nothing";

/// Appends rows of a tenant, all or none, each once: the same row again changes nothing.
///
/// # Errors
/// [`Error`] when none was stored.
pub(crate) async fn insert(db: &Database, tenant: TenantId, rows: &[UsageRow]) -> Result<(), Error> {
    TenantTx::once(db, tenant, INSERT, &[(&Json(rows), Type::JSONB)]).await.map(drop)
}

/// What is known of a request's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownCost {
    /// The sum over its rows.
    pub(crate) sum: Nanos,
    /// The tokens of all of them.
    pub(crate) tokens: u64,
    /// Whether it may have been more, because a provider did not get to say.
    pub(crate) is_lower_bound: bool,
}

/// What the rows of a request say together; none if it has no row.
///
/// # Errors
/// [`Error`] when nobody knows.
pub(crate) async fn known_cost(
    db: &Database,
    tenant: TenantId,
    request: RequestId,
) -> Result<Option<KnownCost>, Error> {
    const SUM: &str = "\
        select sum(cost_nanos)::bigint as cost, sum(input_tokens + output_tokens)::bigint as tokens, bool_or(usage_source = 'counted') as counted \
        from usage_events where tenant_id = $1 and request_id = $2 having count(*) > 0";
    let rows =
        TenantTx::once(db, tenant, SUM, &[(tenant.as_uuid(), Type::UUID), (request.as_uuid(), Type::UUID)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let tokens: i64 = row.try_get("tokens")?;
    Ok(Some(KnownCost {
        sum: Nanos(row.try_get("cost")?),
        tokens: tokens.try_into().unwrap_or_default(),
        is_lower_bound: row.try_get("counted")?,
    }))
}

/// Makes the partitions of this month and of so many after it, where they are missing. Returns how many were.
///
/// # Errors
/// [`Error`]; those that were made stay.
pub(crate) async fn prepare_partitions(db: &Database, months: i32) -> Result<i32, Error> {
    let rows = db.look_up("select app.prepare_usage_partitions($1)", &[(&months, Type::INT4)]).await?;
    let row = rows.first().ok_or(Error::Unexpected("a function without a result"))?;
    Ok(row.try_get(0)?)
}
