use super::*;
use crate::{
    limits::{
        Budget, LimitRule, Policy,
        claim::{claims, entry_attribute},
        samples::{NOW, ask},
        window::Attribute,
    },
    tenancy::{BudgetId, RequestId},
};
use std::time::Duration;

fn at_ms() -> i64 {
    i64::try_from(NOW.unix_timestamp_nanos() / 1_000_000).expect("a time")
}

fn claim(rules: Vec<LimitRule>, budgets: Vec<Budget>) -> Claim {
    let policy = Policy::new(rules, budgets);
    claims(&ask(&policy), NOW, |_, _| 0).0
}

fn rule(requests: Option<u32>, tokens: Option<u64>, concurrency: Option<u32>) -> LimitRule {
    LimitRule { scope: LimitScope::Tenant, requests_per_minute: requests, tokens_per_minute: tokens, concurrency }
}

fn budget(limit: i64, hard: bool) -> Budget {
    let id = BudgetId::generate(Duration::from_secs(1));
    Budget { id, scope: BudgetScope::Tenant, limit: Nanos(limit), period: Period::Day, hard }
}

fn state(numbers: &[(String, i64)]) -> ItemState {
    ItemState { numbers: numbers.iter().cloned().collect(), ..ItemState::default() }
}

fn window(unit: Unit, ago_ms: i64) -> String {
    Attribute { unit, label: at_ms() - ago_ms, model: "" }.name()
}

#[test]
fn a_window_has_room_until_it_is_full() {
    #[rustfmt::skip]
    let table = [
        (vec![],                             Some((10, 9, 60_002)),   None,                     "nobody was here"),
        (vec![(1_000, 4)],                   Some((10, 5, 60_002)),   None,                     "four were"),
        (vec![(1_000, 9)],                   Some((10, 0, 60_002)),   None,                     "the last that fits"),
        (vec![(1_000, 10)],                  Some((10, 0, 59_002)),   Some(59_002),             "full, until the first of them is a minute old"),
        (vec![(1_000, 5), (30_000, 5)],      Some((10, 0, 59_002)),   Some(30_002),             "until enough of them are"),
        (vec![(60_002, 10)],                 Some((10, 9, 60_002)),   None,                     "a minute ago"),
        (vec![(-2_000, 10)],                 Some((10, 0, 62_002)),   Some(62_002),             "noted by a clock that is ahead"),
    ];
    for (seen, left, free, why) in table {
        let numbers: Vec<_> = seen.into_iter().map(|(ago, count)| (window(Unit::Requests, ago), count)).collect();
        let verdict = judge(&claim(vec![rule(Some(10), None, None)], vec![]), &state(&numbers), false, at_ms());
        let found = verdict.headrooms.requests.map(|room| (room.limit, room.remaining, room.full_at - at_ms()));
        assert_eq!(found, left, "{why}");
        let free_at = match verdict.refusal {
            Some(Refusal::Rate { free_at, .. }) => free_at.map(|at| at - at_ms()),
            other => {
                assert_eq!(other, None, "{why}");
                None
            }
        };
        assert_eq!(free_at, free, "{why}");
    }
}

#[test]
fn what_the_item_holds_already_is_not_counted_twice() {
    let claim = claim(vec![rule(Some(10), Some(100), Some(1))], vec![budget(40, true)]);
    let mut held = state(&[(window(Unit::Requests, 0), 10), (window(Unit::Requests, 1_000), 0)]);
    held.numbers.insert("f".into(), 1);
    held.numbers.insert(claim.charges[0].attribute.clone(), 40);
    for rate in &claim.rates {
        *held.numbers.entry(rate.attribute()).or_default() = rate.amount;
    }
    assert_eq!(judge(&claim, &held, true, at_ms()).refusal, None, "all of it is its own");
    assert!(judge(&claim, &held, false, at_ms()).refusal.is_some(), "another's leaves no room");
}

#[test]
fn a_hard_budget_holds_what_is_spent_and_what_is_reserved() {
    let budget = budget(100, true);
    let claim = claim(vec![], vec![budget]);
    let attribute = claim.charges[0].attribute.clone();
    #[rustfmt::skip]
    let table = [
        (60, 0,  None,           "forty fit into what is left"),
        (61, 0,  Some((61, 0)),  "they do not"),
        (61, 20, Some((41, 20)), "what runs may still be spent"),
    ];
    for (committed, reserved, refused, why) in table {
        let mut state = state(&[(attribute.clone(), committed)]);
        let entry = format!(r#"{{"d":1,"n":{reserved},"k":0,"c":["{attribute}"]}}"#);
        state.entries.insert(entry_attribute(RequestId::generate(Duration::from_secs(5))), entry);
        let found = match judge(&claim, &state, false, at_ms()).refusal {
            Some(Refusal::Budget(over)) => Some((over.spending.spent.0, over.spending.reserved.0)),
            other => {
                assert_eq!(other, None, "{why}");
                None
            }
        };
        assert_eq!(found, refused, "{why}");
    }
}

#[test]
fn a_soft_budget_lets_through_and_is_named_when_it_is_spent() {
    let claim = claim(vec![], vec![budget(100, false)]);
    let attribute = claim.charges[0].attribute.clone();
    for (spent, named, why) in [(99, 0, "not yet"), (100, 1, "all of it"), (900, 1, "more than all")] {
        let verdict = judge(&claim, &state(&[(attribute.clone(), spent)]), false, at_ms());
        assert_eq!((verdict.refusal, verdict.over.len()), (None, named), "{why}");
    }
}

#[test]
fn an_item_has_room_for_as_many_entries_as_dynamodb_takes() {
    let claim = claim(vec![], vec![]);
    let own = i64::from(claim.entry.bytes.expect("counted"));
    #[rustfmt::skip]
    let table = [
        (MOST_BYTES - own,     false, false, "it fits"),
        (MOST_BYTES - own + 1, false, true,  "a byte too much"),
        (MOST_BYTES,           true,  false, "it is in already"),
        (MOST_BYTES + 1,       true,  true,  "and is too much"),
    ];
    for (bytes, holds, is_refused, why) in table {
        let verdict = judge(&claim, &state(&[(BYTES.to_owned(), bytes)]), holds, at_ms());
        let refused = is_refused.then_some(Refusal::Crowded { scope: LimitScope::Tenant });
        assert_eq!(verdict.refusal, refused, "{why}");
    }
}

#[test]
fn of_a_share_the_whole_limit_is_told_and_what_remains_is_guessed() {
    let mut claim = claim(vec![rule(Some(100), None, None)], vec![]);
    (claim.rates[0].limit, claim.rates[0].whole) = (100, 401);
    let numbers = [(Attribute { unit: Unit::Requests, label: claim.rates[0].label, model: "" }.name(), 59)];
    let told = judge(&claim, &state(&numbers), false, at_ms()).headrooms.requests.expect("a limit");
    assert_eq!((told.limit, told.remaining), (401, 160), "forty remain in this share, and there are four");
    claim.rates[0].limit = 59;
    let refused = judge(&claim, &state(&numbers), false, at_ms()).refusal;
    assert!(matches!(refused, Some(Refusal::Rate { limit: 401, .. })), "{refused:?}");
}

#[test]
fn the_narrowest_limit_is_told() {
    let room = |remaining| Some(Headroom { limit: 10, remaining, full_at: 0 });
    let of = |requests| Headrooms { requests, tokens: None };
    for (one, other, told) in
        [(room(3), room(2), room(2)), (room(1), room(2), room(1)), (None, room(2), room(2)), (room(4), None, room(4))]
    {
        assert_eq!(of(one).and(of(other)).requests, told);
    }
}
