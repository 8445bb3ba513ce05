//! What limits, budgets and the ledger add to a request: CPU, calls of DynamoDB and what they write; and what AWS asks for a million.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use serde_json::Value;
use supergate_tests::{lambda::Stack, postgres::execute};
use tokio::net::TcpListener;

use crate::measure::{DEADLINE, cpu_per_call};
use crate::report::Report;

const PRICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/aws-prices.toml");
/// Requests over which calls and units are counted.
const COUNTED: usize = 50;
const CHAT: &str = "chat-completions";
/// What the template gives the function.
const MEMORY_GB: f64 = 0.512;

/// A proxy in front of DynamoDB that counts. Not used where CPU is measured.
struct Meter {
    url: String,
    counted: Arc<Mutex<Counted>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    calls: usize,
    /// Of writing: a kilobyte of the item each.
    units: usize,
    item_bytes: usize,
}

#[derive(Clone)]
struct Wire {
    upstream: String,
    client: reqwest::Client,
    counted: Arc<Mutex<Counted>>,
}

impl Meter {
    async fn start() -> Self {
        let upstream = std::env::var("AWS_ENDPOINT_URL_DYNAMODB").or_else(|_| std::env::var("AWS_ENDPOINT_URL"));
        let upstream = upstream.expect("the local DynamoDB: run `make bench`");
        let counted = Arc::new(Mutex::new(Counted::default()));
        let wire = Wire { upstream, client: reqwest::Client::new(), counted: Arc::clone(&counted) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let app = Router::new().fallback(forward).with_state(wire);
        tokio::spawn(async { axum::serve(listener, app).await.expect("the meter") });
        Self { url, counted }
    }

    fn take(&self) -> Counted {
        std::mem::take(&mut *self.counted.lock().expect("counts"))
    }
}

async fn forward(State(wire): State<Wire>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let mut call = wire.client.post(&wire.upstream).body(body);
    for name in ["authorization", "content-type", "x-amz-target", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            call = call.header(name, value);
        }
    }
    let reply = call.send().await.expect("the local DynamoDB");
    let status = StatusCode::from_u16(reply.status().as_u16()).expect("a status");
    let body = reply.bytes().await.expect("an answer");
    let bytes = serde_json::from_slice::<Value>(&body).map_or(0, |answer| item_bytes(&answer["Attributes"]));
    {
        let mut counted = wire.counted.lock().expect("counts");
        counted.calls += 1;
        counted.units += bytes.div_ceil(1024).max(1);
        counted.item_bytes = counted.item_bytes.max(bytes);
    }
    (status, [("content-type", "application/x-amz-json-1.0")], body)
}

/// As DynamoDB counts an item: names and texts by their bytes, numbers by two digits a byte and one.
fn item_bytes(attributes: &Value) -> usize {
    let value_bytes = |value: &Value| match (value["S"].as_str(), value["N"].as_str()) {
        (Some(text), _) => text.len(),
        (None, Some(number)) => number.len().div_ceil(2) + 1,
        _ => 0,
    };
    attributes.as_object().map_or(0, |all| all.iter().map(|(name, value)| name.len() + value_bytes(value)).sum())
}

/// Without bounds, then with limits and budgets of tenant and key.
pub async fn limits(stack: &Stack, chat: &Value, report: &mut Report) {
    let without = measure(stack, chat, "none", "no limits, no budgets", report).await;
    execute(&stack.database_url(), BOUNDS).await;
    let with = measure(stack, chat, "all", "limits and budgets of tenant and key", report).await;
    costs(without, with, report);
}

/// Wide, so that nothing is refused.
const BOUNDS: &str = "
    insert into limits (tenant_id, requests_per_minute, tokens_per_minute, concurrency)
        select tenant_id, 1000000, 1000000000, 1000 from api_keys where role = 'owner';
    update api_keys set requests_per_minute = 1000000, tokens_per_minute = 1000000000, concurrency = 1000 where role = 'owner';
    insert into budgets (tenant_id, id, limit_nanos, period, hard)
        select tenant_id, gen_random_uuid(), 1000000000000, period, true from api_keys, unnest(array['day', 'month']) period where role = 'owner';
    insert into budgets (tenant_id, id, key_id, limit_nanos, period, hard)
        select tenant_id, gen_random_uuid(), id, 1000000000000, 'total', true from api_keys where role = 'owner';
