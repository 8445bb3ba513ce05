//! What a request asks for before its provider is called: of its tenant's item, and of its key's where that has bounds of its own.

use super::{
    policy::{Budget, BudgetScope, LimitRule, LimitScope, Period, Policy},
    window::{Attribute, Resolution, Unit},
};
use crate::{
    tenancy::{KeyId, RequestId, TenantId},
    usage::Nanos,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// Whose item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    /// Each tenant has a partition of its own.
    pub tenant: TenantId,
    /// None: the tenant's own item, where its members' and tags' budgets are too.
    pub key: Option<KeyId>,
}

impl ItemKey {
    const PARTITION: &str = "limits#";
    const TENANT: &str = "tenant";
    const KEY: &str = "key#";

    /// The partition key.
    pub fn partition(&self) -> String {
        format!("{}{}", Self::PARTITION, self.tenant.as_uuid().simple())
    }

    /// The sort key.
    pub fn sort(&self) -> String {
        self.key.map_or_else(|| Self::TENANT.to_owned(), |key| format!("{}{}", Self::KEY, key.as_uuid().simple()))
    }

    /// Reads both.
    pub fn read(partition: &str, sort: &str) -> Option<Self> {
        let id = |text: &str| Uuid::try_parse(text).ok();
        let tenant = TenantId::from_uuid(id(partition.strip_prefix(Self::PARTITION)?)?);
        let key = match sort.strip_prefix(Self::KEY) {
            Some(key) => Some(KeyId::from_uuid(id(key)?)),
            None if sort == Self::TENANT => None,
            None => return None,
        };
        Some(Self { tenant, key })
    }

    /// Under which part of the index of open items it is found.
    pub fn shard(&self) -> u8 {
        self.tenant.as_uuid().as_bytes()[15] % SHARDS
    }
}

/// Into how many parts the index of open items is divided.
pub const SHARDS: u8 = 8;

/// What a request asks for.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// For whom.
    pub tenant: TenantId,
    /// With which key; none for a person.
    pub key: Option<KeyId>,
    /// What bounds the caller.
    pub policy: &'a Policy,
    /// As `provider/model`.
    pub model: &'a str,
    /// What its use is booked under.
    pub tags: &'a [String],
    /// Which request: whatever is asked twice for it is given once.
    pub request: RequestId,
    /// What it may use at most.
    pub worst: Worst,
    /// When the request cannot be running any more, in seconds since 1970.
    pub deadline: u64,
    /// Kept for whoever has to finish what a killed process began.
    pub note: Option<String>,
}

/// What a request may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worst {
    /// Tokens of its prompt, estimated, and of the longest answer.
    pub tokens: u64,
    /// Whether the caller said how long the answer may be. If not, a limit on tokens is never too small for it.
    pub is_bounded: bool,
    /// What it may cost; none: nobody knows.
    pub cost: Option<Nanos>,
}

/// What a request asks of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Which.
    pub item: ItemKey,
    /// Which request.
    pub request: RequestId,
    /// Within a minute.
    pub rates: Vec<Rate>,
    /// At the same time.
    pub flights: Vec<Flight>,
    /// Of money.
    pub charges: Vec<Charge>,
    /// When the item is of no use any more, in seconds since 1970; none: never.
    pub expires_at: Option<u64>,
    /// What stays in the item until the request is settled.
    pub entry: Entry,
}

/// So much within a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Of whom.
    pub scope: LimitScope,
    /// Of what.
    pub unit: Unit,
    /// At most.
    pub limit: i64,
    /// Asked for.
    pub amount: i64,
    /// How finely it is counted.
    pub resolution: Resolution,
    /// Under which moment.
    pub label: i64,
    /// The model's hash if it is only about that; else empty.
    pub model: String,
}

/// So many at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flight {
    /// Of whom.
    pub scope: LimitScope,
    /// At most.
    pub limit: i64,
    /// Where they are counted.
    pub attribute: String,
}

