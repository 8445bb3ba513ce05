//! The ledger's sums by hour: kept up to date, and read together with the rows that are not in them yet.

use super::{Database, Error, TenantTx};
use crate::{
    tenancy::{KeyId, PersonId, TenantId},
    usage::{
        Nanos,
        report::{Cut, Dimension, Group, Grouping, Sums, Window},
    },
};
use std::collections::HashMap;
use time::{Date, OffsetDateTime};
use tokio_postgres::{Row, error::SqlState, types::Type};
use uuid::Uuid;

const FIND_TENANTS: &str = "select tenant_id from app.find_tenants_with_new_usage($1, $2)";

/// The next tenants of which rows are not in the sums, in the order of their ids.
///
/// # Errors
/// [`Error`] when they cannot be found.
pub async fn tenants_with_new(db: &Database, after: Option<TenantId>, most: i32) -> Result<Vec<TenantId>, Error> {
    let after = after.map_or_else(Uuid::nil, |tenant| *tenant.as_uuid());
    let rows = db.look_up(FIND_TENANTS, &[(&after, Type::UUID), (&most, Type::INT4)]).await?;
    rows.iter().map(|row| Ok(TenantId::from_uuid(row.try_get(0)?))).collect()
}

const ROLL_UP: &str = "select app.roll_up_usage($1)";

/// Adds at most so many of a tenant's new rows to its sums, and says how many it took: fewer than `most` means that none is left. All of it
/// or nothing; killed anywhere and begun again, it counts nothing twice.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub async fn roll_up(db: &Database, tenant: TenantId, most: i32) -> Result<i64, Error> {
    let rows = TenantTx::once(db, tenant, ROLL_UP, &[(&most, Type::INT4)]).await?;
    Ok(rows.first().ok_or(Error::Unexpected("a roll-up that says nothing"))?.try_get(0)?)
}

/// Whose use is meant, where it is not everybody's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Only {
    /// Of one key.
    pub(crate) key: Option<KeyId>,
    /// Of one person.
    pub(crate) member: Option<PersonId>,
}

/// What is to be added up.
pub(crate) struct Question<'a> {
    /// Over which time.
    pub(crate) window: Window,
    /// The boundaries of the window's steps, its ends included; empty where it has none.
    pub(crate) steps: &'a [OffsetDateTime],
    /// By what.
    pub(crate) by: &'a Grouping,
    /// Of whom.
    pub(crate) only: Only,
    /// How many groups at most, the dearest first.
    pub(crate) most: i64,
}

/// Sums where the hour is whole; rows where it is cut, and where they are not in the sums yet. One statement, so one state of the
/// database: a row that is being added to the sums meanwhile is seen once.
const SUMS: &str = "\
with cut as (
    select * from unnest($3::uuid[], $4::uuid[]) as cut(first, behind)
), rows as (
    select e.request_id, e.attempt, e.provider, e.model, e.key_id, e.member_id, e.tags, e.end_user, e.status, e.ended, e.input_tokens,
        e.output_tokens, e.cached_input_tokens, e.cache_write_tokens, e.reasoning_tokens, e.cost_nanos, e.cache, e.saved_nanos
    from cut join usage_events e on e.request_id >= cut.first and e.request_id < cut.behind
    union all
    select e.* from usage_events_new n cross join lateral (
        select e.request_id, e.attempt, e.provider, e.model, e.key_id, e.member_id, e.tags, e.end_user, e.status, e.ended, e.input_tokens,
            e.output_tokens, e.cached_input_tokens, e.cache_write_tokens, e.reasoning_tokens, e.cost_nanos, e.cache, e.saved_nanos
        from usage_events e where e.tenant_id = n.tenant_id and e.request_id = n.request_id and e.attempt = n.attempt
        offset 0
    ) e
    where n.request_id >= $1 and n.request_id < $2
        and not exists (select from cut where n.request_id >= cut.first and n.request_id < cut.behind)
), used as (
    select hour as at, case kind when 'tag' then label end as tag, case kind when 'end_user' then label end as end_user, provider, model,
        key_id, member_id, attempts, requests, errors, input_tokens, output_tokens, cached_input_tokens, cache_write_tokens,
        reasoning_tokens, cost_nanos, cache_hits, saved_nanos
    from usage_hours where kind = any ($5) and hour >= $6 and hour < $7 and hour <> all ($8::timestamptz[])
    union all
    select app.request_time(request_id), tags.tag, case when $14 then end_user end, provider, model, key_id, member_id, 1,
        (attempt = 1)::integer, (status >= 400 or ended <> 'complete')::integer, input_tokens, output_tokens,
        coalesce(cached_input_tokens, 0), coalesce(cache_write_tokens, 0), coalesce(reasoning_tokens, 0), cost_nanos,
        (coalesce(cache, '') in ('hit', 'canonical_hit', 'semantic_hit'))::integer, saved_nanos
    from rows left join lateral (select distinct unnest(rows.tags) as tag where $13) tags on true
    where (not $13 or tags.tag is not null) and (not $14 or end_user <> '')
)
select case when $9 then provider end, case when $10 then model end, case when $11 then key_id end, case when $12 then member_id end,
    case when $13 then tag end, case when $14 then end_user end,
    case when cardinality($15::timestamptz[]) > 0 then width_bucket(at, $15::timestamptz[]) else 0 end,
    coalesce(sum(attempts), 0)::bigint, coalesce(sum(requests), 0)::bigint, coalesce(sum(errors), 0)::bigint,
    coalesce(sum(input_tokens), 0)::bigint, coalesce(sum(output_tokens), 0)::bigint, coalesce(sum(cached_input_tokens), 0)::bigint,
    coalesce(sum(cache_write_tokens), 0)::bigint, coalesce(sum(reasoning_tokens), 0)::bigint, coalesce(sum(cost_nanos), 0)::bigint,
    coalesce(sum(cache_hits), 0)::bigint, coalesce(sum(saved_nanos), 0)::bigint