";

/// Write units of a request.
async fn measure(stack: &Stack, chat: &Value, key: &str, what: &str, report: &mut Report) -> f64 {
    crate::progress(&format!("a request with {what}"));
    let function = crate::start(stack, CHAT, 1).await;
    let cpu = cpu_per_call(&function, chat, 1, 200).await;
    let bound = if key == "all" { 0.8 } else { 0.5 };
    report.add(
        &format!("limits_{key}_cpu_ms"),
        &format!("CPU per plain chat request, {what}"),
        crate::millis(cpu),
        "ms",
        Some(bound),
    );

    let meter = Meter::start().await;
    let launch = stack.function(CHAT).env("AWS_ENDPOINT_URL_DYNAMODB", &meter.url);
    let function = launch.start().await.unwrap_or_else(|error| panic!("{CHAT}: {error}"));
    // The first connects and looks things up.
    drop(function.invoke(chat.clone(), DEADLINE).await.text().await);
    function.idle().await;
    meter.take();
    for _ in 0..COUNTED {
        let reply = function.invoke(chat.clone(), DEADLINE).await;
        assert_eq!(reply.status, 200);
        drop(reply.text().await);
        function.idle().await;
    }
    let counted = meter.take();
    let each = |count: usize| count as f64 / COUNTED as f64;
    let calls_bound = if key == "all" { 4.0 } else { 2.0 };
    report.add(
        &format!("limits_{key}_calls"),
        "  calls of DynamoDB, half before and half after",
        each(counted.calls),
        "",
        Some(calls_bound),
    );
    report.add(&format!("limits_{key}_write_units"), "  write units", each(counted.units), "", None);
    report.add(&format!("limits_{key}_item_bytes"), "  the largest item", counted.item_bytes as f64, "B", None);
    each(counted.units)
}

fn costs(without: f64, with: f64, report: &mut Report) {
    let text = fs::read_to_string(PRICES).expect(PRICES);
    let prices: toml::Table = text.parse().expect("the price table");
    let price = |table: &str, name: &str| {
        let value = &prices[table][name];
        value
            .as_float()
            .or_else(|| value.as_integer().map(|whole| whole as f64))
            .unwrap_or_else(|| panic!("{table}.{name}"))
    };
    let seconds = price("assumed", "seconds");
    let waiting = 1e6 * seconds * MEMORY_GB * price("request", "lambda_gb_second");
    let logs = 1e6 * price("assumed", "log_bytes") / 1e9 * price("request", "logs_per_gb");
    let (api, calls) = (price("request", "api_gateway_per_million"), price("request", "lambda_per_million"));
    let write = price("request", "dynamodb_write_per_million");
    let rows = [
        ("api_gateway", "API Gateway".to_owned(), api),
        ("lambda_calls", "Lambda, calls".to_owned(), calls),
        ("lambda_time", format!("Lambda, {seconds} s of waiting for a provider each"), waiting),
        ("logs", "CloudWatch, logs".to_owned(), logs),
        ("dynamodb_none", "DynamoDB, no limits and no budgets".to_owned(), without * write),
        ("dynamodb_all", "DynamoDB, limits and budgets of tenant and key".to_owned(), with * write),
    ];
    for (key, what, dollars) in &rows {
        report.add(&format!("million_{key}_usd"), &format!("a million requests: {what}"), *dollars, "$", None);
    }
    let all = api + calls + waiting + logs + with * write;
    report.add("million_usd", "a million requests: all but Postgres, with limits and budgets", all, "$", None);
    let idle = prices["idle_per_month"].as_table().expect("a table");
    for (name, _) in idle {
        report.add(
            &format!("idle_{name}_usd"),
            &format!("a month in which nobody calls: {}", name.replace('_', " ")),
            price("idle_per_month", name),
            "$",
            None,
        );
    }
    let idle: f64 = idle.keys().map(|name| price("idle_per_month", name)).sum();
    report.add("idle_usd", "a month in which nobody calls: all", idle, "$", None);
    report.add(
        "awake_hour_usd",
        "an hour in which somebody does: Postgres awake",
        price("awake_per_hour", "aurora_half_acu"),
        "$",
        None,
    );
}
