//! Limits and budgets: what a caller meets, and that nobody gets through who should not, however many try at once.

#[path = "limits/away.rs"]
mod away;
#[path = "limits/budgets.rs"]
mod budgets;
#[path = "limits/clocks.rs"]
mod clocks;
#[path = "limits/faults.rs"]
mod faults;
#[path = "limits/model.rs"]
mod model;
#[path = "limits/races.rs"]
mod races;
#[path = "limits/rates.rs"]
mod rates;
#[path = "limits/slices.rs"]
mod slices;

use http::{Method, Request};
use serde_json::{Value, json};
use supergate::{
    limits::{Budget, BudgetScope, ItemKey, Period, Spending, dynamo::Reservations, state::ItemState},
    tenancy::{BudgetId, KeyId, TenantId},
    usage::Nanos,
};
use supergate_tests::{
    app::{Answer, App},
    table,
};

const MODEL: &str = "openai/gpt-4o-mini";

fn ask(text: &str) -> Value {
    json!({"model": MODEL, "messages": [{"role": "user", "content": text}], "max_completion_tokens": 100})
}

fn streamed(text: &str) -> Value {
    let mut body = ask(text);
    body["stream"] = json!(true);
    body
}

/// A key of the tenant with these limits: its text and its id.
async fn key_with(app: &App, limits: &Value) -> (String, String) {
    let body = json!({"name": "limited", "role": "member", "limits": limits});
    let answer = app.call(Method::POST, "/v1/keys", &app.api_key, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let body = answer.json();
    let text = |name: &str| body[name].as_str().expect(name).to_owned();
    (text("key"), text("id"))
}

async fn chat(app: &App, key: &str, body: &Value) -> Answer {
    app.call(Method::POST, "/v1/chat/completions", key, body).await
}

/// A chat request with that key whose answer is not read yet.
fn request(key: &str, body: &Value) -> Request<lambda_http::Body> {
    Request::post("/v1/chat/completions")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(lambda_http::Body::Text(body.to_string()))
        .expect("a request")
}

fn uuid(id: &str) -> String {
    let (_, simple) = id.split_once('_').expect("a prefix");
    simple.to_owned()
}

fn tenant(app: &App) -> TenantId {
    app.tenant_id.parse().expect("a tenant id")
}

/// A limit of the tenant, or of one of its keys with a model.
async fn limit(
    app: &App,
    of: Option<(&str, &str)>,
    requests: Option<i32>,
    tokens: Option<i64>,
    concurrency: Option<i32>,
) {
    let (key, model) = of.map_or((None, None), |(key, model)| (Some(uuid(key)), Some(model)));
    let statement = "insert into limits (tenant_id, key_id, model, requests_per_minute, tokens_per_minute, concurrency) \
        values ($1::text::uuid, $2::text::uuid, $3, $4, $5, $6)";
    let tenant = uuid(&app.tenant_id);
    let client = app.database.superuser().await;
    client.execute(statement, &[&tenant, &key, &model, &requests, &tokens, &concurrency]).await.expect("a limit");
}

/// A budget, of the tenant if of nobody else.
async fn budget(app: &App, scope: &BudgetScope, limit: Nanos, period: Period, hard: bool) -> Budget {
    let id = BudgetId::generate(std::time::Duration::from_secs(1));
    let (mut key, mut member, mut tag) = (None, None, None);
    match scope {
        BudgetScope::Tenant => {}
        BudgetScope::Key(id) => key = Some(id.as_uuid().to_string()),
        BudgetScope::Member(id) => member = Some(id.as_uuid().to_string()),
        BudgetScope::Tag(text) => tag = Some(text.clone()),
    }
    let statement = "insert into budgets (tenant_id, id, key_id, member_id, tag, limit_nanos, period, hard) \
        values ($1::text::uuid, $2::text::uuid, $3::text::uuid, $4::text::uuid, $5, $6, $7, $8)";
    let (tenant, text) = (uuid(&app.tenant_id), id.as_uuid().to_string());
    let client = app.database.superuser().await;
    client
        .execute(statement, &[&tenant, &text, &key, &member, &tag, &limit.0, &period.as_str(), &hard])
        .await
        .expect("a budget");
    Budget { id, scope: scope.clone(), limit, period, hard }
}

async fn spending(app: &App, budget: &Budget) -> Spending {
    use supergate::clock::Clock;
    let reservations = Reservations::new(table::shared().await);
    let found = reservations.spending(tenant(app), std::slice::from_ref(budget), app.clock.now()).await;
    found.expect("the table").pop().expect("one for each")
}

async fn item(app: &App, key: Option<&str>) -> ItemState {
    let key = key.map(|key| key.parse::<KeyId>().expect("a key id"));
    let item = ItemKey::new(tenant(app), key);
    Reservations::new(table::shared().await).read_item(item).await.expect("the table")
}

/// What the ledger's rows add up to.
async fn booked(app: &App) -> Nanos {
    Nanos(app.usage_events().await.iter().map(|row| row["cost_nanos"].as_i64().expect("nanos")).sum())
}

fn dollars(dollars: f64) -> Nanos {
    #[expect(clippy::cast_possible_truncation, reason = "tests use few digits")]
    Nanos((dollars * 1e9).round() as i64)
}
