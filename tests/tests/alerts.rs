//! Alerts: what is told, that it is told once, and that nobody waits for it or fails by it.

use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use supergate::{
    gateway::sweeper::{Action, Command},
    http::aws,
};
use supergate_tests::{
    app::{App, MODELS},
    logs::Logs,
    table,
};
use uuid::Uuid;

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
    app.clock.advance(Duration::from_secs(31));
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
async fn what_a_bus_did_not_take_is_told_when_it_does() {
    let bus = format!("test-{}", Uuid::now_v7().simple());
    let mut app = App::start_with(&[("SUPERGATE_ALERTS_BUS", &bus)]).await;
    budget(&app, 0.000_000_001, false).await;
    let logs = Logs::capture();
    let counts = || (told(&logs).len(), logs.text().matches("an alert was not told").count());
    for _ in 0..3 {
        assert_eq!(app.chat(&chat()).await.status, 200);
    }
    assert_eq!(counts(), (1, 1), "a bus that is away is not asked again with each request");
    app.clock.advance(Duration::from_secs(61));
    assert_eq!(app.chat(&chat()).await.status, 200);
    assert_eq!(counts(), (2, 2), "the control: after a minute it is");
    app.restart_with(&[("SUPERGATE_ALERTS_BUS", &bus)]).await;
    assert_eq!(app.chat(&chat()).await.status, 200);
    assert_eq!(counts(), (3, 3), "and another process does so at once");
    let aws = aws::sdk_config(Duration::from_secs(30)).await.expect("the SDK's configuration");
    let buses = aws_sdk_eventbridge::Client::new(&aws);
    buses.create_event_bus().name(&bus).send().await.expect("a bus");
    app.clock.advance(Duration::from_secs(61));
    for _ in 0..2 {
        assert_eq!(app.chat(&chat()).await.status, 200);
        app.restart_with(&[("SUPERGATE_ALERTS_BUS", &bus)]).await;
        app.clock.advance(Duration::from_secs(61));
    }
    assert_eq!(counts(), (4, 3), "told, and then no more by whatever process");
}

#[tokio::test]
async fn limits_that_nobody_counts_are_told_once_by_a_process_and_again_while_it_lasts() {
    let vars = [("SUPERGATE_ALERTS_BUS", "default"), ("SUPERGATE_TABLE", "there-is-no-such-table")];
    let app = App::start_with(&vars).await;
    let logs = Logs::capture();
    for _ in 0..3 {
        assert_eq!(app.chat(&chat()).await.status, 200);
    }
    let names = || told(&logs).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(), ["limits.uncounted"]);
    assert!(logs.text().contains("limits_unavailable") && !logs.text().contains("an alert was not told"));
    app.clock.advance(Duration::from_secs(3_600));
    assert_eq!(app.chat(&chat()).await.status, 200);
    assert_eq!(names(), ["limits.uncounted", "limits.uncounted"]);
}

#[tokio::test]
async fn a_soft_budget_that_only_the_sweeper_saw_used_up_is_told_and_its_next_limit_too() {
    let name = table::own().await;
    let vars = [("SUPERGATE_TABLE", name.as_str())];
    let app = App::start_with(&vars).await;
    let body = json!({"limit_usd": 0.000_000_001, "period": "total", "hard": false});
    let made = app.call(Method::POST, "/v1/budgets", &app.api_key, &body).await.json();
    app.clock.advance(Duration::from_secs(31));
    app.unbilled("the function is killed when it has answered");
    let (response, after) = app.begin(app.chat_request(chat().to_string())).await;
    drop((response, after));
    table::make_overdue(&name).await;
    let logs = Logs::capture();
    for runs in 0..2 {
        let report = app.sweeper(&vars).await.run(Command::default(), None).await.expect("to be swept");
        assert_eq!((report.charged, report.failed), (1 - runs, 0));
        let told = told(&logs);
        let [(name, detail)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((name.as_str(), &detail["tenant_id"]), ("budget.used_up", &json!(app.tenant_id)));
        assert_eq!((&detail["asked_usd"], &detail["reserved_usd"]), (&json!(null), &json!(0.0)));
    }
    let path = format!("/v1/budgets/{}", made["id"].as_str().expect("an id"));
    let raised = app.call(Method::PATCH, &path, &app.api_key, &json!({"limit_usd": 0.000_000_002})).await;
    assert_eq!(raised.status, 200, "{}", raised.text());
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.chat(&chat()).await.status, 200);
    assert_eq!(told(&logs).len(), 2, "with another limit it is used up once more");
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

#[tokio::test]
async fn a_look_for_unusual_spending_that_fails_keeps_nothing_else_from_being_done() {
    let app = App::start().await;
    let superuser = app.database.superuser().await;
    let gone = "drop function app.find_unusual_spending(timestamptz, bigint, bigint)";
    superuser.batch_execute(gone).await.expect("to be allowed");
    let logs = Logs::capture();
    let report = app.sweeper(&[]).await.run(Command { action: Action::Tidy }, None).await.expect("to be tidied");
    assert_eq!((report.failed, report.unusual, report.complete), (1, 0, true), "{report:?}");
    assert_eq!(logs.alarms("spending_unwatched").len(), 1, "and somebody hears of it");
}

/// The template, without the tags of its short forms.
fn template() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml");
    let text = std::fs::read_to_string(path).expect("the template");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_stack_tells_under_its_own_name_and_hears_nobody_elses_alerts() {
    let own = json!("supergate.${AWS::StackName}");
    let template = template();
    let resources = template["Resources"].as_object().expect("resources");
    let (mut tellers, mut listeners) = (0, 0);
    for (id, resource) in resources {
        let properties = &resource["Properties"];
        let variables = &properties["Environment"]["Variables"];
        if variables["SUPERGATE_ALERTS_BUS"] != Value::Null {
            assert_eq!(variables["SUPERGATE_ALERTS_SOURCE"], own, "{id} tells under the stack's name");
            tellers += 1;
        }
        if properties["EventPattern"] != Value::Null {
            assert_eq!(properties["EventPattern"], json!({"source": [own]}), "{id} hears this stack alone");
            listeners += 1;
        }
        for statement in properties["Policies"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default())
        {
            if statement["Action"] == "events:PutEvents" {
                let condition = &statement["Condition"]["StringEquals"]["events:source"];
                assert_eq!(*condition, own, "{id} may speak for no other stack");
            }
        }
    }
    assert_eq!((tellers, listeners), (4, 2), "the control: who tells, and the rules");
}

#[test]
fn a_secret_that_was_not_set_is_not_sent() {
    let template = template();
    let secret = &template["Parameters"]["AlertWebhookSecret"];
    assert_eq!((&secret["Default"], &secret["NoEcho"]), (&json!(""), &json!(true)));
    let sent = &template["Resources"]["AlertWebhookConnection"]["Properties"]["AuthParameters"]["ApiKeyAuthParameters"];
    let of_secret = |with: &str, without: &str| json!(["HasAlertWebhookSecret", with, without]);
    assert_eq!(sent["ApiKeyName"], of_secret("x-supergate-webhook-secret", "x-supergate-stack"));
    assert_eq!(sent["ApiKeyValue"], of_secret("AlertWebhookSecret", "AWS::StackName"));
}
