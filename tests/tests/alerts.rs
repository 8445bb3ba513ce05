//! Alerts: what is told, that it is told once, and that nobody waits for it or fails by it.

use http::Method;
use serde_json::{Value, json};
use supergate::gateway::sweeper::{Action, Command};
use supergate_tests::{
    app::{App, MODELS},
    logs::Logs,
};

/// The default bus of the stand-in for AWS, and one that there is none of.
const BUSES: [(&str, bool); 2] = [("default", true), ("no-such-bus-anywhere", false)];

/// The alerts that were told, as (name, detail).
fn told(logs: &Logs) -> Vec<(String, Value)> {
    let events = logs.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>();
    let told = events.iter().filter(|event| event["message"] == "an alert");
    let detail = |event: &Value| serde_json::from_str(event["detail"].as_str().expect("a detail")).expect("JSON");
    told.map(|event| (event["alert"].as_str().expect("a name").to_owned(), detail(event))).collect()
}

async fn budget(app: &App, limit_usd: f64, hard: bool) {
    let body = json!({"limit_usd": limit_usd, "period": "month", "hard": hard});
    let made = app.call(Method::POST, "/v1/budgets", &app.api_key, &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    app.clock.advance(std::time::Duration::from_secs(31));
}

fn chat() -> Value {
    json!({"model": MODELS[0], "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 20})
}

#[tokio::test]
async fn a_soft_budget_that_is_used_up_is_told_once_and_a_bus_that_is_away_stops_nobody() {
    for (bus, is_there) in BUSES {
        let app = App::start_with(&[("SUPERGATE_ALERTS_BUS", bus)]).await;
        budget(&app, 0.000_000_001, false).await;
        let logs = Logs::capture();
        for _ in 0..3 {
            assert_eq!(app.chat(&chat()).await.status, 200);
        }
        let told = told(&logs);
        let [(name, detail)] = told.as_slice() else { panic!("{bus}: {told:?}") };
        assert_eq!(name, "budget.used_up");
        assert_eq!((&detail["tenant_id"], &detail["period"]), (&json!(app.tenant_id), &json!("month")));
        assert_eq!((&detail["limit_usd"], &detail["scope"]), (&json!(1e-9), &json!({})));
        assert!(detail["spent_usd"].as_f64().is_some_and(|spent| spent >= 1e-9), "{detail}");
        assert_eq!(!logs.text().contains("an alert was not told"), is_there, "{bus}: {}", logs.text());
    }
}

#[tokio::test]
async fn a_hard_budget_that_refuses_is_told_once_by_whatever_process() {
    let mut app = App::start().await;
    budget(&app, 0.000_000_001, true).await;
    let logs = Logs::capture();
    for restarts in 0..2 {
        for _ in 0..2 {
            let refused = app.chat(&chat()).await;
            assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (402, "budget_exceeded"));
        }
        let told = told(&logs);
        assert_eq!(told.len(), 1, "after {restarts} restarts: {told:?}");
        assert_eq!((told[0].0.as_str(), &told[0].1["spent_usd"]), ("budget.refuses", &json!(0.0)));
        app.restart().await;
    }
    assert!(app.mock.bill().is_empty(), "nothing was spent");
}

#[tokio::test]
async fn an_hour_that_cost_far_more_than_usual_is_told_once() {
    let app = App::start().await;
    let tenant = app.tenant_id.trim_start_matches("ten_");
    // Dollars by hours ago: five times the dearest hour before is no more than usual, a cent more is.
    let hours = [(60, 2.0), (30, 0.1), (5, 10.0), (4, 50.01), (3, 250.0), (2, 4.0)];
    for (ago, usd) in hours {
        let sql = format!(
            "insert into usage_hours (tenant_id, hour, kind, label, provider, model, attempts, requests, errors, input_tokens, output_tokens,
                 cached_input_tokens, cache_write_tokens, reasoning_tokens, cost_nanos, cache_hits, saved_nanos)
             values ('{tenant}', date_trunc('hour', now()) - interval '{ago} hours', 'all', '', 'openai', 'gpt-4o-mini', 1, 1, 0, 1, 1,
                 0, 0, 0, {usd}::numeric * 1000000000, 0, 0)"
        );
        app.database.superuser().await.batch_execute(&sql).await.expect("an hour");
    }
    let logs = Logs::capture();
    for _ in 0..2 {
        let sweeper = app.sweeper(&[]).await;
        let report = sweeper.run(Command { action: Action::Tidy }, None).await.expect("to be tidied");
        assert_eq!(report.unusual, 1);
    }
    let told = told(&logs);
    let [(name, detail)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((name.as_str(), &detail["tenant_id"]), ("spending.unusual", &json!(app.tenant_id)));
    assert_eq!((&detail["spent_usd"], &detail["usual_usd"]), (&json!(50.01), &json!(10.0)));
}