/// So much money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Of which.
    pub budget: Budget,
    /// Where what is spent and reserved of it in this period is counted.
    pub attribute: String,
    /// When the period ends.
    pub resets_at: Option<OffsetDateTime>,
}

/// What a request has of an item until it is settled: enough to settle it without whoever reserved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Entry {
    /// When it cannot be running any more, in seconds since 1970.
    #[serde(rename = "d")]
    pub deadline: u64,
    /// Nano-dollars.
    #[serde(rename = "n")]
    pub cost: i64,
    /// Tokens.
    #[serde(rename = "k")]
    pub tokens: i64,
    /// The attributes of which it has one.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub ones: Vec<String>,
    /// The attributes of which it has its tokens.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<String>,
    /// The attributes of which it has its cost.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<String>,
    /// Whether the key's item has an entry too.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    pub both: bool,
    /// What the caller of this wanted to be kept.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How many entries an item has.
pub const IN_FLIGHT: &str = "f";

/// The attribute of a request's entry.
pub fn entry_attribute(request: RequestId) -> String {
    format!("p{}", request.as_uuid().simple())
}

/// Whose entry an attribute is.
pub fn entry_request(attribute: &str) -> Option<RequestId> {
    let text = attribute.strip_prefix('p').filter(|text| text.len() == 32)?;
    Uuid::try_parse(text).ok().map(RequestId::from_uuid)
}

/// The attribute of a budget's counter in the period of that moment. A new period has a new name, so nothing is ever set back.
pub fn budget_attribute(budget: &Budget, now: OffsetDateTime) -> String {
    format!("c{}.{}", budget.id.as_uuid().simple(), budget.period.name(now))
}

/// Whether a counter is one of a period that ended an hour ago or earlier: no clock is that slow. Of whichever budget, since one that is
/// deleted is in nobody's policy any more.
pub fn is_past(attribute: &str, now: OffsetDateTime) -> bool {
    let name = attribute.strip_prefix('c').and_then(|name| name.split_once('.'));
    let Some((_, name)) = name.filter(|(id, _)| Uuid::try_parse(id).is_ok()) else { return false };
    // Names of one kind are equally long, and sort as their periods do.
    let periods = [Period::Day, Period::Week, Period::Month].map(|period| period.name(now - time::Duration::HOUR));
    periods.iter().any(|current| current.len() == name.len() && name < current.as_str())
}

/// What a request asks of its tenant's item, and of its key's where that has bounds.
pub fn claims(ask: &Ask<'_>, now: OffsetDateTime) -> (Claim, Option<Claim>) {
    let at_ms = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
    let tokens = reserved_tokens(ask);
    let claim_of = |key: Option<KeyId>| {
        let is_of_key = key.is_some();
        let rules: Vec<&LimitRule> =
            ask.policy.limits_on(ask.model).filter(|rule| (rule.scope != LimitScope::Tenant) == is_of_key).collect();
        let budgets = ask.policy.budgets_of(ask.tags);
        let budgets = budgets.filter(|budget| matches!(budget.scope, BudgetScope::Key(_)) == is_of_key);
        let mut claim = Claim {
            item: ItemKey { tenant: ask.tenant, key },
            request: ask.request,
            rates: Vec::new(),
            flights: Vec::new(),
            charges: budgets.map(|budget| charge(budget, now)).collect(),
            expires_at: None,
            entry: Entry {
                deadline: ask.deadline,
                cost: ask.worst.cost.unwrap_or_default().0,
                tokens,
                ..Entry::default()
            },
        };
        rules.into_iter().for_each(|rule| claim.take(rule, tokens, at_ms));
        claim.note_down();
        claim
    };
    let mut tenant = claim_of(None);
    tenant.entry.note.clone_from(&ask.note);
    let key = ask.key.map(|key| claim_of(Some(key))).filter(|claim| !claim.is_empty()).map(|claim| claim.ending(now));
    tenant.entry.both = key.is_some();
    (tenant, key)
}

