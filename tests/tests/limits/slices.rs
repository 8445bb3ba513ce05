//! Limits above what one item of DynamoDB takes: kept in several, and held as one.

use super::{
    App, BudgetScope, Nanos, Period, ask, booked, budget, chat, dollars, key_with, limit, request, spending, streamed,
    tenant,
};
use futures_util::future::join_all;
use http::Method;
use serde_json::json;
use std::{collections::HashSet, sync::Arc, time::Duration};
use supergate::{
    clock::{Clock, SystemClock},
    gateway::sweeper::Command,
    limits::{
        Ask, Budget, ItemKey, LimitRule, LimitScope, Policy, Spending, Worst,
        claim::SHARDS,
        dynamo::{Limiter, NotAdmitted, Reservations, Table},
    },
    tenancy::{RequestId, TenantId},
};
use supergate_tests::table;

/// Seven hundred and fifty requests a second.
const REQUESTS: u32 = 45_000;
/// Over so many slices the tests' other limits let them be spread.
const SLICES: u16 = 3;
/// How many requests are lost. That chance counts all of them in one slice of four is one in a million.
const LOST: usize = 12;

/// A clock that stands still: what is counted stays in its minute.
struct Still(Duration);

impl Clock for Still {
    fn since_epoch(&self) -> Duration {
        self.0
    }

    fn monotonic(&self) -> Duration {
        self.0
    }
}

fn rule(tokens: Option<u64>, concurrency: Option<u32>) -> LimitRule {
    LimitRule { scope: LimitScope::Tenant, requests_per_minute: Some(REQUESTS), tokens_per_minute: tokens, concurrency }
}

/// How many of these requests get through, asked for by eight processes at the same time, and how many were refused before the last
/// of them.
async fn admitted(tenant: TenantId, policy: &Policy, tokens: u64, each: usize) -> (usize, usize) {
    let table = table::shared().await;
    let now = SystemClock.since_epoch();
    let workers = (0..8).map(|_| async {
        let limiter = Limiter::new(Arc::clone(&table), Arc::new(Still(now)));
        let mut answers = Vec::with_capacity(each);
        for _ in 0..each {
            let ask = Ask {
                tenant,
                key: None,
                policy,
                model: "mock/model",
                tags: &[],
                request: RequestId::generate(now),
                worst: Worst { tokens, is_bounded: true, cost: Some(Nanos(1)) },
                deadline: 0,
                note: None,
            };
            match limiter.reserve(&ask).await {
                Ok(admission) => {
                    drop(admission.permit);
                    answers.push(true);
                }
                Err(NotAdmitted::Refused { .. }) => answers.push(false),
                Err(error) => panic!("the emulator is away: {error}"),
            }
        }
        answers
    });
    let answers = join_all(workers).await;
    let early = answers.iter().map(|all| {
        let last = all.iter().rposition(|is_admitted| *is_admitted).unwrap_or_default();
        all[..last].iter().filter(|is_admitted| !**is_admitted).count()
    });
    let early = early.sum();
    (answers.into_iter().flatten().filter(|is_admitted| *is_admitted).count(), early)
}

