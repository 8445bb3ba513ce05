use super::*;
use crate::limits::{
    BudgetScope,
    samples::{self, NOW},
};
use std::time::Duration;
use time::macros::datetime;

fn first(_: ItemKey, _: u16) -> u16 {
    0
}

fn id(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rule(scope: LimitScope, requests: Option<u32>, tokens: Option<u64>, concurrency: Option<u32>) -> LimitRule {
    LimitRule { scope, requests_per_minute: requests, tokens_per_minute: tokens, concurrency }
}

fn budget(scope: BudgetScope, period: Period) -> Budget {
    use crate::tenancy::BudgetId;
    Budget { id: BudgetId::generate(id(1)), scope, limit: Nanos(1_000), period, hard: true }
}

fn ask(policy: &Policy) -> Ask<'_> {
    Ask {
        key: Some(KeyId::generate(id(1))),
        model: "openai/gpt-4o-mini",
        worst: Worst { tokens: 500, is_bounded: true, cost: Some(Nanos(70)) },
        deadline: 9,
        note: Some("note".into()),
        ..samples::ask(policy)
    }
}

#[test]
fn a_request_without_bounds_still_leaves_an_entry_with_its_tenant() {
    let policy = Policy::default();
    let (tenant, key) = claims(&ask(&policy), NOW, first);
    assert_eq!(key, None, "of its key there is nothing to count");
    assert!(tenant.rates.is_empty() && tenant.flights.is_empty() && tenant.charges.is_empty());
    assert_eq!(tenant.entry.note.as_deref(), Some("note"));
    assert!(!tenant.entry.both);
    assert_eq!(tenant.item.slice, slices::first_choice(tenant.request, slices::UNBOUND), "wherever chance puts it");
}

#[test]
fn what_is_large_is_shared_out_and_what_is_not_is_in_the_first_slice() {
    let of = |model: &str, requests| rule(LimitScope::KeyModel { model: model.into() }, Some(requests), None, None);
    let hard = |scope| vec![budget(scope, Period::Day)];
    let soft = |scope| vec![Budget { hard: false, ..budget(scope, Period::Day) }];
    let key = KeyId::generate(id(1));
    let large = |scope| rule(scope, Some(6_001), None, None);
    #[rustfmt::skip]
    let table = [
        (vec![large(LimitScope::Tenant)],                   vec![],                             (5, 2, vec![1_200]), None,                       "shared out"),
        (vec![large(LimitScope::Tenant)],                   hard(BudgetScope::Tenant),          (1, 0, vec![6_001]), None,                       "not where money is"),
        (vec![large(LimitScope::Tenant)],                   hard(BudgetScope::Tag("a".into())), (5, 0, vec![1_201]), None,                       "money of some is in the first slice"),
        (vec![large(LimitScope::Tenant)],                   hard(BudgetScope::Tag("b".into())), (5, 2, vec![1_200]), None,                       "that of others is nothing to it"),
        (vec![large(LimitScope::Tenant)],                   soft(BudgetScope::Tenant),          (5, 2, vec![1_200]), None,                       "a soft budget is in all"),
        (vec![],                                            soft(BudgetScope::Tenant),          (1, 0, vec![]),      None,                       "in one, if nothing is shared out"),
        (vec![large(LimitScope::Key)],                      soft(BudgetScope::Tenant),          (1, 0, vec![]),      Some((5, 2, vec![1_200])),  "tenant and key each for itself"),
        (vec![large(LimitScope::Key)],                      hard(BudgetScope::Key(key)),        (1, 9, vec![]),      Some((1, 0, vec![6_001])),  "the key's money"),
        (vec![large(LimitScope::Key), of("a/b", 9)],        soft(BudgetScope::Tenant),          (1, 0, vec![]),      Some((5, 2, vec![1_200])),  "another model's small limit"),
        (vec![large(LimitScope::Key), of("openai/gpt-4o-mini", 9)], soft(BudgetScope::Tenant),  (1, 0, vec![]),      Some((5, 0, vec![1_201, 9])), "this model's is whole, in the first"),
    ];
    for (rules, budgets, tenants, keys, why) in table {
        let policy = Policy::new(rules, budgets);
        let tags = ["a".to_owned()];
        let ask = Ask { tags: &tags, ..ask(&policy) };
        let (tenant, key) = claims(&ask, NOW, |_, _| 2);
        let shown = |claim: &Claim| {
            let slice = if claim.rates.is_empty() && claim.charges.is_empty() { 9 } else { claim.item.slice };
            (claim.slices, slice, claim.rates.iter().map(|rate| rate.limit).collect::<Vec<_>>())
        };
        assert_eq!((shown(&tenant), key.as_ref().map(shown)), (tenants, keys), "{why}");
        if let Some(key) = key {
            assert_eq!((tenant.entry.other, key.entry.other), (key.item.slice, tenant.item.slice), "{why}");
        }
    }
}

