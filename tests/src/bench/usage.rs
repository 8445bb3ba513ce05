//! A month of a busy tenant: what reports over it cost, the function's CPU and the database's, and what a file of it does to memory.

use std::time::{Duration, Instant};

use serde_json::Value;
use supergate_tests::{
    lambda::{Function, Stack, Version, http_event},
    postgres::connect,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_postgres::Client;

use crate::measure::{DEADLINE, count, cpu_of};
use crate::report::Report;

/// Rows of the month, unless `USAGE_ROWS` says another number.
const ROWS: i64 = 1_000_000;
/// Of them, written since the sweeper ran: five minutes at the same rate are 120.
const NEW_ROWS: i64 = 2_000;
/// The most rows of one file: more only take longer.
const MOST_IN_A_FILE: i64 = 2_000_000;
const CALLS: usize = 10;
/// The most that a report over a month may take of both processors.
const BOUND_MS: Option<f64> = Some(300.0);

/// Rows in the order of time over the thirty days before now, of 40 keys, five models and 200 end users.
const MAKE: &str = "\
    insert into usage_events (
        tenant_id, request_id, attempt, created_at, key_id, provider, model_requested, model, streamed, status, ended, input_tokens,
        output_tokens, cached_input_tokens, usage_source, cost_nanos, latency_ms, tags, end_user)
    select tenant, (left(app.first_request_id(at)::text, 14) || substr(gen_random_uuid()::text, 15))::uuid, 1, at,
        keys[1 + n % 40], 'openai', 'm', 'm' || n % 5, n % 2 = 0, 200, 'complete', n % 4000, n % 900, n % 7, 'provider', n % 1000003, 800,
        array['team:' || n % 12], 'user ' || n % 200
    from (
        select n, now() - ($2 - n) * (interval '30 days' / $2) as at, k.tenant_id as tenant, k.keys
        from generate_series($1, $2 - 1) n cross join (select tenant_id, array_agg(id) as keys from api_keys where name like 'bench %' group by 1) k
    ) made";