async fn in_slices(table: Arc<Table>, tenant: TenantId, slices: u16) -> Vec<usize> {
    let reservations = Reservations::new(table);
    let open = (0..slices).map(|slice| reservations.open_reservations(ItemKey::new(tenant, None).slice(slice)));
    join_all(open).await.into_iter().map(|open| open.expect("the table").len()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_many_a_second_is_given_in_full_and_never_exceeded() {
    #[rustfmt::skip]
    let table = [
        (rule(Some(4_500_000), None), 30_000, 150, "tokens: fifty requests in each of three shares"),
        (rule(None, Some(150)),       1,      150, "requests at the same time: fifty in each of three"),
    ];
    for (rule, tokens, most, why) in table {
        let tenant = TenantId::generate(SystemClock.since_epoch());
        let policy = Policy::new([rule], Vec::new());
        let (admitted, early) = admitted(tenant, &policy, tokens, most / 4).await;
        let slices = in_slices(table::shared().await, tenant, SLICES).await;
        println!("{why}: {admitted} admitted, by slice {slices:?}; {early} refused while there was room elsewhere");
        assert_eq!((admitted, slices), (most, vec![most / 3; 3]), "{why}");
        // Each of eight processes asks each slice once too often.
        assert!(early <= 8 * usize::from(SLICES), "{why}: {early}");
    }
}

#[tokio::test]
async fn an_item_whose_requests_all_draw_on_a_hard_budget_is_never_divided() {
    let now = SystemClock.since_epoch();
    let budget = |scope, hard| Budget {
        id: supergate::tenancy::BudgetId::generate(now),
        scope,
        limit: Nanos(20),
        period: Period::Total,
        hard,
    };
    let tag = || BudgetScope::Tag("t".into());
    #[rustfmt::skip]
    let table = [
        (budget(BudgetScope::Tenant, true),  1, 20, "the tenant's: there is one item"),
        (budget(BudgetScope::Tenant, false), 3, 40, "a soft one bounds nothing, and is counted in all"),
        (budget(tag(), true),                3, 40, "that of a tag is not theirs"),
    ];
    for (budget, used, most, why) in table {
        let tenant = TenantId::generate(now);
        let policy = Policy::new([rule(Some(4_500_000), None)], vec![budget.clone()]);
        let (admitted, _) = admitted(tenant, &policy, 1, 5).await;
        let slices = in_slices(table::shared().await, tenant, SLICES).await;
        assert_eq!((admitted, slices.iter().filter(|count| **count > 0).count()), (most, used), "{why}: {slices:?}");
        if !budget.hard {
            let reservations = Reservations::new(table::shared().await);
            let spent = reservations.spending(tenant, &[budget], SystemClock.now()).await.expect("the table");
            assert_eq!(spent, [Spending { spent: Nanos(0), reserved: Nanos(40) }], "{why}: of all slices");
        }
    }
}

#[tokio::test]
async fn a_tags_hard_budget_is_counted_in_one_place_whatever_the_others_do() {
    let app = App::start().await;
    limit(&app, None, Some(60_000), None, None).await;
    let team = budget(&app, &BudgetScope::Tag("team".into()), dollars(1.0), Period::Month, true).await;
    let soft = budget(&app, &BudgetScope::Tenant, dollars(0.000_000_001), Period::Month, false).await;
    for n in 0..12 {
        let mut request = request(&app.api_key, &ask("hello"));
        if n % 2 == 0 {
            request.headers_mut().insert("x-supergate-tags", "team".parse().expect("a header"));
        }
        let answer = app.send(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "60000", "the whole limit is told");
        assert_eq!(answer.header("x-supergate-over-budget").is_empty(), n == 0, "the first used the soft budget up");
    }
    let reservations = Reservations::new(table::shared().await);
    let now = app.clock.now();
    let all = booked(&app).await;
    assert_eq!(spending(&app, &soft).await, Spending { spent: all, reserved: Nanos(0) }, "slices add up");
    assert_eq!(spending(&app, &team).await, Spending { spent: Nanos(all.0 / 2), reserved: Nanos(0) });
    assert!(reservations.is_spread(tenant(&app), &soft, now).await.expect("the table"));
    assert!(!reservations.is_spread(tenant(&app), &team, now).await.expect("the table"), "what is hard is not");

    let path = format!("/v1/budgets/{}", soft.id);
    let shown = app.call(Method::GET, &path, &app.api_key, &json!({})).await;
    assert_eq!(shown.json()["spent_usd"].as_f64().map(dollars), Some(all), "{}", shown.text());
    let refused = app.call(Method::PATCH, &path, &app.api_key, &json!({"hard": true})).await;
    assert_eq!(refused.status, 409, "what is spent elsewhere could be spent again: {}", refused.text());
    app.clock.advance(Duration::from_secs(32 * 86_400));
    let changed = app.call(Method::PATCH, &path, &app.api_key, &json!({"hard": true})).await;
    assert_eq!(changed.status, 200, "a new period: {}", changed.text());
}

#[tokio::test]
async fn the_sweeper_finds_what_was_lost_in_a_slice() {
    let table = table::own().await;
    let vars = [("SUPERGATE_TABLE", table.as_str())];
    let app = App::start_with(&vars).await;
    limit(&app, None, Some(60_000), None, None).await;
    let (key, _) = key_with(&app, &json!({"rpm": 60_000})).await;
    let soft = budget(&app, &BudgetScope::Tenant, dollars(1.0), Period::Month, false).await;
    assert_eq!(chat(&app, &key, &ask("hello")).await.status, 200);
    for _ in 0..LOST {
        let (response, after) = app.begin(request(&key, &streamed("hello"))).await;
        assert_eq!(response.status(), 200);
        // As if the process were killed.
        drop((response, after));
    }
    let open = table::reservations(&table).await;
    assert_eq!(open.len(), 2 * LOST, "of the tenant and of the key");
    let shared = table::open(&table).await;
    let reservations = Reservations::new(Arc::clone(&shared));
    let mut found = HashSet::new();
    for shard in 0..SHARDS {
        found.extend(reservations.open_items(shard, None).await.expect("the index").0);
    }
    assert!(found.iter().any(|item| item.slice > 0), "they are in several: {found:?}");

    table::make_overdue(&table).await;
    let sweeper = app.sweeper(&vars).await;
    let report = sweeper.run(Command::default(), None).await.expect("a sweep");
    assert_eq!((report.charged, report.voided, report.failed), (LOST as u64, 0, 0));
    assert_eq!(table::reservations(&table).await, Vec::<String>::new());
    let rows = app.usage_events().await;
    assert_eq!(rows.iter().filter(|row| row["ended"] == "lost").count(), LOST, "{rows:?}");
    let spent = reservations.spending(tenant(&app), &[soft], app.clock.now()).await.expect("the table");
    assert_eq!(spent, [Spending { spent: booked(&app).await, reserved: Nanos(0) }]);
    let again = sweeper.run(Command::default(), None).await.expect("a sweep");
    assert_eq!((again.charged, again.settled), (0, 0));
}
