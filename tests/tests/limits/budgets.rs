//! Money: what is reserved, what is given back, and when it ends.

use super::{
    App, Budget, BudgetScope, Nanos, Period, Spending, ask, booked, budget, chat, dollars, item, key_with, request,
    spending, streamed, tenant,
};
use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};
use supergate::{
    clock::Clock,
    gateway::sweeper::Command,
    limits::{claim::budget_attribute, dynamo::Reservations},
};
use supergate_tests::table;

const UNTOUCHED: Spending = Spending { spent: Nanos(0), reserved: Nanos(0) };

#[tokio::test]
async fn what_is_spent_of_a_budget_is_what_the_ledger_says() {
    let app = App::start().await;
    let day = budget(&app, &BudgetScope::Tenant, dollars(1.0), Period::Day, true).await;
    let total = budget(&app, &BudgetScope::Tenant, dollars(5.0), Period::Total, false).await;
    for text in
        ["hello", "mock:words=50", "mock:cached=20 a longer prompt than the others so that some of it is cached there"]
    {
        assert_eq!(app.chat(&ask(text)).await.status, 200);
        assert!(app.chat(&streamed(text)).await.stream().done);
    }
    let answer = app.embed(&json!({"model": "openai/text-embedding-3-small", "input": "hello"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let booked = booked(&app).await;
    assert!(booked > Nanos(0));
    assert_eq!(spending(&app, &day).await, Spending { spent: booked, reserved: Nanos(0) });
    assert_eq!(spending(&app, &total).await, Spending { spent: booked, reserved: Nanos(0) });
}

#[tokio::test]
async fn a_hard_budget_is_never_exceeded() {
    let app = App::start().await;
    // A hundred tokens of answer at $0.60 a million are $0.00006; the prompt's worst case is a little more than as much.
    let budget = budget(&app, &BudgetScope::Tenant, dollars(0.0005), Period::Month, true).await;
    let mut answers = 0;
    let refused = loop {
        let answer = app.chat(&ask("mock:words=100")).await;
        if answer.status != 200 {
            break answer;
        }
        answers += 1;
        assert!(answers < 100, "it never ends");
    };
    assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (402, "budget_exceeded"));
    let text = refused.text();
    for part in ["the budget of the tenant is $0.0005 per month", "are spent", "$0.00 are reserved", "it resets at 20"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(refused.json()["error"]["type"], "insufficient_quota");
    let spent = spending(&app, &budget).await;
    assert!(answers >= 3, "what was reserved and not used is given back: {answers}");
    assert!(spent.spent <= budget.limit && spent.reserved == Nanos(0), "{spent:?}");
    assert_eq!(spent.spent, booked(&app).await);
    assert_eq!(app.mock.bill().len(), answers, "a refused request never reaches the provider");
}

#[tokio::test]
async fn a_request_reserves_its_worst_case_while_it_runs() {
    let app = App::start().await;
    let budget = budget(&app, &BudgetScope::Tenant, dollars(1.0), Period::Day, true).await;
    let (response, after) = app.begin(request(&app.api_key, &streamed("hello"))).await;
    let running = spending(&app, &budget).await;
    assert_eq!(running.spent, Nanos(0));
    // A hundred tokens at 600 nano-dollars, and a prompt of more than a thousand at 150.
    assert!(running.reserved > Nanos(60_000 + 150_000) && running.reserved < Nanos(1_000_000), "{running:?}");
    // The caller leaves without reading a byte.
    drop(response);
    after.run().await;
    let ended = spending(&app, &budget).await;
    assert_eq!(ended, Spending { spent: booked(&app).await, reserved: Nanos(0) });
    assert!(ended.spent > Nanos(0), "the provider went on, and billed");
    assert!(item(&app, None).await.entries.is_empty());
}

#[tokio::test]
async fn what_a_provider_does_not_bill_is_given_back() {
    let app = App::start().await;
    let budget = budget(&app, &BudgetScope::Tenant, dollars(1.0), Period::Day, true).await;
    #[rustfmt::skip]
    let table = [
        ("mock:status=429", "it refused"),
        ("mock:status=500", "it failed"),
        ("mock:status=400", "it did not like the request"),
        ("mock:html",       "a proxy answered in its place"),
    ];
    for (text, why) in table {
        assert!(app.chat(&ask(text)).await.status.as_u16() >= 400);
        assert!(app.chat(&streamed(text)).await.status.as_u16() >= 400);
        assert_eq!(spending(&app, &budget).await, UNTOUCHED, "{why}");
    }
}

#[tokio::test]
async fn where_nobody_knows_what_was_used_nothing_is_given_back() {
    let app = App::start().await;
    #[rustfmt::skip]
    let table = [
        (ask("mock:cut=20"),         "an answer that broke off"),
        (streamed("mock:cut=2"),     "a stream that broke off"),
        (ask("mock:malformed"),      "an answer that cannot be read"),
    ];
    for (body, why) in table {
        let tag = format!("case-{}", why.len());
        let budget = budget(&app, &BudgetScope::Tag(tag.clone()), dollars(1.0), Period::Day, true).await;
        app.clock.advance(std::time::Duration::from_secs(31));
        let mut request = request(&app.api_key, &body);
        request.headers_mut().insert("x-supergate-tags", tag.parse().expect("a header"));
        app.send(request).await;
        let spent = spending(&app, &budget).await;
        assert!(spent.spent > Nanos(210_000) && spent.reserved == Nanos(0), "{why}: all that was reserved: {spent:?}");
    }
}

#[tokio::test]
async fn budgets_of_keys_and_tags_bound_those_alone() {
    let app = App::start().await;
    let (key, id) = key_with(&app, &json!({})).await;
    let of_key = budget(&app, &BudgetScope::Key(id.parse().expect("an id")), Nanos(1), Period::Week, true).await;
    let of_tag = budget(&app, &BudgetScope::Tag("team:a".into()), Nanos(1), Period::Total, true).await;
    let refused = chat(&app, &key, &ask("hello")).await;
    assert_eq!(refused.status, 402);
    assert!(refused.text().contains(&format!("the budget of the key {id}")), "{}", refused.text());
    assert_eq!(app.chat(&ask("hello")).await.status, 200, "another key");
    let mut tagged = request(&app.api_key, &ask("hello"));
    tagged.headers_mut().insert("x-supergate-tags", "team:b, team:a".parse().expect("a header"));
    let refused = app.send(tagged).await;
    assert_eq!(refused.status, 402);
    assert!(
        refused.text().contains("the tag `team:a`") && refused.text().contains("it does not reset"),
        "{}",
        refused.text()
    );
    assert_eq!((spending(&app, &of_key).await, spending(&app, &of_tag).await), (UNTOUCHED, UNTOUCHED));
}

#[tokio::test]
async fn a_soft_budget_is_told_of_and_lets_through() {
    let app = App::start().await;
    let soft = budget(&app, &BudgetScope::Tenant, Nanos(1), Period::Day, false).await;
    let first = app.chat(&ask("hello")).await;
    assert_eq!(
        (first.status.as_u16(), first.header("x-supergate-over-budget")),
        (200, ""),
        "nothing was spent before it"
    );
    let second = app.chat(&ask("hello")).await;
    assert_eq!(second.status, 200);
    let told = second.header("x-supergate-over-budget");
    assert!(told.starts_with("the tenant; period=day; limit=$0.000000001; spent=$0.0000"), "{told}");
    assert_eq!(spending(&app, &soft).await.spent, booked(&app).await);
}

#[tokio::test]
async fn a_new_period_begins_at_nothing() {
    let app = App::start().await;
    let budget = budget(&app, &BudgetScope::Tenant, dollars(0.0003), Period::Day, true).await;
    while app.chat(&ask("mock:words=100")).await.status == 200 {}
    app.clock.advance(std::time::Duration::from_secs(86_400));
    assert_eq!(spending(&app, &budget).await, UNTOUCHED);
    assert_eq!(app.chat(&ask("hello")).await.status, 200, "a new day");
}

#[tokio::test]
async fn the_sweeper_forgets_what_was_counted_for_a_deleted_budget() {
    let table = table::own().await;
    let vars = [("SUPERGATE_TABLE", table.as_str())];
    let app = App::start_with(&vars).await;
    let (key, id) = key_with(&app, &json!({})).await;
    let of_key = BudgetScope::Key(id.parse().expect("an id"));
    let of_tag = BudgetScope::Tag("team:a".into());
    let kept = budget(&app, &BudgetScope::Tenant, dollars(5.0), Period::Total, true).await;
    let gone = [
        budget(&app, &of_tag, dollars(5.0), Period::Total, true).await,
        budget(&app, &of_key, dollars(5.0), Period::Total, false).await,
    ];
    let tagged = async |body| {
        let mut request = request(&key, &body);
        request.headers_mut().insert("x-supergate-tags", "team:a".parse().expect("a header"));
        app.begin(request).await
    };
    let counters = async || {
        let items = table::items(&table).await;
        let names = items.into_iter().flat_map(|item| item.into_keys());
        let mut totals: Vec<String> = names.filter(|name| name.ends_with(".total")).collect();
        totals.sort();
        totals
    };
    let delete = async |budget: &Budget| {
        let path = format!("/v1/budgets/{}", budget.id);
        assert_eq!(app.call(Method::DELETE, &path, &app.api_key, &Value::Null).await.status, 204);
    };
    // One has ended, and one is running.
    let (response, after) = tagged(ask("hello")).await;
    drop(response.into_body().collect::<Vec<_>>().await);
    after.run().await;
    let (response, after) = tagged(streamed("hello")).await;
    assert_eq!(counters().await.len(), 3);

    let sweeper = app.sweeper(&vars).await;
    let sweep = async || sweeper.run(Command::default(), None).await.expect("a sweep");
    sweep().await;
    assert_eq!(counters().await.len(), 3, "all are there");
    delete(&gone[0]).await;
    delete(&gone[1]).await;
    sweep().await;
    assert_eq!(counters().await.len(), 3, "the running request has something of each");
    drop(response.into_body().collect::<Vec<_>>().await);
    after.run().await;
    assert_eq!(sweep().await.failed, 0);
    assert_eq!(counters().await, [budget_attribute(&kept, app.clock.now())]);
    let reservations = Reservations::new(table::open(&table).await);
    let spent = reservations.spending(tenant(&app), std::slice::from_ref(&kept), app.clock.now()).await;
    assert_eq!(spent.expect("the table"), [Spending { spent: booked(&app).await, reserved: Nanos(0) }]);
}

#[tokio::test]
async fn many_streams_at_once_share_one_budget() {
    let app = App::start().await;
    let budget = budget(&app, &BudgetScope::Tenant, dollars(0.001), Period::Day, true).await;
    let calls = (0..24).map(|_| async {
        let (response, after) = app.begin(request(&app.api_key, &streamed("mock:words=90"))).await;
        let status = response.status().as_u16();
        drop(response.into_body().collect::<Vec<_>>().await);
        after.run().await;
        status
    });
    let statuses = futures_util::future::join_all(calls).await;
    let admitted = statuses.iter().filter(|status| **status == 200).count();
    assert!(admitted >= 3 && statuses.iter().all(|status| [200, 402].contains(status)), "{statuses:?}");
    let spent = spending(&app, &budget).await;
    assert!(spent.spent <= budget.limit && spent.reserved == Nanos(0), "{spent:?}");
    assert_eq!(spent.spent, booked(&app).await);
}

#[tokio::test]
async fn calls_of_all_kinds_at_once_share_one_budget() {
    let app = App::start().await;
    let budget = budget(&app, &BudgetScope::Tenant, dollars(0.002), Period::Day, true).await;
    let calls = (0..36).map(|n| {
        let (text, is_streamed) = [
            ("mock:words=90", false),
            ("mock:words=90", true),
            ("mock:status=500", false),
            ("mock:status=429", true),
            ("mock:words=40 mock:cut=3", true),
            ("hello", false),
        ][n % 6];
        let body = if is_streamed { streamed(text) } else { ask(text) };
        let request = request(&app.api_key, &body);
        let app = &app;
        async move {
            let (response, after) = app.begin(request).await;
            let status = response.status().as_u16();
            drop(response.into_body().collect::<Vec<_>>().await);
            after.run().await;
            status
        }
    });
    let statuses = futures_util::future::join_all(calls).await;
    assert!(statuses.contains(&200) && statuses.contains(&402), "{statuses:?}");
    let spent = spending(&app, &budget).await;
    assert!(spent.spent <= budget.limit && spent.reserved == Nanos(0), "{spent:?}");
    let booked = booked(&app).await;
    // Where a stream broke off, the budget has what was reserved and the ledger what was counted.
    assert!(spent.spent >= booked, "{spent:?}, {booked:?}");
    assert!(item(&app, None).await.entries.is_empty());
}

#[tokio::test]
async fn a_members_budget_bounds_the_member_and_their_keys() {
    let app = App::start().await;
    let ada = app.member(&app.tenant_id, "ada", "member").await;
    let scope = BudgetScope::Member(ada.id.parse().expect("an id"));
    let (key, id) = key_with(&app, &json!({})).await;
    let client = app.database.superuser().await;
    let mine = "update api_keys set member_id = $1::text::uuid where id = $2::text::uuid";
    let person = ada.id.split_once('_').expect("a prefix").1.to_owned();
    let changed = client.execute(mine, &[&person, &super::uuid(&id)]).await.expect("the key's person");
    assert_eq!(changed, 1);
    let of_ada = budget(&app, &scope, Nanos(1), Period::Month, true).await;
    let refused = chat(&app, &key, &ask("hello")).await;
    assert_eq!(refused.status, 402, "{}", refused.text());
    assert!(refused.text().contains(&format!("the budget of the member {}", ada.id)), "{}", refused.text());
    assert_eq!(app.chat(&ask("hello")).await.status, 200, "another's key");
    assert_eq!(spending(&app, &of_ada).await, UNTOUCHED);
}
