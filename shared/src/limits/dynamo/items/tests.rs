use super::*;
use crate::{
    limits::{
        Budget, BudgetScope, LimitRule, LimitScope, Period, Policy,
        claim::claims,
        policy::MAX_CHARGES,
        samples::{NOW, ask},
    },
    tenancy::BudgetId,
    usage::Nanos,
};
use std::time::Duration;

/// The longest expression that DynamoDB takes, in bytes.
const LONGEST_EXPRESSION: usize = 4 * 1024;
/// How many operators and functions it takes in one.
const MOST_OPERATORS: usize = 300;

/// The dearest claim that is let through: as many charges as there may be, each of them hard, and every kind of limit.
fn largest() -> Claim {
    let budget = |n| Budget {
        id: BudgetId::generate(Duration::from_secs(n)),
        scope: BudgetScope::Tenant,
        limit: Nanos(1_000_000),
        period: Period::Month,
        hard: true,
    };
    let rule = LimitRule {
        scope: LimitScope::Tenant,
        requests_per_minute: Some(1_000),
        tokens_per_minute: Some(1_000_000),
        concurrency: Some(100),
    };
    let policy = Policy::new([rule], (0..MAX_CHARGES as u64).map(budget).collect());
    claims(&ask(&policy), NOW, |_, _| 0).0
}

#[test]
fn the_largest_request_is_one_that_dynamodb_takes() {
    let useless: Vec<String> = (0..40).map(|n| format!("c{n}.2026-10")).collect();
    let claim = largest();
    assert_eq!(claim.charges.len(), MAX_CHARGES);
    let update = Update::of(&claim, &useless).expect("JSON");
    let (condition, expression) = (update.condition(), update.expression());
    assert!(condition.len() <= LONGEST_EXPRESSION, "{} bytes", condition.len());
    assert!(expression.len() <= LONGEST_EXPRESSION, "{} bytes", expression.len());
    let of = |word: &str| condition.matches(word).count();
    let operators = of("attribute_not_exists") + of(" OR ") + of(" <= ") + of(" AND ");
    assert!(operators <= MOST_OPERATORS, "{operators} operators");
}

#[test]
fn a_number_that_is_beyond_ours_is_not_nothing() {
    #[rustfmt::skip]
    let table = [
        ("12",                     12,         "a number"),
        ("-3",                     -3,         "a debt"),
        ("9223372036854775808",    i64::MAX,   "more than there can be"),
        ("-9223372036854775809",   -i64::MAX,  "less than there can be"),
    ];
    for (text, number, why) in table {
        assert_eq!(number_of(text), number, "{why}");
    }
}
