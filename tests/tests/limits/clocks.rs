//! Thirty-two processes whose clocks are up to two seconds wrong, all asking as often as they can: in no minute of the true time do more
//! get through than the limit. Each process learns from the answers how far it is behind, and says so in the item.

use futures_util::future::join_all;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};
use supergate::{
    clock::{Clock, SystemClock},
    limits::{Actual, Ask, LimitRule, LimitScope, Policy, Worst, dynamo::Limiter},
    tenancy::{KeyId, RequestId, TenantId},
};
use supergate_tests::table;

const PROCESSES: u64 = 32;
const MINUTE: usize = 600;
/// Of a tenth of a second.
const STEPS: usize = 2 * MINUTE + MINUTE / 2;
const SKEW_MS: u64 = 2_000;

/// The true time, in milliseconds, which the test turns; each process sees it through a clock of its own.
struct Skewed {
    true_ms: Arc<AtomicU64>,
    /// Of twice the skew, so that it never goes below zero.
    ahead_ms: u64,
}

impl Clock for Skewed {
    fn since_epoch(&self) -> Duration {
        Duration::from_millis(self.true_ms.load(SeqCst) + self.ahead_ms - SKEW_MS)
    }

    fn monotonic(&self) -> Duration {
        self.since_epoch()
    }
}

/// What each request asks for and uses, where tokens are limited.
const TOKENS: u64 = 10;

/// How many got through in each step of the true time.
async fn hammer(requests_per_minute: Option<u32>, tokens_per_minute: Option<u64>) -> Vec<u64> {
    let began = SystemClock.since_epoch();
    let true_ms = Arc::new(AtomicU64::new(u64::try_from(began.as_millis()).expect("a time")));
    let (tenant, key) = (TenantId::generate(began), KeyId::generate(began));
    let rule = LimitRule { scope: LimitScope::Key, requests_per_minute, tokens_per_minute, concurrency: None };
    let policy = Policy::new([rule], Vec::new());
    let table = table::shared().await;
    let limiters: Vec<Limiter> = (0..PROCESSES)
        .map(|n| {
            let ahead_ms = n * 2 * SKEW_MS / (PROCESSES - 1);
            Limiter::new(Arc::clone(&table), Arc::new(Skewed { true_ms: Arc::clone(&true_ms), ahead_ms }))
        })
        .collect();
    let mut admitted = Vec::with_capacity(STEPS);
    for _ in 0..STEPS {
        let asked = limiters.iter().map(|limiter| async {
            let ask = Ask {
                tenant,
                key: Some(key),
                policy: &policy,
                model: "mock/model",
                tags: &[],
                request: RequestId::generate(SystemClock.since_epoch()),
                worst: Worst { tokens: TOKENS, is_bounded: true, cost: None },
                deadline: u64::MAX,
                note: None,
            };
            match limiter.reserve(&ask).await {
                Ok(admission) => {
                    limiter.settle(admission.permit, Actual { tokens: TOKENS, ..Actual::default() }).await;
                    1_u64
                }
                Err(_) => 0,
            }
        });
        admitted.push(join_all(asked).await.into_iter().sum());
        true_ms.fetch_add(100, SeqCst);
    }
    admitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_wrong_let_nobody_through_twice() {
    #[rustfmt::skip]
    let table = [
        (Some(40),  None,      40,  "requests, to the millisecond"),
        (Some(120), None,      120, "requests, by two seconds"),
        (None,      Some(500), 50,  "tokens"),
    ];
    for (requests, tokens, bound, what) in table {
        let admitted = hammer(requests, tokens).await;
        // A window of a minute holds what came in six hundred steps.
        let most = admitted.windows(MINUTE).map(|window| window.iter().sum::<u64>()).max().expect("windows");
        let total: u64 = admitted.iter().sum();
        println!(
            "{PROCESSES} processes, clocks within {SKEW_MS} ms of the truth, {what}: at most {most} in any 60 s (bound {bound}), {total} in {} s",
            STEPS / 10
        );
        assert!(most <= bound, "{what}: {most} of {bound}");
        // Three minutes begin within two and a half.
        assert!(total >= 2 * bound, "{what}: the limit is also given: {total}");
    }
}
