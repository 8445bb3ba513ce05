//! What bounds a caller: limits and budgets as they are defined. What is counted against them is elsewhere.

use crate::{
    tenancy::{BudgetId, KeyId, PersonId, standing::words},
    usage::Nanos,
};
use std::{fmt, str::FromStr};
use time::{Date, Duration, OffsetDateTime, Time};

/// How many budgets a tenant has at most. The same as the trigger's in the database.
pub const MAX_BUDGETS: usize = 100;
/// On how many budgets one request may draw. Each is a part of one write, and DynamoDB takes so many of them and no more: what is asked
/// of one item is at most four kilobytes of text and three hundred operators.
pub const MAX_CHARGES: usize = 40;
/// How many limits a tenant has at most, those of its keys with a model among them. The same as the trigger's in the database.
pub const MAX_LIMITS: usize = 200;

/// All that bounds one caller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    limits: Vec<LimitRule>,
    budgets: Vec<Budget>,
}

/// How much may be asked for at a time; none: as much as one likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRule {
    /// Of whom.
    pub scope: LimitScope,
    /// Requests that begin within a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens of prompts and answers within a minute.
    pub tokens_per_minute: Option<u64>,
    /// Requests at the same time.
    pub concurrency: Option<u32>,
}

/// What a limit is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LimitScope {
    /// All that the caller's tenant asks for.
    Tenant,
    /// All that the caller's key asks for.
    Key,
    /// What the caller's key asks of one model.
    KeyModel {
        /// As `provider/model`.
        model: String,
    },
}

/// How much may be spent in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Which.
    pub id: BudgetId,
    /// On whose account.
    pub scope: BudgetScope,
    /// How much.
    pub limit: Nanos,
    /// In what time.
    pub period: Period,
    /// Whether spending ends there, or is only told of.
    pub hard: bool,
}

/// Whose spending a budget is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BudgetScope {
    /// All of the tenant's.
    Tenant,
    /// One key's.
    Key(KeyId),
    /// One person's: what they ask for themselves, and what their keys ask for.
    Member(PersonId),
    /// What is booked under a tag.
    Tag(String),
}

/// A stretch of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
    /// Ever.
    Total,
}

words!(Period: Day = "day", Week = "week", Month = "month", Total = "total");

/// What is spent of a budget in its period, and what is set aside for requests that are still running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spending {
    /// By requests that have ended.
    pub spent: Nanos,
    /// For requests that have not.
    pub reserved: Nanos,
}

impl Policy {
    /// Of these. Two limits of the same scope become one, the narrower of both.
    pub fn new(rules: impl IntoIterator<Item = LimitRule>, budgets: Vec<Budget>) -> Self {
        let mut limits: Vec<LimitRule> = Vec::new();
        for rule in rules.into_iter().filter(|rule| !rule.is_unlimited()) {
            match limits.iter_mut().find(|one| one.scope == rule.scope) {
                Some(one) => one.narrow(&rule),
                None => limits.push(rule),
            }
        }
        Self { limits, budgets }
    }

    /// The limits that a request for this model, as `provider/model`, is under.
    pub fn limits_on<'a>(&'a self, model: &'a str) -> impl Iterator<Item = &'a LimitRule> {
        self.limits.iter().filter(move |rule| match &rule.scope {
            LimitScope::KeyModel { model: limited } => limited == model,
            LimitScope::Tenant | LimitScope::Key => true,
        })
    }

    /// The budgets that a request with these tags draws on.
    pub fn budgets_of<'a>(&'a self, tags: &'a [String]) -> impl Iterator<Item = &'a Budget> {
        self.budgets.iter().filter(move |budget| match &budget.scope {
            BudgetScope::Tag(tag) => tags.contains(tag),
            BudgetScope::Tenant | BudgetScope::Key(_) | BudgetScope::Member(_) => true,
        })
    }

    /// All limits, whatever the model.
    pub fn limits(&self) -> &[LimitRule] {
        &self.limits
    }

    /// All budgets of the caller's tenant, key and member, and of whatever tag.
    pub fn budgets(&self) -> &[Budget] {
        &self.budgets
    }
}

impl LimitRule {
    fn is_unlimited(&self) -> bool {
        self.requests_per_minute.is_none() && self.tokens_per_minute.is_none() && self.concurrency.is_none()
    }

    fn narrow(&mut self, other: &Self) {
        self.requests_per_minute = lower(self.requests_per_minute, other.requests_per_minute);
        self.tokens_per_minute = lower(self.tokens_per_minute, other.tokens_per_minute);
        self.concurrency = lower(self.concurrency, other.concurrency);
    }
}

fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// As a refusal names it.
impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => f.write_str("the tenant"),
            Self::Key(key) => write!(f, "the key {key}"),
            Self::Member(person) => write!(f, "the member {person}"),
            Self::Tag(tag) => write!(f, "the tag `{tag}`"),
        }
    }
}

impl Period {
    /// When the period of that moment began; none for the one that always was.
    pub fn starts_at(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let today = now.to_offset(time::UtcOffset::UTC).date();
        let first = match self {
            Self::Day => Some(today),
            Self::Week => today.checked_sub(Duration::days(i64::from(today.weekday().number_days_from_monday()))),
            Self::Month => today.replace_day(1).ok(),
            Self::Total => None,
        };
        first.map(midnight)
    }

    /// When the period of that moment ends and everything begins anew; none for the one that always will be.
    pub fn ends_at(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let first = self.starts_at(now)?.date();
        let next = match self {
            Self::Day => first.next_day(),
            Self::Week => first.checked_add(Duration::WEEK),
            Self::Month => {
                let year = if first.month() == time::Month::December { first.year() + 1 } else { first.year() };
                Date::from_calendar_date(year, first.month().next(), 1).ok()
            }
            Self::Total => None,
        };
        next.map(midnight)
    }

    /// What the period of that moment is called: `2026-11-22`, `2026-W47`, `2026-11`, `total`. No two periods of a kind share a name.
    pub fn name(self, now: OffsetDateTime) -> String {
        let today = now.to_offset(time::UtcOffset::UTC).date();
        let (year, month, day) = today.to_calendar_date();
        match self {
            Self::Day => format!("{year:04}-{:02}-{day:02}", u8::from(month)),
            Self::Week => {
                let (year, week, _) = today.to_iso_week_date();
                format!("{year:04}-W{week:02}")
            }
            Self::Month => format!("{year:04}-{:02}", u8::from(month)),
            Self::Total => "total".into(),
        }
    }
}

fn midnight(date: Date) -> OffsetDateTime {
    date.with_time(Time::MIDNIGHT).assume_utc()
}

impl Spending {
    /// What counts against the limit.
    pub fn committed(self) -> Nanos {
        Nanos(self.spent.0.saturating_add(self.reserved.0))
    }
}

#[cfg(test)]
mod tests;
