use super::*;
use crate::{
    limits::{
        Budget, BudgetScope, Period,
        window::{Resolution, Unit},
    },
    tenancy::BudgetId,
};
use std::{collections::HashMap, time::Duration};

const NOW: i64 = 1_795_000_000_000;

fn window(unit: Unit, ago_ms: i64) -> String {
    Attribute { unit, label: NOW - ago_ms, model: "" }.name()
}

fn entry(ago_ms: i64) -> Entry {
    Entry {
        cost: 100,
        tokens: 50,
        ones: vec![window(Unit::Requests, ago_ms), "f~0a1b2c3d".into()],
        windows: vec![window(Unit::Tokens, ago_ms)],
        budgets: vec!["c1.total".into()],
        ..Entry::default()
    }
}

fn changed(changes: Vec<(String, i64)>) -> HashMap<String, i64> {
    let count = changes.len();
    let all: HashMap<String, i64> = changes.into_iter().collect();
    assert_eq!(all.len(), count, "no attribute is named twice, which DynamoDB refuses");
    all
}

#[test]
fn a_settlement_brings_the_counters_to_the_truth() {
    #[rustfmt::skip]
    let table = [
        (Actual { cost: Nanos(30), tokens: 20 },   Some(-70), Some(-30), "less was used"),
        (Actual { cost: Nanos(100), tokens: 50 },  None,      None,      "all of it was"),
        (Actual { cost: Nanos(130), tokens: 60 },  Some(30),  Some(10),  "more was used"),
        (Actual::default(),                        Some(-100), Some(-50), "nothing was used"),
    ];
    for (actual, cost, tokens, why) in table {
        let changes = changed(entry(1_000).settled(actual, NOW));
        assert_eq!(changes.get("c1.total").copied(), cost, "{why}");
        assert_eq!(changes.get(&window(Unit::Tokens, 1_000)).copied(), tokens, "{why}");
        assert_eq!((changes["f"], changes["f~0a1b2c3d"]), (-1, -1), "{why}: it does not run any more");
        assert!(!changes.contains_key(&window(Unit::Requests, 1_000)), "{why}: it was a request");
    }
}

#[test]
fn an_entry_gives_back_the_bytes_it_took() {
    let weighed = Entry { bytes: Some(300), ..entry(1_000) };
    assert_eq!(changed(weighed.settled(Actual::default(), NOW))[BYTES], -300);
    assert_eq!(changed(weighed.undone(NOW))[BYTES], -300);
    assert!(!changed(entry(1_000).undone(NOW)).contains_key(BYTES), "an older version's took none");
}

#[test]
fn what_never_began_was_no_request() {
    let changes = changed(entry(1_000).undone(NOW));
    assert_eq!(changes[&window(Unit::Requests, 1_000)], -1);
    assert_eq!((changes["c1.total"], changes[&window(Unit::Tokens, 1_000)], changes["f"]), (-100, -50, -1));
    assert_eq!(changes["f~0a1b2c3d"], -1);
}

#[test]
fn a_window_that_is_over_is_left_alone() {
    let late = entry(70_000);
    let changes = changed(late.settled(Actual::default(), NOW));
    assert!(
        !changes.contains_key(&window(Unit::Tokens, 70_000)),
        "it may have been removed, and would come back as a debt"
    );
    assert_eq!((changes["c1.total"], changes["f"]), (-100, -1), "money and what runs have no end");
    assert!(!changed(late.undone(NOW)).contains_key(&window(Unit::Requests, 70_000)));
}

#[test]
fn where_nobody_knows_nothing_below_the_reservation_is_given_back() {
    let permit = Permit {
        request: RequestId::generate(Duration::ZERO),
        held: vec![],
        worst: Actual { cost: Nanos(100), tokens: 50 },
    };
    #[rustfmt::skip]
    let table = [
        ((20, 10),   (100, 50),  "what was counted is less"),
        ((200, 10),  (200, 50),  "more money, fewer tokens"),
        ((200, 300), (200, 300), "more of both"),
    ];
    for ((cost, tokens), (at_least, and_tokens), why) in table {
        let settled = permit.at_least(Actual { cost: Nanos(cost), tokens });
        assert_eq!(settled, Actual { cost: Nanos(at_least), tokens: and_tokens }, "{why}");
    }
}

#[test]
fn of_many_settlements_one_uses_a_budget_up() {
    let budget = Budget {
        id: BudgetId::generate(Duration::ZERO),
        scope: BudgetScope::Tenant,
        limit: Nanos(100),
        period: Period::Total,
        hard: false,
    };
    let soft = vec![Charge { budget, attribute: "c1.total".into(), resets_at: None }];
    let item = ItemKey::new(crate::tenancy::TenantId::PLATFORM, None);
    let held = Held { item, slices: 1, entry: entry(0), soft };
    let mut spent = 0;
    let mut told = Vec::new();
    for (n, cost) in [40, 40, 40, 40].into_iter().enumerate() {
        spent += cost;
        let numbers = [("c1.total".to_owned(), spent)].into_iter().collect();
        let state = ItemState { numbers, ..ItemState::default() };
        if !used_up(&held, Actual { cost: Nanos(cost), tokens: 0 }, &state).is_empty() {
            told.push(n);
        }
    }
    assert_eq!(told, [2], "the third brings it over, and nobody else says so");
}

#[test]
fn a_label_and_its_settlement_agree_on_when_a_minute_is_over() {
    let rule = crate::limits::LimitRule {
        scope: crate::limits::LimitScope::Tenant,
        requests_per_minute: None,
        tokens_per_minute: Some(1),
        concurrency: None,
    };
    let resolution = Resolution::of(&rule);
    let label = resolution.label(NOW);
    let attribute = Attribute { unit: Unit::Tokens, label, model: "" };
    assert!(!attribute.is_past(resolution.ends(label) - 1) && attribute.is_past(resolution.ends(label)));
}
