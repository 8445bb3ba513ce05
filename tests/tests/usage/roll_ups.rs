//! Sums and rows agree, whatever was rolled up and in whichever state it was killed.

use super::{items, read};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use supergate::db::usage_hours;
use supergate_tests::{
    app::App,
    postgres::connect,
    usage::{sums_of, sweepers},
};

/// Windows whose sums are asked for, as the query and as `from` and `to`.
#[rustfmt::skip]
const WINDOWS: &[(&str, &str, &str, &str)] = &[
    ("from=2026-10-01&to=2026-11-01",                                         "2026-10-01T00:00:00Z",      "2026-11-01T00:00:00Z",      "a month"),
    ("from=2026-10-01&to=2026-11-01&time_zone=Asia/Kolkata",                  "2026-09-30T18:30:00Z",      "2026-10-31T18:30:00Z",      "half an hour off"),
    ("from=2026-10-01&to=2026-11-01&time_zone=America/New_York",              "2026-10-01T04:00:00Z",      "2026-11-01T04:00:00Z",      "hours off"),
    ("from=2026-10-25&to=2026-10-26&time_zone=Europe/Berlin",                 "2026-10-24T22:00:00Z",      "2026-10-25T23:00:00Z",      "a day of 25 hours"),
    ("from=2026-10-10T10:20:30.123Z&to=2026-10-20T23:59:59.999Z",             "2026-10-10T10:20:30.123Z",  "2026-10-20T23:59:59.999Z",  "in the middle of hours"),
    ("from=2026-10-10T10:20:00%2B02:00&to=2026-10-10T10:40:00+02:00",         "2026-10-10T08:20:00Z",      "2026-10-10T08:40:00Z",      "within one hour"),
    ("from=2026-12-01&to=2026-12-02",                                         "2026-12-01T00:00:00Z",      "2026-12-02T00:00:00Z",      "nothing at all"),
];

/// Groupings, and what their groups are as SQL; none for `tag`, which is looked at as the rows that have it.
const GROUPINGS: &[(&str, &[(&str, &str)])] = &[
    ("model", &[("provider", "e.provider"), ("model", "e.model")]),
    ("provider", &[("provider", "e.provider")]),
    ("key", &[("key_id", "'key_' || replace(e.key_id::text, '-', '')")]),
    (
        "member,model",
        &[
            ("member_id", "'usr_' || replace(e.member_id::text, '-', '')"),
            ("provider", "e.provider"),
            ("model", "e.model"),
        ],
    ),
    ("end_user,key", &[("end_user", "e.end_user"), ("key_id", "'key_' || replace(e.key_id::text, '-', '')")]),
    ("model,end_user", &[("provider", "e.provider"), ("model", "e.model"), ("end_user", "e.end_user")]),
    ("tag", &[("tag", "")]),
    ("tag,provider", &[("tag", ""), ("provider", "e.provider")]),
    ("tag,end_user", &[("tag", ""), ("end_user", "e.end_user")]),
];

async fn compare(app: &App, state: &str) {
    for (query, from, to, why) in WINDOWS {
        let expected = app.plain_sums(from, to, "").await;
        let totals = read(app, &format!("/v1/usage?{query}")).await;
        assert_eq!(sums_of(&totals), expected, "{state}: {why}: {totals}");
        if from.contains("08:20") || from.contains("12-01") || from.contains("10-10") {
            continue;
        }
        for (by, columns) in GROUPINGS {
            if by.contains("tag,end_user") && !why.contains("25 hours") {
                continue;
            }
            let breakdown = read(app, &format!("/v1/usage/breakdown?by={by}&limit=1000&{query}")).await;
            assert_eq!(sums_of(&breakdown["total"]), expected, "{state}: {why}: {by}");
            assert_eq!(breakdown["more"], json!(false));
            let costs: Vec<i64> =
                items(&breakdown).iter().filter_map(|row| sums_of(row)["cost_nanos"].as_i64()).collect();
            assert!(costs.is_sorted_by(|one, next| one >= next), "the dearest first: {costs:?}");
            assert!(!costs.is_empty(), "{state}: {why}: {by}");
            for row in items(&breakdown).iter().step_by(3) {
                let condition = condition(columns, row);
                assert_eq!(sums_of(row), app.plain_sums(from, to, &condition).await, "{state}: {why}: {by}: {row}");
            }
            let groups = groups(app, columns, from, to).await;
            assert_eq!(items(&breakdown).len() as i64, groups, "{state}: {why}: {by}: every group is there");
        }
    }
}

