//! What a tenant's administrators see of its cache, and take out of it. No contents: their role may not read those.

use super::{Error, TenantTx, cache_trials::mode, tx::Params};
use crate::{
    cache::trust::{Record, Samples},
    tenancy::CacheEntryId,
    usage::{Nanos, report::Window},
};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

/// How many entries go in one statement.
const AT_A_TIME: i64 = 5_000;

/// What may be known of an entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EntryInfo {
    pub(crate) id: CacheEntryId,
    /// The hash of all that must be equal.
    pub(crate) namespace: Vec<u8>,
    /// The caller's own name for its part of the cache.
    pub(crate) part: Option<String>,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) created_at: OffsetDateTime,
    /// Until when each tier may answer with it.
    pub(crate) exact_until: OffsetDateTime,
    pub(crate) canonical_until: Option<OffsetDateTime>,
    pub(crate) similar_until: Option<OffsetDateTime>,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) bytes: i32,
    pub(crate) cost: Nanos,
    pub(crate) hits: i64,
    pub(crate) last_hit_at: Option<OffsetDateTime>,
    pub(crate) quarantined_at: Option<OffsetDateTime>,
}

/// Which entries are meant. All that are named must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) namespace: Option<[u8; 32]>,
    pub(crate) part: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
}

macro_rules! entries {
    ($rest:literal) => {
        concat!(
            "select id, namespace, part, provider, model, created_at, exact_until, canonical_until, similar_until, expires_at, bytes, ",
            "cost_nanos, hits, last_hit_at, quarantined_at from cache_entries ",
            $rest
        )
    };
}

/// The transaction's tenant's entries, newest first, from before one of them on.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn list(
    tx: &TenantTx,
    filter: &Filter,
    before: Option<CacheEntryId>,
    most: i64,
) -> Result<Vec<EntryInfo>, Error> {
    let statement = entries!(
        "where ($1::bytea is null or namespace = $1) and ($2::text is null or part = $2) and ($3::text is null or provider = $3) \
         and ($4::text is null or model = $4) and ($5::uuid is null or id < $5) order by id desc limit $6"
    );
    let namespace = filter.namespace.as_ref().map(|hash| &hash[..]);
    let before = before.as_ref().map(CacheEntryId::as_uuid);
    let params: Params<'_> = &[
        (&namespace, Type::BYTEA),
        (&filter.part, Type::TEXT),
        (&filter.provider, Type::TEXT),
        (&filter.model, Type::TEXT),
        (&before, Type::UUID),
        (&most, Type::INT8),
    ];
    tx.query(statement, params).await?.iter().map(read_entry).collect()
}

/// One of the transaction's tenant's entries.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn read(tx: &TenantTx, id: CacheEntryId) -> Result<Option<EntryInfo>, Error> {
    let rows = tx.query(entries!("where id = $1"), &[(id.as_uuid(), Type::UUID)]).await?;
    rows.first().map(read_entry).transpose()
}

/// Deletes one of the transaction's tenant's entries, and its vector. Says whether there was one.
///
/// # Errors
/// [`Error`]; nothing was deleted then.
pub(crate) async fn delete(tx: &TenantTx, id: CacheEntryId) -> Result<bool, Error> {
    let rows = tx.query("delete from cache_entries where id = $1 returning id", &[(id.as_uuid(), Type::UUID)]).await?;
    Ok(!rows.is_empty())
}

/// Deletes all of the transaction's tenant's entries that fit, and their vectors. Says how many they were.
///
/// # Errors
/// [`Error`]; nothing was deleted then.
pub(crate) async fn delete_all(tx: &TenantTx, filter: &Filter) -> Result<u64, Error> {
    const STATEMENT: &str = "\
        with gone as ( \
            delete from cache_entries where id in ( \
                select id from cache_entries where ($1::bytea is null or namespace = $1) and ($2::text is null or part = $2) \
                and ($3::text is null or provider = $3) and ($4::text is null or model = $4) order by id limit $5) returning 1 \
        ) select count(*) from gone";
    let namespace = filter.namespace.as_ref().map(|hash| &hash[..]);
    let params: Params<'_> = &[
        (&namespace, Type::BYTEA),
        (&filter.part, Type::TEXT),
        (&filter.provider, Type::TEXT),
        (&filter.model, Type::TEXT),
        (&AT_A_TIME, Type::INT8),
    ];
    let mut deleted = 0;
    loop {
        let gone = number(tx.query(STATEMENT, params).await?.first(), 0)?;
        deleted += gone.unsigned_abs();
        if gone < AT_A_TIME {
            return Ok(deleted);
        }
    }
}

