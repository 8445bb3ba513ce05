//! `make bench`: what a request costs. Drives the release binaries against the mock upstream, prints each figure beside its bound,
//! and one JSON object in the last line. It measures and does not judge: it never fails because of a figure.
//!
//! CPU time and counts, which shift less than wall time but do shift: one binary gave 0.12 and 0.27 ms a request in two runs on a shared
//! machine. So read a figure beside the floor of the same run, and compare runs only on a quiet machine.
//!
//! `bench translate` measures one part alone; the others are `embedder`, `sealing`, `keys`, `sizes`, `requests`, `limits`, `cache`, `chunks`,
//! `cold-starts`, `usage` and `vectors`.
//! `translate` needs nothing but the program `allocations` beside this one.
//!
//! Needs what `make bench` sets up: the release binaries beside this one (or in `SUPERGATE_BIN_DIR`), `SUPERGATE_TEST_DATABASE_URL` of a
//! PostgreSQL superuser, the local AWS endpoints in `AWS_*`.

#[path = "../bench/cache.rs"]
mod cache;
#[path = "../bench/embedding.rs"]
mod embedding;
#[path = "../bench/key_check.rs"]
mod key_check;
#[path = "../bench/limits.rs"]
mod limits;
#[path = "../bench/measure.rs"]
mod measure;
#[path = "../bench/report.rs"]
mod report;
#[path = "../bench/sealing.rs"]
mod sealing;
#[path = "../bench/side_by_side.rs"]
mod side_by_side;
#[path = "../bench/size.rs"]
mod size;
#[path = "../bench/streams.rs"]
mod streams;
#[path = "../bench/tap.rs"]
mod tap;
#[path = "../bench/translation/mod.rs"]
mod translation;
#[path = "../bench/usage.rs"]
mod usage;
#[path = "../bench/vectors.rs"]
mod vectors;

use std::time::Duration;

use measure::{CALLS_OF_A_MEASUREMENT, cold_start_cpu, cpu_per_call};
use report::Report;
use serde_json::{Value, json};
use streams::{CHUNK_DELAY_MS, cpu_per_chunk, lag};
use supergate_tests::lambda::{Function, Stack, Version, http_event};

const CHAT: &str = "chat-completions";
/// As many as the peers were measured with.
const AT_ONCE: usize = 16;

/// In the order in which they are measured.
const PARTS: &[&str] = &[
    "embedder",
    "translate",
    "sealing",
    "keys",
    "sizes",
    "requests",
    "limits",
    "cache",
    "chunks",
    "cold-starts",
    "usage",
    "vectors",
];

#[tokio::main]
async fn main() {
    let named: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = named.iter().find(|name| !PARTS.contains(&name.as_str())) {
        eprintln!("bench: there is no part {unknown}; there are {}", PARTS.join(", "));
        std::process::exit(2);
    }
    let wants = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    let mut report = Report::default();
    if wants("embedder") {
        embedding::embedding(&mut report);
    }
    if wants("translate") {
        side_by_side::translations(&mut report);
    }
    if wants("sealing") {
        sealing::cryptography(&mut report);
    }
    if wants("sizes") {
        sizes(&mut report);
    }
    if wants("vectors") {
        progress("vectors");
        vectors::rows_against_time(&mut report).await;
    }
    if ["keys", "requests", "limits", "cache", "chunks", "cold-starts", "sealing", "usage"].into_iter().any(wants) {
        rustls::crypto::aws_lc_rs::default_provider().install_default().expect("the first to choose a provider");
        let stack = Stack::start().await;
        if wants("keys") {
            progress("key checks");
            key_check::key_checks(&stack, &mut report);
        }
        if wants("requests") {
            requests(&stack, &mut report).await;
        }
        if wants("limits") {
            let event = chat(Some(stack.api_key()), "mock:words=20", false);
            limits::limits(&stack, &event, &mut report).await;
        }
        if wants("cache") {
            cache::requests(&stack, &mut report).await;
            cache::misses(&mut report).await;
        }
        if wants("chunks") {
            chunks(&stack, &mut report).await;
        }
        if wants("cold-starts") {
            cold_starts(&stack, &mut report).await;
        }
        if wants("sealing") {
            progress("provider keys");
            sealing::storing(&stack, &start(&stack, "provider-keys", 1).await, &mut report).await;
        }
        if wants("usage") {
            progress("a month of use");
            usage::reports(&stack, &start(&stack, "usage", 1).await, &mut report).await;
        }
        stack.close().await;
    }
    report.print();
}