/// The rows of a group.
fn condition(columns: &[(&str, &str)], row: &Value) -> String {
    let of = |(name, sql): &(&str, &str)| match (row[name].as_str(), *sql) {
        (Some(tag), "") => format!(" and '{tag}' = any (e.tags)"),
        (Some(value), sql) => format!(" and {sql} = '{value}'"),
        (None, sql) => format!(" and {sql} is null"),
    };
    columns.iter().map(of).collect()
}

async fn groups(app: &App, columns: &[(&str, &str)], from: &str, to: &str) -> i64 {
    let by: Vec<&str> = columns.iter().map(|(_, sql)| if sql.is_empty() { "tag" } else { sql }).collect();
    let tags = if by.contains(&"tag") { "cross join lateral unnest(e.tags) tag" } else { "" };
    // What has no end user is in no group of end users.
    let only = if by.contains(&"e.end_user") { "and e.end_user <> ''" } else { "" };
    let sql = format!(
        "select count(distinct row({})) from usage_events e {tags} where e.tenant_id = '{}' and app.request_time(e.request_id) >= '{from}'
         and app.request_time(e.request_id) < '{to}' {only}",
        by.join(", "),
        app.tenant().as_uuid()
    );
    app.database.superuser().await.query_one(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

#[tokio::test]
async fn sums_and_rows_agree_to_the_nano_dollar_however_far_the_roll_up_is() {
    let app = App::start().await;
    app.key_of("member").await;
    let other = app.other_tenant("other").await;
    app.make_usage(2000, 40.0, "'2026-11-03T12:00:00Z'", "first").await;
    // Somebody else's rows are in nobody's sums but theirs.
    let theirs = other.id.parse().expect("a tenant");
    supergate_tests::usage::make_usage(&app.database, theirs, 500, 40.0, "'2026-11-03T12:00:00Z'", "theirs").await;
    compare(&app, "nothing rolled up").await;
    assert_eq!(app.roll_up(300, 3).await, 900 + 500 + 71, "some of these, all of theirs");
    compare(&app, "half of it rolled up").await;
    app.roll_up(100_000, 1).await;
    compare(&app, "all of it rolled up").await;
    app.make_usage(300, 40.0, "'2026-11-03T12:00:00Z'", "late").await;
    compare(&app, "and some came late").await;
    app.roll_up(100_000, 1).await;
    compare(&app, "which were rolled up too").await;
    assert_eq!(app.roll_up(100_000, 1).await, 0, "nothing is taken twice");
    let left = "select count(*) from usage_events_new";
    let left: i64 = app.database.superuser().await.query_one(left, &[]).await.expect("the notes").get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_chart_has_every_step_of_the_calendar_where_the_caller_is() {
    let app = App::start().await;
    app.make_usage(800, 31.0, "now()", "chart").await;
    app.roll_up(400, 1).await;
    for zone in ["UTC", "Asia/Kolkata", "America/St_Johns", "Europe/Berlin", "Pacific/Chatham"] {
        for (period, steps) in [("24h", 24), ("7d", 7), ("30d", 30)] {
            let chart = read(&app, &format!("/v1/usage/chart?period={period}&time_zone={zone}")).await;
            assert_eq!(items(&chart).len(), steps, "{period} in {zone}");
            let mut until = chart["from"].clone();
            for step in items(&chart) {
                assert_eq!(step["from"], until, "{period} in {zone}: no gap");
                until = step["to"].clone();
                let (from, to) = (step["from"].as_str().expect("a time"), step["to"].as_str().expect("a time"));
                assert_eq!(sums_of(step), app.plain_sums(from, to, "").await, "{period} in {zone}: {step}");
            }
            assert_eq!(until, chart["to"]);
            let totals = read(&app, &format!("/v1/usage?period={period}&time_zone={zone}")).await;
            let sum: i64 = items(&chart).iter().filter_map(|step| sums_of(step)["cost_nanos"].as_i64()).sum();
            assert_eq!(sums_of(&totals)["cost_nanos"], json!(sum), "{period} in {zone}: the same time");
        }
    }
}

#[tokio::test]
async fn a_roll_up_that_is_killed_counts_nothing_twice_and_two_at_once_neither() {
    let app = App::start().await;
    app.make_usage(1000, 3.0, "now()", "killed").await;
    let rows = 1000 + 142;
    let client = connect(&app.database.url("supergate_sweeper")).await;
    let begin = format!("begin; select app.set_tenant('{}'); select app.roll_up_usage(700)", app.tenant().as_uuid());
    // Killed before the commit, as by a process that ends.
    client.batch_execute(&format!("{begin}; rollback")).await.expect("a roll-up");
    let db = sweepers(&app.database);
    let both = async || usage_hours::roll_up(&db, app.tenant(), 400).await;
    let mut taken = 0;
    for _ in 0..6 {
        // Of two that meet, one may be told to try again: what it did is undone.
        let (one, other) = tokio::join!(both(), both());
        taken += one.unwrap_or_default() + other.unwrap_or_default();
    }
    assert_eq!(taken, rows, "each row once");
    let sums = "select sum(attempts)::bigint, sum(cost_nanos)::bigint from usage_hours where kind = 'all'";
    let sums = app.database.superuser().await.query_one(sums, &[]).await.expect("sums");
    let plain = app.plain_sums("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "").await;
    assert_eq!(json!(sums.get::<_, i64>(0)), plain["attempts"]);
    assert_eq!(json!(sums.get::<_, i64>(1)), plain["cost_nanos"]);
}

#[tokio::test]
async fn the_sweeper_finds_every_tenant_with_new_rows_and_no_other() {
    let app = App::start().await;
    app.unbilled("its rows are made up");
    let mut expected = BTreeMap::new();
    for i in 0..5 {
        let tenant =
            app.other_tenant(&format!("t{i}")).await.id.parse::<supergate::tenancy::TenantId>().expect("an id");
        if i % 2 == 0 {
            supergate_tests::usage::make_usage(&app.database, tenant, 20 * (i + 1), 2.0, "now()", "t").await;
            expected.insert(*tenant.as_uuid(), tenant);
        }
    }
    let db = sweepers(&app.database);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let next = usage_hours::tenants_with_new(&db, after, 2).await.expect("tenants");
        let Some(last) = next.last() else { break };
        after = Some(*last);
        found.extend(next);
    }
    assert_eq!(found, expected.into_values().collect::<Vec<_>>(), "in the order of their ids, page by page");
}

#[tokio::test]
async fn an_hour_has_a_thousand_end_users_by_name_and_everything_else_agrees_all_the_same() {
    let app = App::start().await;
    app.make_usage(2_500, 0.03, "'2026-10-20T12:59:00Z'", "crowd").await;
    let superuser = app.database.superuser().await;
    // Somebody else with each request.
    let crowd = "update usage_events set end_user = 'user ' || left(md5(request_id::text), 12)";
    superuser.batch_execute(crowd).await.expect("to be allowed");
    let day = ("from=2026-10-20&to=2026-10-21", "2026-10-20T00:00:00Z", "2026-10-21T00:00:00Z");
    let mut before = BTreeMap::new();
    for by in ["model", "provider", "key", "member,model", "tag"] {
        before.insert(by, read(&app, &format!("/v1/usage/breakdown?by={by}&{}", day.0)).await["data"].clone());
    }
    // In three parts, so that most come when there is no room any more.
    assert_eq!(app.roll_up(900, 4).await, 2_500 + 357);
    let expected = app.plain_sums(day.1, day.2, "").await;
    for (by, groups) in before {
        let after = read(&app, &format!("/v1/usage/breakdown?by={by}&{}", day.0)).await;
        assert_eq!(after["data"], groups, "{by}: rows and sums agree");
        assert_eq!(sums_of(&after["total"]), expected, "{by}");
    }
    let most = "select max(n) from (select count(distinct label) n from usage_hours where kind = 'end_user' group by hour) by_hour";
    let most: i64 = superuser.query_one(most, &[]).await.expect("a count").get(0);
    assert_eq!(most, 1_000);
    let breakdown = read(&app, &format!("/v1/usage/breakdown?by=end_user&limit=1000&{}", day.0)).await;
    assert_eq!(sums_of(&breakdown["total"]), expected);
    let others: Vec<&Value> = items(&breakdown).iter().filter(|row| row["end_user"].is_null()).collect();
    assert_eq!(others.len(), 1, "the others are one group");
    let named = "select coalesce(sum(cost_nanos), 0)::bigint from usage_hours where kind = 'end_user'";
    let named: i64 = superuser.query_one(named, &[]).await.expect("a sum").get(0);
    assert_eq!(
        sums_of(others[0])["cost_nanos"].as_i64().map(|others| others + named),
        expected["cost_nanos"].as_i64(),
        "nobody is lost"
    );
    // Who has a sum keeps it, and who came too late is with the others.
    for row in items(&breakdown).iter().filter(|row| !row["end_user"].is_null()).step_by(200) {
        let of = format!("and e.end_user = '{}'", row["end_user"].as_str().expect("a name"));
        assert_eq!(sums_of(row), app.plain_sums(day.1, day.2, &of).await, "{row}");
    }
}