/// Takes an entry's answer away for good, and the vector by which similar prompts would find it. Says whether it was there: a second time
/// changes nothing.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn quarantine(tx: &TenantTx, id: CacheEntryId, at: OffsetDateTime) -> Result<bool, Error> {
    let statement = "\
        update cache_entries set ciphertext = null, quarantined_at = $2 where id = $1 and quarantined_at is null returning id";
    let rows = tx.query(statement, &[(id.as_uuid(), Type::UUID), (&at, Type::TIMESTAMPTZ)]).await?;
    tx.query("delete from cache_vectors where entry_id = $1", &[(id.as_uuid(), Type::UUID)]).await?;
    Ok(!rows.is_empty())
}

/// What there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stock {
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
    /// Those that may answer similar prompts.
    pub(crate) similar: i64,
    pub(crate) quarantined: i64,
}

/// What the transaction's tenant has.
///
/// # Errors
/// [`Error`] when it cannot be counted.
pub(crate) async fn stock(tx: &TenantTx, now: OffsetDateTime) -> Result<Stock, Error> {
    let statement = "\
        select count(*), coalesce(sum(bytes), 0)::bigint, count(*) filter (where similar_until > $1 and quarantined_at is null), \
        count(*) filter (where quarantined_at is not null) from cache_entries where expires_at > $1";
    let rows = tx.query(statement, &[(&now, Type::TIMESTAMPTZ)]).await?;
    let row = rows.first();
    Ok(Stock {
        entries: number(row, 0)?,
        bytes: number(row, 1)?,
        similar: number(row, 2)?,
        quarantined: number(row, 3)?,
    })
}

/// What the cache did in a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) exact: i64,
    pub(crate) canonical: i64,
    pub(crate) semantic: i64,
    pub(crate) misses: i64,
    pub(crate) bypasses: i64,
    pub(crate) audits: i64,
    pub(crate) saved: Nanos,
    pub(crate) audited: Nanos,
    /// What the vectors cost that a provider made for it.
    pub(crate) embedded: Nanos,
    pub(crate) saved_ms: i64,
}

/// Sums where there are sums, and rows where they are not in them yet. One statement, so a row that is being added up is seen once.
const SUMS: &str = "\
with noted as (
    select e.* from usage_events_new n cross join lateral (
        select e.request_id, e.cache, e.cost_nanos, e.saved_nanos, e.saved_ms
        from usage_events e where e.tenant_id = n.tenant_id and e.request_id = n.request_id and e.attempt = n.attempt
        offset 0
    ) e
    where n.request_id >= $3 and n.request_id < $4
), used as (
    select hour as at, cache_hits - cache_canonical_hits - cache_semantic_hits as exact, cache_canonical_hits as canonical,
        cache_semantic_hits as semantic, cache_misses as misses, cache_bypasses as bypasses, cache_audits as audits, saved_nanos,
        audit_nanos, embedding_nanos, saved_ms
    from usage_hours where kind = 'all' and hour >= $1 and hour < $2
    union all
    select app.request_time(request_id), (cache = 'hit')::integer, (cache = 'canonical_hit')::integer, (cache = 'semantic_hit')::integer,
        (cache = 'miss')::integer, (cache = 'bypass')::integer, (cache = 'audit')::integer, saved_nanos,
        case when cache = 'audit' then cost_nanos else 0 end, case when cache = 'embedding' then cost_nanos else 0 end, coalesce(saved_ms, 0)
    from noted where cache is not null
)
select width_bucket(at, $5::timestamptz[]), coalesce(sum(exact), 0)::bigint, coalesce(sum(canonical), 0)::bigint,
    coalesce(sum(semantic), 0)::bigint, coalesce(sum(misses), 0)::bigint, coalesce(sum(bypasses), 0)::bigint,
    coalesce(sum(audits), 0)::bigint, coalesce(sum(saved_nanos), 0)::bigint, coalesce(sum(audit_nanos), 0)::bigint,
    coalesce(sum(saved_ms), 0)::bigint, coalesce(sum(embedding_nanos), 0)::bigint
from used group by 1";