from used
where ($16::uuid is null or key_id = $16) and ($17::uuid is null or member_id = $17)
group by 1, 2, 3, 4, 5, 6, 7
order by sum(cost_nanos) desc, sum(attempts) desc, 1, 2, 3, 4, 5, 6, 7
limit $18";

/// What the transaction's tenant's rows add up to, in groups. Nothing used is no group.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn sums(tx: &TenantTx, question: &Question<'_>) -> Result<Vec<Group>, Error> {
    let Question { window, steps, by, only, most } = question;
    let (first, behind) = window.ids();
    let (from, to) = window.hours();
    // What no sums know is read row by row.
    let cuts = if by.kinds().is_empty() { window.whole() } else { window.cuts(steps) };
    let ranges: (Vec<Uuid>, Vec<Uuid>) = cuts.iter().map(|cut: &Cut| (cut.first, cut.end)).unzip();
    let hours: Vec<OffsetDateTime> = cuts.iter().map(|cut| cut.hour).collect();
    let has = |dimension| by.has(dimension);
    let model = has(Dimension::Model);
    let rows = tx
        .query(
            SUMS,
            &[
                (&first, Type::UUID),
                (&behind, Type::UUID),
                (&ranges.0, Type::UUID_ARRAY),
                (&ranges.1, Type::UUID_ARRAY),
                (&by.kinds(), Type::TEXT_ARRAY),
                (&from, Type::TIMESTAMPTZ),
                (&to, Type::TIMESTAMPTZ),
                (&hours, Type::TIMESTAMPTZ_ARRAY),
                // Two providers can have a model of one name.
                (&(model || has(Dimension::Provider)), Type::BOOL),
                (&model, Type::BOOL),
                (&has(Dimension::Key), Type::BOOL),
                (&has(Dimension::Member), Type::BOOL),
                (&has(Dimension::Tag), Type::BOOL),
                (&has(Dimension::EndUser), Type::BOOL),
                (&steps.to_vec(), Type::TIMESTAMPTZ_ARRAY),
                (&only.key.as_ref().map(KeyId::as_uuid), Type::UUID),
                (&only.member.as_ref().map(PersonId::as_uuid), Type::UUID),
                (most, Type::INT8),
            ],
        )
        .await?;
    rows.iter().map(group).collect()
}

fn group(row: &Row) -> Result<Group, Error> {
    let (key, member): (Option<Uuid>, Option<Uuid>) = (row.try_get(2)?, row.try_get(3)?);
    let sums = Sums {
        attempts: row.try_get(7)?,
        requests: row.try_get(8)?,
        errors: row.try_get(9)?,
        input_tokens: row.try_get(10)?,
        output_tokens: row.try_get(11)?,
        cached_input_tokens: row.try_get(12)?,
        cache_write_tokens: row.try_get(13)?,
        reasoning_tokens: row.try_get(14)?,
        cost: Nanos(row.try_get(15)?),
        cache_hits: row.try_get(16)?,
        saved: Nanos(row.try_get(17)?),
    };
    Ok(Group {
        provider: row.try_get(0)?,
        model: row.try_get(1)?,
        key: key.map(KeyId::from_uuid),
        member: member.map(PersonId::from_uuid),
        tag: row.try_get(4)?,
        end_user: row.try_get(5)?,
        step: row.try_get(6)?,
        sums,
    })
}

/// The calendar is the database's: it knows the time zones.
const STEPS: &str = "\
select (date_trunc($1, $2::timestamptz at time zone $3) + (i || ' ' || $1)::interval) at time zone $3
from generate_series(1 - $4, 1) i order by i";

/// The boundaries of so many steps of the calendar, the last of which has `now` in it; none where nobody knows the time zone.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn steps(
    tx: &TenantTx,
    (step, count): (&str, i32),
    now: OffsetDateTime,
    time_zone: &str,
) -> Result<Option<Vec<OffsetDateTime>>, Error> {
    let params: super::tx::Params<'_> =
        &[(&step, Type::TEXT), (&now, Type::TIMESTAMPTZ), (&time_zone, Type::TEXT), (&count, Type::INT4)];
    match tx.query(STEPS, params).await {
        Ok(rows) => rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<_>, Error>>().map(Some),
        Err(Error::Refused(error)) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => Ok(None),
        Err(error) => Err(error),
    }
}

const MIDNIGHT: &str = "select $1::date::timestamp at time zone $2";

/// When a day begins in a time zone; none where nobody knows that.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn midnight(tx: &TenantTx, day: Date, time_zone: &str) -> Result<Option<OffsetDateTime>, Error> {
    match tx.query(MIDNIGHT, &[(&day, Type::DATE), (&time_zone, Type::TEXT)]).await {
        Ok(rows) => Ok(rows.first().map(|row| row.try_get(0)).transpose()?),
        Err(Error::Refused(error)) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => Ok(None),
        Err(error) => Err(error),
    }
}

const NAMES: &str = "\
select id, name from api_keys where id = any ($1) union all select id, name from people where id = any ($2)";

/// The names of keys and members, by their ids. Who is no member any more has none.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn names(tx: &TenantTx, keys: Vec<Uuid>, members: Vec<Uuid>) -> Result<HashMap<Uuid, String>, Error> {
    let rows = tx.query(NAMES, &[(&keys, Type::UUID_ARRAY), (&members, Type::UUID_ARRAY)]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
