//! A file of the whole ledger takes no more memory than a short one. What is allocated is counted, so this is a process of its own.

use futures_util::StreamExt;
use http::Request;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{
    alloc::System,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use supergate_tests::app::App;

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What is allocated and not freed.
fn held() -> usize {
    let stats = COUNTING.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// Rows of a file, its bytes, and the most that was held while it was made beyond what was held before. What is sent is forgotten.
async fn export(app: &App) -> (usize, usize, usize) {
    let request = Request::get("/v1/usage/export").header("authorization", format!("Bearer {}", app.api_key));
    let (response, after) = app.begin(request.body(lambda_http::Body::Empty).expect("a request")).await;
    assert_eq!(response.status(), 200);
    let (most, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let before = held();
    let watching = thread::spawn({
        let (most, done) = (Arc::clone(&most), Arc::clone(&done));
        move || {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(held(), Ordering::Relaxed);
                thread::park_timeout(Duration::from_micros(500));
            }
        }
    });
    let (mut body, mut rows, mut bytes) = (response.into_body(), 0, 0);
    while let Some(piece) = body.next().await {
        assert!(piece.len() < 2 << 20, "a page and no more: {} bytes", piece.len());
        rows += piece.iter().filter(|byte| **byte == b'\n').count();
        bytes += piece.len();
    }
    done.store(true, Ordering::Relaxed);
    watching.join().expect("who watches");
    after.run().await;
    (rows - 1, bytes, most.load(Ordering::Relaxed).saturating_sub(before))
}

#[tokio::test]
async fn a_file_of_three_hundred_thousand_rows_takes_no_more_memory_than_one_of_ten_thousand() {
    let app = App::start().await;
    // Every seventh has a second attempt.
    app.make_usage(8_750, 20.0, "now()", "long").await;
    export(&app).await;
    let (rows, _, short) = export(&app).await;
    assert_eq!(rows, 10_000);
    let more = "
        alter table usage_events disable trigger new_usage;
        insert into usage_events select (jsonb_populate_record(e, jsonb_build_object(
            'request_id', overlay(e.request_id::text placing lpad(to_hex(k), 4, '0') from 25)))).*
        from usage_events e cross join generate_series(1, 29) k
        on conflict do nothing";
    app.database.superuser().await.batch_execute(more).await.expect("rows");
    let (rows, bytes, long) = export(&app).await;
    println!("export: {rows} rows, {bytes} bytes; held at most {long} bytes, and {short} for ten thousand rows");
    // An id or two may have been there already.
    assert!(rows > 299_000, "{rows} rows");
    assert!(long < 2 * short.max(4 << 20), "{long} bytes held for {rows} rows, and {short} for ten thousand");
}
