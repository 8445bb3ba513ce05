//! What somebody should know of soon: a budget that is used up, limits that nobody counts, spending that is not as usual. Pure; where it is
//! told is [`sink`].

pub mod sink;

use crate::{
    limits::{
        policy::{BudgetScope, Period, Spending},
        verdict::OverBudget,
    },
    tenancy::TenantId,
    usage::Nanos,
};
use serde_json::{Value, json};
use std::time::Duration;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Who says so on the bus, where a deployment has no name of its own.
pub const SOURCE: &str = "supergate";
/// For how long limits that nobody counts are not told of again.
const UNCOUNTED_EVERY: Duration = Duration::from_secs(300);
/// An alert of a budget without an end is not told of again for so long.
const LONG: Duration = Duration::from_secs(400 * 86_400);
/// How many times the dearest hour of the days before an hour must cost to be unusual, and how much at least.
pub const UNUSUAL_TIMES: i64 = 5;
/// See [`UNUSUAL_TIMES`].
pub const UNUSUAL_FROM: Nanos = Nanos(5_000_000_000);

/// Something that somebody should know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alert {
    /// A soft budget is used up: requests go on.
    BudgetUsedUp {
        /// Whose.
        tenant: TenantId,
        /// Which.
        budget: BudgetState,
    },
    /// A hard budget refuses requests.
    BudgetRefuses {
        /// Whose.
        tenant: TenantId,
        /// Which.
        budget: BudgetState,
    },
    /// The table of limits does not answer: each process keeps count for itself, and hard budgets are closed.
    LimitsUncounted,
    /// The cache answers similar prompts of a tenant from now on, or does not any more because too many of its answers were wrong.
    CacheTrust {
        /// Whose.
        tenant: TenantId,
        /// Whether it does.
        serves: bool,
        /// Since when.
        at: OffsetDateTime,
    },
    /// A tenant spent far more in an hour than in any of the days before.
    SpendingUnusual {
        /// Whose.
        tenant: TenantId,
        /// The hour's beginning.
        hour: OffsetDateTime,
        /// In that hour.
        spent: Nanos,
        /// In the dearest hour before.
        usual: Nanos,
    },
}

/// A budget as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetState {
    /// Of the budget and its period, as it is counted.
    pub counter: String,
    /// Whose spending.
    pub scope: BudgetScope,
    /// In what time.
    pub period: Period,
    /// How much.
    pub limit: Nanos,
    /// What became of it.
    pub spending: Spending,
    /// What the request that came upon it may cost; none: it was no request.
    pub asked: Option<Nanos>,
    /// When everything begins anew.
    pub resets_at: Option<OffsetDateTime>,
}

impl From<&OverBudget> for BudgetState {
    fn from(over: &OverBudget) -> Self {
        Self {
            counter: over.attribute.clone(),
            scope: over.scope.clone(),
            period: over.period,
            limit: over.limit,
            spending: over.spending,
            asked: Some(over.worst),
            resets_at: over.resets_at,
        }
    }
}

impl Alert {
    /// What kind it is, as rules on the bus name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BudgetUsedUp { .. } => "budget.used_up",
            Self::BudgetRefuses { .. } => "budget.refuses",
            Self::LimitsUncounted => "limits.uncounted",
            Self::CacheTrust { serves: true, .. } => "cache.trusted",
            Self::CacheTrust { serves: false, .. } => "cache.distrusted",
            Self::SpendingUnusual { .. } => "spending.unusual",
        }
    }

    /// Whether a hard budget refuses a request although it is far from used up: the request is large.
    fn refuses_early(&self) -> bool {
        let Self::BudgetRefuses { budget, .. } = self else { return false };
        let taken = budget.spending.spent.0.saturating_add(budget.spending.reserved.0);
        taken < budget.limit.0 / 10 * 9
    }

    /// What is told. No prompt, no key, no name that a person chose.
    pub fn detail(&self) -> Value {
        match self {
            Self::BudgetUsedUp { tenant, budget } | Self::BudgetRefuses { tenant, budget } => json!({
                "tenant_id": tenant.to_string(),
                "scope": scope(&budget.scope),
                "period": budget.period.as_str(),
                "limit_usd": budget.limit.as_usd(),
                "spent_usd": budget.spending.spent.as_usd(),
                "reserved_usd": budget.spending.reserved.as_usd(),
                "asked_usd": budget.asked.map(Nanos::as_usd),
                "resets_at": budget.resets_at.map(moment),
            }),
            Self::LimitsUncounted => json!({}),
            Self::CacheTrust { tenant, at, .. } => json!({ "tenant_id": tenant.to_string(), "since": moment(*at) }),
            Self::SpendingUnusual { tenant, hour, spent, usual } => json!({
                "tenant_id": tenant.to_string(),
                "hour": moment(*hour),
                "spent_usd": spent.as_usd(),
                "usual_usd": usual.as_usd(),
            }),
        }
    }

    /// What it is told of once, and for how long it is not told of again.
    pub fn once(&self, now: OffsetDateTime) -> (String, Duration) {
        match self {
            Self::BudgetUsedUp { tenant, budget } | Self::BudgetRefuses { tenant, budget } => {
                let left = budget.resets_at.and_then(|at| Duration::try_from(at - now).ok());
                // With another limit it is another budget to be used up. That one large request did not fit says nothing of how it ends.
                let early = if self.refuses_early() { "#early" } else { "" };
                let key = format!("{}#{tenant}#{}#{}{early}", self.name(), budget.counter, budget.limit.0);
                (key, left.unwrap_or(LONG))
            }
            Self::LimitsUncounted => (self.name().into(), UNCOUNTED_EVERY),
            Self::CacheTrust { tenant, at, .. } => {
                (format!("{}#{tenant}#{}", self.name(), at.unix_timestamp_nanos()), Duration::from_secs(86_400))
            }
            Self::SpendingUnusual { tenant, hour, .. } => {
                (format!("{}#{tenant}#{}", self.name(), hour.unix_timestamp()), Duration::from_secs(7 * 86_400))
            }
        }
    }
}

