//! `/v1/usage` and below: the hourly sums and the rows agree to the nano-dollar however far the roll-up is, everybody sees what they may, and
//! a file is as long as the ledger without the memory for it.

#[path = "usage/export.rs"]
mod export;
#[path = "usage/logs.rs"]
mod logs;
#[path = "usage/roll_ups.rs"]
mod roll_ups;

use http::Method;
use serde_json::{Value, json};
use supergate_tests::{
    app::{App, MODELS},
    office::text,
    usage::sums_of,
};

async fn read(app: &App, path: &str) -> Value {
    let answer = app.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn items(list: &Value) -> &Vec<Value> {
    list["data"].as_array().unwrap_or_else(|| panic!("a list: {list}"))
}

#[tokio::test]
async fn what_was_asked_is_in_the_totals_the_breakdown_the_chart_and_the_logs_at_once() {
    let app = App::start().await;
    for model in MODELS {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}], "user": "ada"});
        assert_eq!(app.chat(&body).await.status, 200);
    }
    let rows = app.usage_events().await;
    let cost: i64 = rows.iter().map(|row| row["cost_nanos"].as_i64().expect("nano-dollars")).sum();
    assert!(cost > 0 && rows.len() == MODELS.len(), "the control: there is something to find");
    let totals = read(&app, "/v1/usage").await;
    assert_eq!(sums_of(&totals)["cost_nanos"], json!(cost));
    assert_eq!((&totals["requests"], &totals["period"]), (&json!(MODELS.len()), &json!("30d")));
    let by_model = read(&app, "/v1/usage/breakdown?by=model,key").await;
    assert_eq!(sums_of(&by_model["total"]), sums_of(&totals));
    assert_eq!(items(&by_model).len(), MODELS.len());
    let names: Vec<String> =
        items(&by_model).iter().map(|row| format!("{}/{}", text(&row["provider"]), text(&row["model"]))).collect();
    assert!(MODELS.iter().all(|model| names.iter().any(|name| name == model)), "{names:?}");
    assert_eq!(items(&by_model)[0]["key_name"], "test");
    for (period, steps) in [("24h", 24), ("7d", 7), ("30d", 30)] {
        let chart = read(&app, &format!("/v1/usage/chart?period={period}")).await;
        assert_eq!(items(&chart).len(), steps, "every step is there: {period}");
        let sum: i64 = items(&chart).iter().map(|step| sums_of(step)["cost_nanos"].as_i64().expect("a sum")).sum();
        assert_eq!(sum, cost, "{period}");
        assert_eq!(sums_of(items(&chart).last().expect("the last"))["cost_nanos"], json!(cost), "it was just now");
    }
    let logs = read(&app, "/v1/usage/logs").await;
    assert_eq!(items(&logs).len(), MODELS.len());
    assert!(!logs.to_string().contains("hello"), "no prompts");
}

#[tokio::test]
async fn members_see_their_own_use_and_the_others_everybodys() {
    let app = App::start().await;
    let ask = json!({"model": MODELS[0], "messages": [{"role": "user", "content": "hello"}]});
    let member = app.key_of("member").await;
    let other = app.key_of("member").await;
    for key in [&member, &other, &other] {
        assert_eq!(app.call(Method::POST, "/v1/chat/completions", key, &ask).await.status, 200);
    }
    let viewer = app.key_of("viewer").await;
    let admin = app.key_of("admin").await;
    for round in ["before the roll-up", "after it"] {
        for (key, sees) in [(&member, 1), (&other, 2), (&viewer, 3), (&admin, 3), (&app.api_key, 3)] {
            let totals = app.look("/v1/usage", key).await.json();
            assert_eq!(totals["requests"], json!(sees), "{round}");
            let breakdown = app.look("/v1/usage/breakdown?by=key", key).await.json();
            let of_each: Vec<u64> = items(&breakdown).iter().filter_map(|row| row["requests"].as_u64()).collect();
            assert_eq!(of_each.iter().sum::<u64>(), sees, "{round}");
            let chart = app.look("/v1/usage/chart", key).await.json();
            let in_steps: u64 = items(&chart).iter().filter_map(|row| row["requests"].as_u64()).sum();
            assert_eq!(in_steps, sees, "{round}");
            let logs = app.look("/v1/usage/logs", key).await.json();
            assert_eq!(items(&logs).len() as u64, sees, "{round}");
            let file = app.look("/v1/usage/export", key).await.text();
            assert_eq!(file.lines().count() as u64, sees + 1, "{round}");
        }
        app.roll_up(1000, 1).await;
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_by_name() {
    let app = App::start().await;
    #[rustfmt::skip]
    let table = [
        ("?since=1",                                      "since",     "unknown"),
        ("?period=1y",                                    "period",    "unknown"),
        ("?period=7d&from=2026-01-01",                    "period",    "two ways to say the same"),
        ("?period=7d&period=30d",                         "period",    "twice"),
        ("?from=yesterday",                               "from",      "no time"),
        ("?from=2026-02-30",                              "from",      "no day"),
        ("?from=9999-12-31T23:00:00-05:00",               "from",      "beyond every calendar"),
        ("?from=2026-01-02&to=2026-01-01",                "from",      "the wrong way round"),
        ("?from=2000-01-01&to=2026-01-01",                "from",      "longer than a report"),
        ("?time_zone=Mars/Olympus",                       "time_zone", "no place that the calendar knows"),
        ("?time_zone=EST5",                               "time_zone", "a rule of POSIX"),
        ("?time_zone=-3",                                 "time_zone", "another"),
        ("?time_zone=%27;select/1",                       "time_zone", "no name"),
        ("/breakdown",                                    "by",        "by nothing"),
        ("/breakdown?by=colour",                          "by",        "by what there is not"),
        ("/breakdown?by=model,key,member",                "by",        "three levels"),
        ("/breakdown?by=model,model",                     "by",        "the same twice"),
        ("/breakdown?by=tag,end_user&from=2026-01-01&to=2026-03-01", "by", "two that have no sums, for long"),
        ("/breakdown?by=model&limit=0",                   "limit",     "no groups"),
        ("/breakdown?by=model&limit=1001",                "limit",     "too many"),
        ("/breakdown?by=model&cursor=x",                  "cursor",    "it has no pages"),
        ("/chart?period=month",                           "period",    "not one of its periods"),
        ("/chart?from=2026-01-01",                        "from",      "not one of its parameters"),
        ("/logs?status=99",                               "status",    "no status"),
        ("/logs?status=9xx",                              "status",    "no class"),
        ("/logs?key_id=sg_live_1",                        "key_id",    "no id"),
        ("/logs?provider=nobody",                         "provider",  "no provider"),
        ("/logs?provider=openai&model=mistral/x",         "model",     "of another provider"),
        ("/logs?cursor=req_1",                            "cursor",    "no place"),
        ("/logs?limit=201",                               "limit",     "more than a page"),
        ("/export?format=xml",                            "format",    "no format"),
        ("/export?limit=1",                               "limit",     "a file has everything"),
    ];
    for (query, param, why) in table {
        let answer = app.get(&format!("/v1/usage{query}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_value".into(), param.into()), "{query}: {why}: {}", answer.text());
    }
    assert_eq!(app.get("/v1/usage/everything").await.status, 404);
    assert_eq!(app.get("/v1/usage/logs/1").await.status, 404);
}