/// The reports, one after the other.
pub async fn reports(stack: &Stack, usage: &Function, report: &mut Report) {
    let rows = std::env::var("USAGE_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(ROWS);
    let client = connect(&stack.database_url()).await;
    make_keys(&client).await;
    let begun = Instant::now();
    make(&client, 0, rows - NEW_ROWS, rows).await;
    let rate = (rows - NEW_ROWS) as f64 / begun.elapsed().as_secs_f64();
    report.add(
        "usage_rows_written_per_s",
        "rows of the ledger written per second, with their notes",
        rate,
        "rows/s",
        None,
    );
    let begun = Instant::now();
    roll_up(&client).await;
    let rate = (rows - NEW_ROWS) as f64 / begun.elapsed().as_secs_f64();
    report.add("usage_rows_rolled_up_per_s", "rows added to the sums per second", rate, "rows/s", None);
    make(&client, rows - NEW_ROWS, rows, rows).await;
    client.batch_execute("vacuum analyze").await.expect("statistics");
    #[rustfmt::skip]
    let reports = [
        ("totals",        "/v1/usage?period=30d"),
        ("by_model_key",  "/v1/usage/breakdown?by=model,key&period=30d"),
        ("by_end_user",   "/v1/usage/breakdown?by=end_user&period=30d"),
        ("chart",         "/v1/usage/chart?period=30d"),
        ("chart_kolkata", "/v1/usage/chart?period=30d&time_zone=Asia/Kolkata"),
        ("logs",          "/v1/usage/logs?limit=200"),
    ];
    for (name, path) in reports {
        let event = event(stack, path);
        // The first one opens the connection.
        ask(usage, &event).await;
        let backends = backends(&client).await;
        let before = cpu_of_processes(&backends);
        let own = cpu_of(usage, async {
            for _ in 0..CALLS {
                ask(usage, &event).await;
            }
        });
        let cpu = own.await + (cpu_of_processes(&backends).saturating_sub(before));
        let what = format!("{path}, {rows} rows: function and database");
        report.add(&format!("usage_cpu_ms.{name}"), &what, millis(cpu / count(CALLS)), "ms", BOUND_MS);
    }
    export(stack, usage, rows, report).await;
}

/// A file of the last rows: how fast, and how much memory it takes beside a report.
async fn export(stack: &Stack, usage: &Function, rows: i64, report: &mut Report) {
    let before = usage.resident_bytes();
    let (begun, mut lines, mut largest) = (Instant::now(), 0, before);
    let seconds = 30 * 86_400 * MOST_IN_A_FILE.min(rows) / rows;
    let from = OffsetDateTime::now_utc() - time::Duration::seconds(seconds);
    let path = format!("/v1/usage/export?format=focus&from={}", from.format(&Rfc3339).expect("a time"));
    let mut reply = usage.invoke(event(stack, &path), DEADLINE * 10).await;
    while let Some(piece) = reply.chunk().await {
        lines += piece.expect("a piece").iter().filter(|byte| **byte == b'\n').count();
        largest = largest.max(usage.resident_bytes());
    }
    let rate = lines as f64 / begun.elapsed().as_secs_f64();
    report.add("usage_export_rows_per_s", &format!("lines of a file of {lines}, per second"), rate, "rows/s", None);
    let grown = largest.saturating_sub(before) as f64 / 1e6;
    report.add("usage_export_grown_mb", "  by how much memory grows meanwhile", grown, "MB", Some(10.0));
}

async fn make_keys(client: &Client) {
    let sql = "insert into api_keys (id, tenant_id, name, role, hash, granted_by_role)
               select gen_random_uuid(), k.tenant_id, 'bench ' || n, 'member', sha256(n::text::bytea), 'owner'
               from (select tenant_id from api_keys where name = 'bench') k cross join generate_series(1, 40) n";
    client
        .batch_execute(&format!("set session_replication_role = replica; {sql}; reset session_replication_role"))
        .await
        .expect("keys");
}

async fn make(client: &Client, from: i64, to: i64, of: i64) {
    const AT_ONCE: i64 = 100_000;
    let mut at = from;
    while at < to {
        let end = (at + AT_ONCE).min(to);
        let sql = MAKE
            .replace("$2 - 1", &(end - 1).to_string())
            .replace("$1", &at.to_string())
            .replace("$2", &of.to_string());
        client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?}: {sql}"));
        at = end;
    }
}

async fn roll_up(client: &Client) {
    let tenants = "select tenant_id from app.find_tenants_with_new_usage('00000000-0000-0000-0000-000000000000', 100)";
    for row in client.query(tenants, &[]).await.expect("tenants") {
        let tenant: uuid::Uuid = row.get(0);
        loop {
            client.batch_execute(&format!("begin; select app.set_tenant('{tenant}')")).await.expect("a tenant");
            let taken: i64 = client.query_one("select app.roll_up_usage(5000)", &[]).await.expect("a roll-up").get(0);
            client.batch_execute("commit").await.expect("the end of it");
            if taken < 5000 {
                break;
            }
        }
    }
}

fn event(stack: &Stack, path: &str) -> Value {
    let authorization = format!("Bearer {}", stack.api_key());
    http_event("GET", path, &[("authorization", authorization.as_str())], String::new(), Version::V2)
}

async fn ask(usage: &Function, event: &Value) {
    let reply = usage.invoke(event.clone(), DEADLINE).await;
    let status = reply.status;
    let text = reply.text().await;
    assert_eq!(status, 200, "{text}");
}

/// The database's processes that serve the function.
async fn backends(client: &Client) -> Vec<i32> {
    let sql = "select pid from pg_stat_activity where usename = 'supergate_office' and datname = current_database()";
    client.query(sql, &[]).await.expect("processes").iter().map(|row| row.get(0)).collect()
}

/// User and system time, in ticks of ten milliseconds.
fn cpu_of_processes(pids: &[i32]) -> Duration {
    let ticks = |pid: &i32| -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
    };
    Duration::from_millis(pids.iter().map(ticks).sum::<u64>() * 10)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
