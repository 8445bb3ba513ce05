//! What bounds a caller, as the look-ups give it.

use super::{Error, prices};
use crate::{
    cache::settings::{self, CacheRights},
    crypto::kept_answer::Salt,
    limits::policy::{Budget, BudgetScope, LimitRule, LimitScope, Policy},
    tenancy::{BudgetId, KeyId, PersonId, principal::KeyLimits},
    usage::{Nanos, PriceList},
};
use serde::Deserialize;
use tokio_postgres::Row;
use uuid::Uuid;

/// What bounds a caller, what it costs, what the cache does for it, and what opens the answers that are kept for it.
pub(crate) struct Bounds {
    pub(crate) policy: Policy,
    pub(crate) prices: PriceList,
    pub(crate) cache: CacheRights,
    pub(crate) answers: Salt,
}

#[derive(Deserialize)]
struct Found {
    answers: Uuid,
    limits: Vec<Limit>,
    budgets: Vec<Stored>,
    prices: Vec<prices::Found>,
    cache: settings::Found,
}

#[derive(Deserialize)]
struct Limit {
    model: Option<String>,
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u64>,
    concurrency: Option<u32>,
}

#[derive(Deserialize)]
struct Stored {
    id: Uuid,
    key_id: Option<Uuid>,
    member_id: Option<Uuid>,
    tag: Option<String>,
    limit_nanos: i64,
    period: String,
    hard: bool,
}

/// Reads the column of `app.bounds` from a row that has it among others, and adds a key's own limits.
pub(in crate::db) fn read(row: &Row, of_key: KeyLimits) -> Result<Bounds, Error> {
    let unknown = |_| Error::Unexpected("bounds that this version does not know");
    let Found { answers, limits, budgets, prices, cache } =
        serde_json::from_value(row.try_get("bounds")?).map_err(unknown)?;
    let rules = limits.into_iter().map(Limit::rule).chain([own(of_key)]);
    let policy = Policy::new(rules, budgets.into_iter().map(Stored::budget).collect::<Result<_, _>>()?);
    let prices = prices.into_iter().map(prices::Found::price).collect::<Result<_, _>>()?;
    Ok(Bounds {
        policy,
        prices: PriceList::new(prices),
        cache: CacheRights::new(row.try_get("cache_prompts")?, &cache),
        answers: Salt::new(answers),
    })
}

/// What a key was given. The database has no limit below one.
fn own(limits: KeyLimits) -> LimitRule {
    LimitRule {
        scope: LimitScope::Key,
        requests_per_minute: limits.requests_per_minute.map(i32::unsigned_abs),
        tokens_per_minute: limits.tokens_per_minute.map(i64::unsigned_abs),
        concurrency: limits.concurrency.map(i32::unsigned_abs),
    }
}

impl Limit {
    fn rule(self) -> LimitRule {
        LimitRule {
            scope: self.model.map_or(LimitScope::Tenant, |model| LimitScope::KeyModel { model }),
            requests_per_minute: self.requests_per_minute,
            tokens_per_minute: self.tokens_per_minute,
            concurrency: self.concurrency,
        }
    }
}

impl Stored {
    fn budget(self) -> Result<Budget, Error> {
        let period = self.period.parse().map_err(|_| Error::Unexpected("a period that this version does not know"))?;
        let scope = scope(self.key_id, self.member_id, self.tag);
        Ok(Budget { id: BudgetId::from_uuid(self.id), scope, limit: Nanos(self.limit_nanos), period, hard: self.hard })
    }
}

/// Whose spending it is about: the database has at most one of the three.
pub(in crate::db) fn scope(key: Option<Uuid>, member: Option<Uuid>, tag: Option<String>) -> BudgetScope {
    match (key, member, tag) {
        (Some(key), ..) => BudgetScope::Key(KeyId::from_uuid(key)),
        (None, Some(person), _) => BudgetScope::Member(PersonId::from_uuid(person)),
        (None, None, Some(tag)) => BudgetScope::Tag(tag),
        (None, None, None) => BudgetScope::Tenant,
    }
}