/// Where the caller leaves the length of the answer open, it is no longer than the limits allow, or nothing could ever be asked without
/// saying it: then the first such request of a minute has all of it.
fn reserved_tokens(ask: &Ask<'_>) -> i64 {
    let tokens = ask.worst.tokens;
    let narrowest = ask.policy.limits_on(ask.model).filter_map(|rule| rule.tokens_per_minute).min();
    let tokens = if ask.worst.is_bounded { tokens } else { narrowest.map_or(tokens, |limit| tokens.min(limit)) };
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

fn charge(budget: &Budget, now: OffsetDateTime) -> Charge {
    Charge { attribute: budget_attribute(budget, now), resets_at: budget.period.ends_at(now), budget: budget.clone() }
}

impl Claim {
    /// Whether it must be refused when nobody can be asked.
    pub fn has_hard_budget(&self) -> bool {
        self.charges.iter().any(|charge| charge.budget.hard)
    }

    fn is_empty(&self) -> bool {
        self.rates.is_empty() && self.flights.is_empty() && self.charges.is_empty()
    }

    fn take(&mut self, rule: &LimitRule, tokens: i64, at_ms: i64) {
        let (scope, resolution) = (&rule.scope, Resolution::of(rule));
        let model = match scope {
            LimitScope::KeyModel { model } => hash(model),
            LimitScope::Tenant | LimitScope::Key => String::new(),
        };
        let mut rate = |unit, limit, amount| {
            let (scope, label, model) = (scope.clone(), resolution.label(at_ms), model.clone());
            self.rates.push(Rate { scope, unit, limit, amount, resolution, label, model });
        };
        if let Some(limit) = rule.requests_per_minute {
            rate(Unit::Requests, i64::from(limit), 1);
        }
        if let Some(limit) = rule.tokens_per_minute {
            rate(Unit::Tokens, i64::try_from(limit).unwrap_or(i64::MAX), tokens);
        }
        if let Some(limit) = rule.concurrency {
            let attribute = if model.is_empty() { IN_FLIGHT.to_owned() } else { format!("{IN_FLIGHT}~{model}") };
            self.flights.push(Flight { scope: scope.clone(), limit: i64::from(limit), attribute });
        }
    }

    /// Names in the entry what the claim adds to.
    fn note_down(&mut self) {
        let of = |unit| self.rates.iter().filter(move |rate| rate.unit == unit).map(Rate::attribute);
        let windows = of(Unit::Tokens).collect();
        let flights = self.flights.iter().map(|flight| flight.attribute.clone()).filter(|name| name != IN_FLIGHT);
        let ones = of(Unit::Requests).chain(flights).collect();
        let budgets = self.charges.iter().map(|charge| charge.attribute.clone()).collect();
        self.entry = Entry { ones, windows, budgets, ..std::mem::take(&mut self.entry) };
    }

    /// Tidies up after a key that is not used any more, unless it has a budget that never begins anew.
    fn ending(mut self, now: OffsetDateTime) -> Self {
        const DAY_S: i64 = 86_400;
        let is_kept = self.charges.iter().any(|charge| charge.resets_at.is_none());
        let ends = self.charges.iter().filter_map(|charge| charge.resets_at).chain([now]).max();
        self.expires_at = ends.filter(|_| !is_kept).and_then(|at| u64::try_from(at.unix_timestamp() + DAY_S).ok());
        self
    }
}

impl Rate {
    /// Where it is counted.
    pub fn attribute(&self) -> String {
        Attribute { unit: self.unit, label: self.label, model: &self.model }.name()
    }
}

/// A model in few characters. Two models of one key that share a hash would share their limit: one pair in four billion.
fn hash(model: &str) -> String {
    Sha256::digest(model.as_bytes()).iter().take(4).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