#[test]
fn each_bound_is_asked_of_the_item_it_is_counted_in() {
    let model = LimitScope::KeyModel { model: "openai/gpt-4o-mini".into() };
    let other = LimitScope::KeyModel { model: "openai/gpt-4o".into() };
    let rules = [
        rule(LimitScope::Tenant, Some(100), Some(1_000), Some(5)),
        rule(LimitScope::Key, Some(10), None, Some(2)),
        rule(model, None, Some(600), Some(1)),
        rule(other, Some(1), Some(1), Some(1)),
    ];
    let key = KeyId::generate(id(1));
    let budgets = vec![
        budget(BudgetScope::Tenant, Period::Day),
        budget(BudgetScope::Key(key), Period::Total),
        budget(BudgetScope::Tag("a".into()), Period::Day),
    ];
    let policy = Policy::new(rules, budgets.clone());
    let (tenant, key) = claims(&ask(&policy), NOW, first);
    let key = key.expect("the key has bounds");
    let shown = |claim: &Claim| claim.rates.iter().map(|rate| (rate.unit, rate.limit, rate.amount)).collect::<Vec<_>>();
    assert_eq!(shown(&tenant), [(Unit::Requests, 100, 1), (Unit::Tokens, 1_000, 500)]);
    assert_eq!(
        shown(&key),
        [(Unit::Requests, 10, 1), (Unit::Tokens, 600, 500)],
        "another model's limit is none of ours"
    );
    assert_eq!(tenant.flights.iter().map(|flight| flight.limit).collect::<Vec<_>>(), [5]);
    assert_eq!(key.flights.iter().map(|flight| flight.limit).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(
        tenant.entry.budgets,
        [budget_attribute(&budgets[0], NOW)],
        "a tag that the request has not costs nothing"
    );
    assert_eq!(key.entry.budgets, [budget_attribute(&budgets[1], NOW)]);
    assert_eq!(key.expires_at, None, "a budget for ever is kept for ever");
    assert!(tenant.entry.both && !key.entry.both && key.entry.note.is_none());
    assert_eq!(key.entry.ones.len(), 2, "a request, and one in flight of the model: {:?}", key.entry.ones);
}

#[test]
fn who_leaves_the_length_of_the_answer_open_has_all_of_the_narrowest_limit() {
    let rules = [rule(LimitScope::Tenant, None, Some(400), None), rule(LimitScope::Key, None, Some(300), None)];
    let policy = Policy::new(rules, Vec::new());
    let mut ask = ask(&policy);
    assert_eq!(claims(&ask, NOW, first).0.entry.tokens, 500, "what the caller asked for");
    ask.worst.is_bounded = false;
    let (tenant, key) = claims(&ask, NOW, first);
    assert_eq!((tenant.entry.tokens, key.expect("a limit").entry.tokens), (300, 300));
}

#[test]
fn a_keys_item_ends_a_day_after_its_last_period() {
    let key = KeyId::generate(id(1));
    #[rustfmt::skip]
    let table = [
        (vec![],                                                                   Some(datetime!(2026-11-23 12:00 UTC)), "limits are of a minute"),
        (vec![budget(BudgetScope::Key(key), Period::Month)],                       Some(datetime!(2026-12-02 00:00 UTC)), "a day after the month"),
        (vec![budget(BudgetScope::Key(key), Period::Day), budget(BudgetScope::Key(key), Period::Total)], None,            "for ever"),
    ];
    for (budgets, ends, why) in table {
        let policy = Policy::new([rule(LimitScope::Key, Some(1), None, None)], budgets);
        let (tenant, key) = claims(&ask(&policy), NOW, first);
        let ends = ends.map(|at| u64::try_from(at.unix_timestamp()).expect("after 1970"));
        assert_eq!(key.expect("a limit").expires_at, ends, "{why}");
        assert_eq!(tenant.expires_at, None, "other people's budgets are in there");
    }
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let full = Entry {
        deadline: 1,
        cost: 2,
        tokens: 3,
        ones: vec!["r1".into()],
        windows: vec!["t1".into()],
        budgets: vec!["c1".into()],
        both: true,
        other: 4,
        bytes: Some(5),
        note: Some("n".into()),
    };
    for entry in [full, Entry::default()] {
        let text = serde_json::to_string(&entry).expect("JSON");
        assert_eq!(serde_json::from_str::<Entry>(&text).expect("an entry"), entry, "{text}");
    }
    let request = RequestId::generate(id(7));
    assert_eq!(entry_request(&entry_attribute(request)), Some(request));
    assert_eq!(entry_request("pk"), None);
}

#[test]
fn an_items_keys_are_read_as_they_were_written() {
    let tenant = TenantId::generate(id(1));
    for key in [None, Some(KeyId::generate(id(2)))] {
        for slice in [0, 1, 63] {
            let item = ItemKey::new(tenant, key).slice(slice);
            assert_eq!(ItemKey::read(&item.partition(), &item.sort()), Some(item));
            assert!(item.shard() < SHARDS);
        }
    }
    assert_eq!(ItemKey::read("waiting#3", "tenant"), None);
    assert_eq!(ItemKey::read(&ItemKey::new(tenant, None).partition(), "key#x"), None);
}

#[test]
fn a_past_counter_is_one_whose_period_is_over_for_everybody() {
    let day = budget(BudgetScope::Tenant, Period::Day);
    let of = |period, ago| budget_attribute(&budget(BudgetScope::Tenant, period), NOW - time::Duration::days(ago));
    #[rustfmt::skip]
    let table = [
        (budget_attribute(&day, NOW),                                   NOW,                              false, "today's"),
        (budget_attribute(&day, NOW - time::Duration::DAY),             NOW,                              true,  "yesterday's"),
        (budget_attribute(&day, NOW),                                   datetime!(2026-11-23 00:59 UTC),  false, "some clock may still be in it"),
        (budget_attribute(&day, NOW),                                   datetime!(2026-11-23 01:00 UTC),  true,  "an hour later none is"),
        (of(Period::Day, -1),                                           NOW,                              false, "a clock that is ahead has begun the next"),
        (of(Period::Week, 0),                                           NOW,                              false, "this week's"),
        (of(Period::Week, 7),                                           NOW,                              true,  "last week's"),
        (of(Period::Month, 0),                                          NOW,                              false, "this month's"),
        (of(Period::Month, 31),                                         NOW,                              true,  "last month's"),
        (of(Period::Month, 335),                                        NOW,                              true,  "last year's"),
        (of(Period::Total, 999),                                        NOW,                              false, "for ever"),
        ("c1.2020-01".to_owned(),                                       NOW,                              false, "no budget's"),
        ("f".to_owned(),                                                NOW,                              false, "no counter"),
    ];
    for (attribute, now, is_past_then, why) in table {
        assert_eq!(is_past(&attribute, now), is_past_then, "{why}");
    }
}

#[test]
fn a_counter_that_never_begins_anew_is_one_of_a_budget_in_total() {
    let of = |period| budget(BudgetScope::Tenant, period);
    let total = of(Period::Total);
    assert_eq!(never_past(&budget_attribute(&total, NOW)), Some(total.id));
    for period in [Period::Day, Period::Week, Period::Month] {
        assert_eq!(never_past(&budget_attribute(&of(period), NOW)), None, "{period:?}");
    }
    for other in ["c1.total", "f", "c", "p0.total"] {
        assert_eq!(never_past(other), None, "{other}");
    }
}
