//! What a request asks for before its provider is called: of its tenant's item, and of its key's where that has bounds of its own.

mod entry;
mod part;

pub use entry::{BYTES, Entry, IN_FLIGHT, MOST_BYTES, entry_attribute, entry_request};

use self::part::{Freedom, Part};
use super::{
    policy::{Budget, LimitRule, LimitScope, Period, Policy},
    slices,
    window::{Attribute, Resolution, Unit},
};
use crate::{
    tenancy::{BudgetId, KeyId, RequestId, TenantId},
    usage::Nanos,
};
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
    /// Which of its slices, each of which has a partition of its own.
    pub slice: u16,
}

impl ItemKey {
    const PARTITION: &str = "limits#";
    const TENANT: &str = "tenant";
    const KEY: &str = "key#";

    /// The item of a tenant, or of one of its keys; of several slices the first.
    pub fn new(tenant: TenantId, key: Option<KeyId>) -> Self {
        Self { tenant, key, slice: 0 }
    }

    /// A slice of the same item.
    #[must_use]
    pub fn slice(self, slice: u16) -> Self {
        Self { slice, ..self }
    }

    /// The partition key.
    pub fn partition(&self) -> String {
        let mut text = format!("{}{}", Self::PARTITION, self.tenant.as_uuid().simple());
        if self.slice > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "#{}", self.slice);
        }
        text
    }

    /// The sort key.
    pub fn sort(&self) -> String {
        self.key.map_or_else(|| Self::TENANT.to_owned(), |key| format!("{}{}", Self::KEY, key.as_uuid().simple()))
    }

    /// Reads both.
    pub fn read(partition: &str, sort: &str) -> Option<Self> {
        let id = |text: &str| Uuid::try_parse(text).ok();
        let partition = partition.strip_prefix(Self::PARTITION)?;
        let (tenant, slice) = partition.split_once('#').unwrap_or((partition, "0"));
        let (tenant, slice) = (TenantId::from_uuid(id(tenant)?), slice.parse().ok()?);
        let key = match sort.strip_prefix(Self::KEY) {
            Some(key) => Some(KeyId::from_uuid(id(key)?)),
            None if sort == Self::TENANT => None,
            None => return None,
        };
        Some(Self { tenant, key, slice })
    }

    /// Under which part of the index of open items it is found.
    pub fn shard(&self) -> u8 {
        let [.., slice] = self.slice.to_be_bytes();
        self.tenant.as_uuid().as_bytes()[15].wrapping_add(slice) % SHARDS
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
    /// Of how many slices it is one.
    pub slices: u16,
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
    /// At most: this slice's share.
    pub limit: i64,
    /// At most in all slices.
    pub whole: i64,
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
    /// At most: this slice's share.
    pub limit: i64,
    /// At most in all slices.
    pub whole: i64,
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

/// Of a counter that never begins anew, its budget.
pub fn never_past(attribute: &str) -> Option<BudgetId> {
    let (id, period) = attribute.strip_prefix('c')?.split_once('.')?;
    let is_total = period == Period::Total.as_str();
    Uuid::try_parse(id).ok().filter(|_| is_total).map(BudgetId::from_uuid)
}

/// What a request asks of its tenant's item, and of its key's where that has bounds. `choose` says which slice it asks where it is free to
/// ask any: of the item, and of how many.
pub fn claims(ask: &Ask<'_>, now: OffsetDateTime, choose: impl Fn(ItemKey, u16) -> u16) -> (Claim, Option<Claim>) {
    let at_ms = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
    let tenants = Part::of(ask, None);
    let keys = ask.key.map(|key| Part::of(ask, Some(key)));
    let tokens = reserved_tokens(ask, [Some(&tenants), keys.as_ref()]);
    let claim_of = |part: Part<'_>| {
        let slice = match part.freedom {
            Freedom::None => 0,
            Freedom::Shares => choose(part.item, part.slices),
            Freedom::Unbound => slices::first_choice(ask.request, slices::UNBOUND),
        };
        let mut claim = Claim {
            item: part.item.slice(slice),
            slices: part.slices,
            request: ask.request,
            rates: Vec::new(),
            flights: Vec::new(),
            charges: part.budgets.iter().map(|budget| charge(budget, now)).collect(),
            expires_at: None,
            entry: Entry {
                deadline: ask.deadline,
                cost: ask.worst.cost.unwrap_or_default().0,
                tokens,
                ..Entry::default()
            },
        };
        part.rules.into_iter().for_each(|(rule, count)| claim.take(rule, count, tokens, at_ms));
        claim.note_down();
        claim
    };
    let mut tenant = claim_of(tenants);
    tenant.entry.note.clone_from(&ask.note);
    let mut key = keys.map(claim_of).filter(|claim| !claim.is_empty()).map(|claim| claim.ending(now));
    tenant.entry.both = key.is_some();
    if let Some(key) = &mut key {
        (tenant.entry.other, key.entry.other) = (key.item.slice, tenant.item.slice);
        key.entry.weigh();
    }
    tenant.entry.weigh();
    (tenant, key)
}

/// Where the caller leaves the length of the answer open, it is no longer than the limits allow, or nothing could ever be asked without
/// saying it: then the first such request of a minute has all of it.
fn reserved_tokens(ask: &Ask<'_>, parts: [Option<&Part<'_>>; 2]) -> i64 {
    let tokens = i64::try_from(ask.worst.tokens).unwrap_or(i64::MAX);
    if ask.worst.is_bounded {
        return tokens;
    }
    let rules = parts.into_iter().flatten().flat_map(|part| &part.rules);
    // The last share is the smallest.
    let limits = rules.filter_map(|(rule, count)| {
        let limit = i64::try_from(rule.tokens_per_minute?).unwrap_or(i64::MAX);
        Some(slices::share(limit, count.saturating_sub(1), *count))
    });
    limits.min().map_or(tokens, |limit| tokens.min(limit))
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

    /// Adds a limit, of which this slice has a share if it is shared out.
    fn take(&mut self, rule: &LimitRule, count: u16, tokens: i64, at_ms: i64) {
        let (scope, resolution, slice) = (&rule.scope, Resolution::of(rule), self.item.slice);
        let model = match scope {
            LimitScope::KeyModel { model } => hash(model),
            LimitScope::Tenant | LimitScope::Key => String::new(),
        };
        let mut rate = |unit, whole, amount| {
            let (scope, label, model) = (scope.clone(), resolution.label(at_ms), model.clone());
            let limit = slices::share(whole, slice, count);
            self.rates.push(Rate { scope, unit, limit, whole, amount, resolution, label, model });
        };
        if let Some(limit) = rule.requests_per_minute {
            rate(Unit::Requests, i64::from(limit), 1);
        }
        if let Some(limit) = rule.tokens_per_minute {
            rate(Unit::Tokens, i64::try_from(limit).unwrap_or(i64::MAX), tokens);
        }
        if let Some(limit) = rule.concurrency {
            let attribute = if model.is_empty() { IN_FLIGHT.to_owned() } else { format!("{IN_FLIGHT}~{model}") };
            let (scope, whole) = (scope.clone(), i64::from(limit));
            self.flights.push(Flight { scope, limit: slices::share(whole, slice, count), whole, attribute });
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
