use super::*;
use time::macros::datetime;

fn rule(scope: LimitScope, requests: Option<u32>, tokens: Option<u64>) -> LimitRule {
    LimitRule { scope, requests_per_minute: requests, tokens_per_minute: tokens, concurrency: None }
}

fn budget(scope: BudgetScope) -> Budget {
    let id = BudgetId::generate(std::time::Duration::from_secs(1));
    Budget { id, scope, limit: Nanos(1), period: Period::Month, hard: true }
}

#[test]
fn periods_are_the_calendars_in_utc() {
    #[rustfmt::skip]
    let table = [
        (Period::Day,   datetime!(2026-11-22 00:00 UTC),       "2026-11-22", Some((datetime!(2026-11-22 00:00 UTC), datetime!(2026-11-23 00:00 UTC))), "its first moment"),
        (Period::Day,   datetime!(2026-11-22 23:59:59.9 UTC),  "2026-11-22", Some((datetime!(2026-11-22 00:00 UTC), datetime!(2026-11-23 00:00 UTC))), "its last"),
        (Period::Day,   datetime!(2026-11-23 01:30 +2),        "2026-11-22", Some((datetime!(2026-11-22 00:00 UTC), datetime!(2026-11-23 00:00 UTC))), "the day in UTC, wherever one is"),
        (Period::Week,  datetime!(2026-11-22 12:00 UTC),       "2026-W47",   Some((datetime!(2026-11-16 00:00 UTC), datetime!(2026-11-23 00:00 UTC))), "a Sunday ends a week"),
        (Period::Week,  datetime!(2026-11-23 00:00 UTC),       "2026-W48",   Some((datetime!(2026-11-23 00:00 UTC), datetime!(2026-11-30 00:00 UTC))), "a Monday begins one"),
        (Period::Week,  datetime!(2027-01-02 12:00 UTC),       "2026-W53",   Some((datetime!(2026-12-28 00:00 UTC), datetime!(2027-01-04 00:00 UTC))), "a week over the new year has one name"),
        (Period::Week,  datetime!(2026-12-31 12:00 UTC),       "2026-W53",   Some((datetime!(2026-12-28 00:00 UTC), datetime!(2027-01-04 00:00 UTC))), "on both sides of it"),
        (Period::Month, datetime!(2026-12-31 23:59 UTC),       "2026-12",    Some((datetime!(2026-12-01 00:00 UTC), datetime!(2027-01-01 00:00 UTC))), "December is followed by another year"),
        (Period::Month, datetime!(2028-02-29 00:00 UTC),       "2028-02",    Some((datetime!(2028-02-01 00:00 UTC), datetime!(2028-03-01 00:00 UTC))), "a leap year"),
        (Period::Total, datetime!(2026-11-22 12:00 UTC),       "total",      None,                                                                       "always"),
    ];
    for (period, now, name, bounds, why) in table {
        assert_eq!(period.name(now), name, "{why}");
        assert_eq!(period.starts_at(now).zip(period.ends_at(now)), bounds, "{why}");
    }
}

#[test]
fn a_period_ends_where_the_next_begins() {
    for period in [Period::Day, Period::Week, Period::Month] {
        let mut now = datetime!(2026-01-01 00:00 UTC);
        let mut names = std::collections::BTreeSet::new();
        while now < datetime!(2029-01-01 00:00 UTC) {
            let next = period.ends_at(now).expect("an end");
            assert_eq!(period.starts_at(next), Some(next), "{period:?} after {now}");
            assert!(names.insert(period.name(now)), "{period:?} of {now} has the name of another");
            now = next;
        }
    }
    let last = datetime!(9999-12-31 12:00 UTC);
    assert_eq!(Period::Month.ends_at(last), None, "the calendar ends");
}

#[test]
fn of_two_limits_of_one_scope_the_narrower_counts() {
    let model = LimitScope::KeyModel { model: "openai/gpt-4o-mini".into() };
    let rules = [
        rule(LimitScope::Tenant, Some(100), None),
        rule(LimitScope::Tenant, Some(60), Some(5000)),
        rule(LimitScope::Key, None, None),
        rule(model.clone(), Some(1), None),
    ];
    let policy = Policy::new(rules, Vec::new());
    let tenant = rule(LimitScope::Tenant, Some(60), Some(5000));
    assert_eq!(policy.limits(), [tenant.clone(), rule(model, Some(1), None)]);
    assert_eq!(policy.limits_on("openai/gpt-4o").collect::<Vec<_>>(), [&tenant], "another model than the limited one");
    assert_eq!(policy.limits_on("openai/gpt-4o-mini").count(), 2);
}

#[test]
fn a_tags_budget_is_drawn_on_by_what_has_the_tag() {
    let (all, some) = (budget(BudgetScope::Tenant), budget(BudgetScope::Tag("team:search".into())));
    let policy = Policy::new([], vec![all.clone(), some.clone()]);
    assert_eq!(policy.budgets_of(&[]).collect::<Vec<_>>(), [&all]);
    assert_eq!(policy.budgets_of(&["team:search".into()]).collect::<Vec<_>>(), [&all, &some]);
    assert_eq!(policy.budgets_of(&["team:sea".into()]).collect::<Vec<_>>(), [&all], "a part of a tag is another tag");
}