/// As `/v1/budgets` has it.
fn scope(scope: &BudgetScope) -> Value {
    match scope {
        BudgetScope::Tenant => json!({}),
        BudgetScope::Key(key) => json!({ "key_id": key.to_string() }),
        BudgetScope::Member(person) => json!({ "member_id": person.to_string() }),
        BudgetScope::Tag(tag) => json!({ "tag": tag }),
    }
}

fn moment(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn an_alert_says_what_happened_and_once() {
        let tenant = TenantId::generate(Duration::from_secs(1));
        let now = datetime!(2026-11-22 12:00 UTC);
        let budget = |period, resets_at| BudgetState {
            counter: "c1.2026-11".into(),
            scope: BudgetScope::Tag("team:search".into()),
            period,
            limit: Nanos(2_000_000_000),
            spending: Spending { spent: Nanos(2_100_000_000), reserved: Nanos(0) },
            asked: None,
            resets_at,
        };
        let monthly = || budget(Period::Month, Some(datetime!(2026-12-01 00:00 UTC)));
        #[rustfmt::skip]
        let table = [
            (Alert::BudgetUsedUp { tenant, budget: monthly() },  "budget.used_up",   Duration::from_secs(8 * 86_400 + 12 * 3600), "until the period ends"),
            (Alert::BudgetRefuses { tenant, budget: budget(Period::Total, None) }, "budget.refuses", LONG, "what never ends is told of once"),
            (Alert::CacheTrust { tenant, serves: false, at: now }, "cache.distrusted", Duration::from_secs(86_400), "each change by itself"),
            (Alert::LimitsUncounted,                             "limits.uncounted", UNCOUNTED_EVERY, "as long as it lasts"),
            (Alert::SpendingUnusual { tenant, hour: now, spent: Nanos(1), usual: Nanos(0) }, "spending.unusual", Duration::from_secs(7 * 86_400), "each hour by itself"),
        ];
        for (alert, name, quiet, why) in table {
            assert_eq!((alert.name(), alert.once(now).1), (name, quiet), "{why}");
            assert!(alert.once(now).0.starts_with(name), "{why}");
        }
        let detail = Alert::BudgetUsedUp { tenant, budget: monthly() }.detail();
        let expected = json!({
            "tenant_id": tenant.to_string(), "scope": {"tag": "team:search"}, "period": "month", "limit_usd": 2.0, "spent_usd": 2.1,
            "reserved_usd": 0.0, "asked_usd": null, "resets_at": "2026-12-01T00:00:00Z",
        });
        assert_eq!(detail, expected);
    }

    #[test]
    fn what_is_told_once_is_told_again_when_it_is_something_else() {
        let tenant = TenantId::generate(Duration::from_secs(1));
        let now = datetime!(2026-11-22 12:00 UTC);
        let budget = |limit, spent, reserved| BudgetState {
            counter: "c1.2026-11".into(),
            scope: BudgetScope::Tenant,
            period: Period::Month,
            limit: Nanos(limit),
            spending: Spending { spent: Nanos(spent), reserved: Nanos(reserved) },
            asked: Some(Nanos(1)),
            resets_at: Some(datetime!(2026-12-01 00:00 UTC)),
        };
        let used_up = |limit, spent| Alert::BudgetUsedUp { tenant, budget: budget(limit, spent, 0) };
        let refuses = |limit, spent, reserved| Alert::BudgetRefuses { tenant, budget: budget(limit, spent, reserved) };
        #[rustfmt::skip]
        let table = [
            (used_up(100, 100),     used_up(100, 150),     true,  "the same budget, used up further"),
            (used_up(100, 100),     used_up(200, 200),     false, "its limit was raised, and that is used up too"),
            (used_up(100, 100),     refuses(100, 100, 0),  false, "it became a hard one"),
            (refuses(100, 95, 0),   refuses(100, 10, 89),  true,  "nothing is left of it, be it spent or reserved"),
            (refuses(100, 0, 0),    refuses(100, 100, 0),  false, "a large request did not fit, and then it was used up"),
            (refuses(100, 0, 0),    refuses(100, 50, 0),   true,  "two large requests"),
        ];
        for (one, other, same, why) in table {
            assert_eq!(one.once(now).0 == other.once(now).0, same, "{why}");
        }
    }
}
