//! The ledger's rows as they are shown and exported, page by page along its key: a page is one statement, whatever lies before it.

use super::{Database, Error, TenantTx};
use crate::{
    db::usage_hours::Only,
    tenancy::{KeyId, PersonId, RequestId, TenantId},
    usage::{
        Nanos,
        report::{Entry, Window},
    },
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

/// Which rows are meant, besides a window's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Of one key.
    pub(crate) key: Option<KeyId>,
    /// Of one provider.
    pub(crate) provider: Option<String>,
    /// Of one model, as the catalogue names it.
    pub(crate) model: Option<String>,
    /// With these statuses, both included.
    pub(crate) statuses: Option<(i16, i16)>,
    /// Whose, where the caller may not see everybody's.
    pub(crate) only: Only,
}

/// A row's place in the ledger.
pub(crate) type Place = (RequestId, i16);

const BACK: &str = "\
select e.request_id, e.attempt, e.status, e.ended, e.error_code, e.provider, e.model, e.model_requested, e.model_served, e.streamed, e.key_id,
    null::text, e.member_id, e.end_user, e.tags, e.input_tokens, e.output_tokens, e.cached_input_tokens, e.cache_write_tokens,
    e.reasoning_tokens, e.audio_input_tokens, e.audio_output_tokens, e.web_searches, e.usage_source, e.service_tier, e.cost_nanos,
    e.price_version, e.cache, e.saved_nanos, e.first_token_ms, e.latency_ms
from usage_events e
where e.request_id >= $1 and e.request_id < $2 and ($3::uuid is null or (e.request_id, e.attempt) < ($3, $4))
    and ($5::uuid is null or e.key_id = $5) and ($6::text is null or e.provider = $6) and ($7::text is null or e.model = $7)
    and ($8::int2 is null or e.status between $8 and $9)
    and ($10::uuid is null or e.key_id = $10) and ($11::uuid is null or e.member_id = $11)
order by e.request_id desc, e.attempt desc limit $12";

/// The transaction's tenant's rows of a window, newest first, from before a place on.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn back(
    tx: &TenantTx,
    window: &Window,
    before: Option<Place>,
    filter: &Filter,
    most: i64,
) -> Result<Vec<Entry>, Error> {
    let (first, behind) = window.ids();
    let (request, attempt) = before.map_or((None, 0), |(request, attempt)| (Some(*request.as_uuid()), attempt));
    let (lowest, highest) = filter.statuses.unzip();
    let params: super::tx::Params<'_> = &[
        (&first, Type::UUID),
        (&behind, Type::UUID),
        (&request, Type::UUID),
        (&attempt, Type::INT2),
        (&filter.key.as_ref().map(KeyId::as_uuid), Type::UUID),
        (&filter.provider, Type::TEXT),
        (&filter.model, Type::TEXT),
        (&lowest, Type::INT2),
        (&highest, Type::INT2),
        (&filter.only.key.as_ref().map(KeyId::as_uuid), Type::UUID),
        (&filter.only.member.as_ref().map(PersonId::as_uuid), Type::UUID),
        (&most, Type::INT8),
    ];
    tx.query(BACK, params).await?.iter().map(entry).collect()
}

const ON: &str = "\
select e.request_id, e.attempt, e.status, e.ended, e.error_code, e.provider, e.model, e.model_requested, e.model_served, e.streamed, e.key_id,
    k.name, e.member_id, e.end_user, e.tags, e.input_tokens, e.output_tokens, e.cached_input_tokens, e.cache_write_tokens,
    e.reasoning_tokens, e.audio_input_tokens, e.audio_output_tokens, e.web_searches, e.usage_source, e.service_tier, e.cost_nanos,
    e.price_version, e.cache, e.saved_nanos, e.first_token_ms, e.latency_ms
from (
    select * from usage_events u
    where u.request_id >= $1 and u.request_id < $2 and ($3::uuid is null or (u.request_id, u.attempt) > ($3, $4))
        and ($5::uuid is null or u.key_id = $5) and ($6::uuid is null or u.member_id = $6)
    order by u.request_id, u.attempt limit $7
) e left join api_keys k on k.tenant_id = e.tenant_id and k.id = e.key_id
order by e.request_id, e.attempt";

/// A tenant's rows of a window, oldest first, from behind a place on, with the names of their keys. In a transaction of its own, so that a
/// reader who takes hours holds none.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn on(
    db: &Database,
    tenant: TenantId,
    window: &Window,
    after: Option<Place>,
    only: Only,
    most: i64,
) -> Result<Vec<Entry>, Error> {
    let (first, behind) = window.ids();
    let (request, attempt) = after.map_or((None, 0), |(request, attempt)| (Some(*request.as_uuid()), attempt));
    let params: super::tx::Params<'_> = &[
        (&first, Type::UUID),
        (&behind, Type::UUID),
        (&request, Type::UUID),
        (&attempt, Type::INT2),
        (&only.key.as_ref().map(KeyId::as_uuid), Type::UUID),
        (&only.member.as_ref().map(PersonId::as_uuid), Type::UUID),
        (&most, Type::INT8),
    ];
    TenantTx::once(db, tenant, ON, params).await?.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry, Error> {
    let (key, member): (Option<Uuid>, Option<Uuid>) = (row.try_get(10)?, row.try_get(12)?);
    Ok(Entry {
        request: RequestId::from_uuid(row.try_get(0)?),
        attempt: row.try_get(1)?,
        status: row.try_get(2)?,
        ended: row.try_get(3)?,
        error_code: row.try_get(4)?,
        provider: row.try_get(5)?,
        model: row.try_get(6)?,
        model_requested: row.try_get(7)?,
        model_served: row.try_get(8)?,
        streamed: row.try_get(9)?,
        key: key.map(KeyId::from_uuid),
        key_name: row.try_get(11)?,
        member: member.map(PersonId::from_uuid),
        end_user: row.try_get(13)?,
        tags: row.try_get(14)?,
        input_tokens: row.try_get(15)?,
        output_tokens: row.try_get(16)?,
        cached_input_tokens: row.try_get(17)?,
        cache_write_tokens: row.try_get(18)?,
        reasoning_tokens: row.try_get(19)?,
        audio_input_tokens: row.try_get(20)?,
        audio_output_tokens: row.try_get(21)?,
        web_searches: row.try_get(22)?,
        usage_source: row.try_get(23)?,
        service_tier: row.try_get(24)?,
        cost: Nanos(row.try_get(25)?),
        price_version: row.try_get(26)?,
        cache: row.try_get(27)?,
        saved: Nanos(row.try_get(28)?),
        first_token_ms: row.try_get(29)?,
        latency_ms: row.try_get(30)?,
    })
}