/// What the transaction's tenant's cache did, by the step of the window in which it was. The steps are whole hours, their ends included.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn sums(tx: &TenantTx, window: &Window, steps: &[OffsetDateTime]) -> Result<Vec<(i32, Sums)>, Error> {
    let (first, behind) = window.ids();
    let steps = steps.to_vec();
    let params: Params<'_> = &[
        (&window.from, Type::TIMESTAMPTZ),
        (&window.to, Type::TIMESTAMPTZ),
        (&first, Type::UUID),
        (&behind, Type::UUID),
        (&steps, Type::TIMESTAMPTZ_ARRAY),
    ];
    let read = |row: &Row| {
        let sums = Sums {
            exact: row.try_get(1)?,
            canonical: row.try_get(2)?,
            semantic: row.try_get(3)?,
            misses: row.try_get(4)?,
            bypasses: row.try_get(5)?,
            audits: row.try_get(6)?,
            saved: Nanos(row.try_get(7)?),
            audited: Nanos(row.try_get(8)?),
            saved_ms: row.try_get(9)?,
            embedded: Nanos(row.try_get(10)?),
        };
        Ok((row.try_get(0)?, sums))
    };
    tx.query(SUMS, params).await?.iter().map(read).collect()
}

/// Comparisons of one kind in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) step: i32,
    pub(crate) kind: String,
    pub(crate) compared: i64,
    pub(crate) wrong: i64,
}

/// What was compared in the transaction's tenant, by step and kind.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn compared(tx: &TenantTx, window: &Window, steps: &[OffsetDateTime]) -> Result<Vec<Compared>, Error> {
    let statement = "\
        select width_bucket(hour, $3::timestamptz[]) as step, kind, sum(compared)::bigint as compared, sum(wrong)::bigint as wrong \
        from cache_trial_hours where hour >= $1 and hour < $2 group by 1, 2";
    let steps = steps.to_vec();
    let params: Params<'_> =
        &[(&window.from, Type::TIMESTAMPTZ), (&window.to, Type::TIMESTAMPTZ), (&steps, Type::TIMESTAMPTZ_ARRAY)];
    let read = |row: &Row| {
        Ok(Compared {
            step: row.try_get("step")?,
            kind: row.try_get("kind")?,
            compared: row.try_get("compared")?,
            wrong: row.try_get("wrong")?,
        })
    };
    tx.query(statement, params).await?.iter().map(read).collect()
}

/// The transaction's tenant's record, and since when it is in its mode; none where nothing was ever compared.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn trust(tx: &TenantTx) -> Result<Option<(Record, OffsetDateTime)>, Error> {
    let rows = tx.query("select mode, compared, wrong, since from cache_trust", &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let count = |name| row.try_get(name).map(i32::unsigned_abs);
    let samples = Samples { compared: count("compared")?, wrong: count("wrong")? };
    Ok(Some((Record { mode: mode(row.try_get("mode")?)?, samples }, row.try_get("since")?)))
}

/// One answer that was wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) at: OffsetDateTime,
    pub(crate) entry: CacheEntryId,
    pub(crate) kind: String,
    pub(crate) reasons: Vec<String>,
    pub(crate) similarity: Option<f32>,
}

/// The last so many that were wrong in the transaction's tenant.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn last_wrong(tx: &TenantTx, most: i64) -> Result<Vec<Wrong>, Error> {
    let statement = "select at, entry_id, kind, reasons, similarity from cache_errors order by id desc limit $1";
    let read = |row: &Row| {
        Ok(Wrong {
            at: row.try_get("at")?,
            entry: CacheEntryId::from_uuid(row.try_get::<_, Uuid>("entry_id")?),
            kind: row.try_get("kind")?,
            reasons: row.try_get("reasons")?,
            similarity: row.try_get("similarity")?,
        })
    };
    tx.query(statement, &[(&most, Type::INT8)]).await?.iter().map(read).collect()
}

fn number(row: Option<&Row>, column: usize) -> Result<i64, Error> {
    Ok(row.ok_or(Error::Unexpected("no count"))?.try_get(column)?)
}

fn read_entry(row: &Row) -> Result<EntryInfo, Error> {
    Ok(EntryInfo {
        id: CacheEntryId::from_uuid(row.try_get("id")?),
        namespace: row.try_get("namespace")?,
        part: row.try_get("part")?,
        provider: row.try_get("provider")?,
        model: row.try_get("model")?,
        created_at: row.try_get("created_at")?,
        exact_until: row.try_get("exact_until")?,
        canonical_until: row.try_get("canonical_until")?,
        similar_until: row.try_get("similar_until")?,
        expires_at: row.try_get("expires_at")?,
        bytes: row.try_get("bytes")?,
        cost: Nanos(row.try_get("cost_nanos")?),
        hits: row.try_get("hits")?,
        last_hit_at: row.try_get("last_hit_at")?,
        quarantined_at: row.try_get("quarantined_at")?,
    })
}