/// CPU and memory of a plain chat request, beside a call that is refused at the door: the Runtime API, the event and the log alone.
async fn requests(stack: &Stack, report: &mut Report) {
    for (in_flight, chat_bound) in [(1, Some(0.3)), (AT_ONCE, Some(0.3))] {
        progress(&format!("requests, {in_flight} in flight"));
        let function = start(stack, CHAT, in_flight).await;
        let refused = cpu_per_call(&function, &chat(None, "hello", false), in_flight, 401).await;
        let plain = cpu_per_call(&function, &chat(Some(stack.api_key()), "mock:words=20", false), in_flight, 200).await;
        let (refused, plain) = (millis(refused), millis(plain));
        report.add(
            &format!("chat_cpu_ms_{in_flight}"),
            &format!("CPU per plain chat request, {in_flight} in flight"),
            plain,
            "ms",
            chat_bound,
        );
        report.add(
            &format!("floor_cpu_ms_{in_flight}"),
            "  of that, what a refused call costs (floor)",
            refused,
            "ms",
            None,
        );
        if in_flight == 1 {
            let what = format!("resident memory after {CALLS_OF_A_MEASUREMENT} such requests");
            report.add("resident_mb", &what, megabytes(function.resident_bytes()), "MB", Some(30.0));
        }
    }
}

/// What each chunk of a stream costs. A chunk that arrives alone wakes a process that sleeps, which a busy one is spared; a provider
/// that sends many at once is cheapest.
async fn chunks(stack: &Stack, report: &mut Report) {
    const BOUND_US: Option<f64> = Some(20.0);
    let event = |words: usize, delay: &str| chat(Some(stack.api_key()), &format!("mock:words={words} {delay}"), true);
    for in_flight in [1, AT_ONCE] {
        progress(&format!("streams, {in_flight} in flight"));
        let function = start(stack, CHAT, in_flight).await;
        let apart = cpu_per_chunk(&function, in_flight, |words| event(words, "mock:chunk_delay=1")).await;
        let what = format!("CPU per chunk that comes alone, {in_flight} in flight");
        report.add(&format!("chunk_cpu_us_{in_flight}"), &what, micros(apart), "µs", BOUND_US);
        let burst = cpu_per_chunk(&function, in_flight, |words| event(words, "")).await;
        let what = format!("CPU per chunk of a burst, {in_flight} in flight");
        report.add(&format!("chunk_cpu_us_{in_flight}_burst"), &what, micros(burst), "µs", BOUND_US);
    }

    progress("the time that chunks take");
    let tap = tap::Tap::start(&format!("{}/openai", stack.mock_url())).await;
    let launch = stack.function(CHAT).env("SUPERGATE_OPENAI_URL", tap.url());
    let function = launch.start().await.unwrap_or_else(|error| panic!("{CHAT}: {error}"));
    let lag = lag(&function, &tap, &event(100, &format!("mock:chunk_delay={CHUNK_DELAY_MS}"))).await;
    let what = format!("chunks held back until the next, of {}", lag.chunks);
    report.add("chunks_held_back", &what, lag.held_back as f64, "", Some(0.0));
    report.add("chunk_lag_largest_ms", "  provider's chunk to caller's, largest", millis(lag.largest), "ms", None);
    report.add("chunk_lag_median_ms", "  provider's chunk to caller's, median", millis(lag.median), "ms", None);
}

async fn cold_starts(stack: &Stack, report: &mut Report) {
    for name in size::functions() {
        progress(&format!("cold starts of {name}"));
        let cpu = cold_start_cpu(&stack.function(&name)).await;
        report.add(
            &format!("cold_start_cpu_ms.{name}"),
            &format!("cold start to first poll, CPU: {name}"),
            millis(cpu),
            "ms",
            Some(5.0),
        );
    }
}

fn sizes(report: &mut Report) {
    progress("sizes");
    for name in size::functions() {
        let (binary, zip) = size::binary_and_zip(&name);
        report.add(&format!("zip_mb.{name}"), &format!("zip of {name}"), megabytes(zip), "MB", Some(4.0));
        report.add(&format!("binary_mb.{name}"), "  its binary", megabytes(binary), "MB", None);
    }
}

async fn start(stack: &Stack, name: &str, concurrency: usize) -> Function {
    let launch = stack.function(name).concurrency(concurrency);
    launch.start().await.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A chat request as a REST API sends it, which is what is deployed.
fn chat(api_key: Option<&str>, prompt: &str, stream: bool) -> Value {
    let body = json!({
        "model": "openai/gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant that answers in a few words."},
            {"role": "user", "content": prompt},
        ],
        "temperature": 0.5,
        "stream": stream,
    });
    let authorization = api_key.map(|key| format!("Bearer {key}"));
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(authorization.iter().map(|value| ("Authorization", value.as_str())));
    http_event("POST", "/v1/chat/completions", &headers, body.to_string(), Version::V1)
}

fn progress(what: &str) {
    eprintln!("measuring {what}");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Of a million bytes each, as Lambda's and npm's pages count.
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
