//! CPU time of a function's process, per call and until its first poll.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use supergate_tests::lambda::{Function, Launch};

/// Enough for pools, caches and the allocator to be as they stay.
const WARM_UP: usize = 200;
const BATCH: usize = 200;
const BATCHES: usize = 5;
/// How many calls one measurement makes in all.
pub const CALLS_OF_A_MEASUREMENT: usize = WARM_UP + BATCH * BATCHES;

const COLD_STARTS: usize = 15;

/// More than any call needs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The median of some batches, each with what follows the responses.
///
/// # Panics
/// If a call is not answered with the status `expected`.
pub async fn cpu_per_call(function: &Function, event: &Value, in_flight: usize, expected: u16) -> Duration {
    drive(function, event, in_flight, WARM_UP, expected).await;
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        batches.push(cpu_of(function, drive(function, event, in_flight, BATCH, expected)).await / count(BATCH));
    }
    median(batches)
}

/// What the process spends on `work`, until it is idle again.
pub async fn cpu_of(function: &Function, work: impl Future<Output = ()>) -> Duration {
    function.idle().await;
    let before = function.cpu_time();
    work.await;
    function.idle().await;
    function.cpu_time() - before
}

/// From the start of the process to its first request for work; the median of some starts.
pub async fn cold_start_cpu(launch: &Launch) -> Duration {
    let mut starts = Vec::with_capacity(COLD_STARTS);
    for _ in 0..COLD_STARTS {
        let function = launch.start().await.unwrap_or_else(|error| panic!("{error}"));
        starts.push(function.cpu_time());
    }
    median(starts)
}

pub fn median(mut figures: Vec<Duration>) -> Duration {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

pub fn count(things: usize) -> u32 {
    u32::try_from(things).expect("a number that one can wait for")
}

async fn drive(function: &Function, event: &Value, in_flight: usize, calls: usize, expected: u16) {
    let calls = stream::iter(0..calls).map(async |_| {
        let reply = function.invoke(event.clone(), DEADLINE).await;
        let status = reply.status;
        let body = reply.text().await;
        assert_eq!(status, expected, "{body}");
    });
    calls.buffer_unordered(in_flight).collect::<()>().await;
}
