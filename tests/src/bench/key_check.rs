//! The check of a caller's key: from memory, and when the database is asked.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use http::{HeaderMap, header::AUTHORIZATION};
use supergate::{
    clock::Clock,
    config::Config,
    db::Database,
    tenancy::auth::{Authenticator, PRINCIPAL_TTL},
};
use supergate_tests::{
    app::TOKEN_SECRET,
    lambda::{Stack, database_role},
    postgres::{PEPPER, database_url},
};

use crate::measure::{count, median};
use crate::report::Report;

const BATCHES: usize = 9;
const FROM_MEMORY: usize = 2_000;
const LOOKED_UP: usize = 200;

/// A clock on which each look-up is too old at once.
#[derive(Default)]
struct Skipping(AtomicU64);

impl Clock for Skipping {
    fn since_epoch(&self) -> Duration {
        let real = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        real + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.since_epoch()
    }
}

/// Both, on a thread of their own, whose CPU time is theirs alone.
pub fn key_checks(stack: &Stack, report: &mut Report) {
    let database = database_url(&stack.database_url(), Some(&database_role("chat-completions")), stack.database());
    let authorization = format!("Bearer {}", stack.api_key());
    let measured = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(measure(&database, &authorization))
    });
    let (from_memory, looked_up) = measured.join().expect("a measurement");
    report.add("key_check_us", "CPU per key check from memory", from_memory, "µs", Some(20.0));
    report.add("key_look_up_us", "CPU per key check with one round trip to Postgres", looked_up, "µs", Some(100.0));
}

/// In microseconds.
async fn measure(database: &str, authorization: &str) -> (f64, f64) {
    let vars = |name: &str| match name {
        "DATABASE_URL" => Some(database.to_owned()),
        "SUPERGATE_KEY_PEPPER" => Some(PEPPER.to_owned()),
        "SUPERGATE_TOKEN_SECRET" => Some(TOKEN_SECRET.to_owned()),
        "SUPERGATE_KMS_KEY_ID" => Some("unused".to_owned()),
        _ => None,
    };
    let config = Config::load(&vars).expect("a complete configuration");
    let clock = Arc::new(Skipping::default());
    let db = Database::new(&config.database, 1).expect("a pool");
    let authenticator = Authenticator::new(db, config.credentials, clock.clone()).expect("an authenticator");
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization.parse().expect("a header"));
    let batch = async |calls: usize, skip: Duration| {
        let begun = cpu_time();
        for _ in 0..calls {
            clock.0.fetch_add(skip.as_secs(), Ordering::Relaxed);
            let (_, asked) = authenticator.authenticate(&headers).await.expect("a good key");
            assert_eq!(asked, !skip.is_zero(), "whether the database was asked");
        }
        (cpu_time() - begun) / count(calls)
    };
    batch(LOOKED_UP, PRINCIPAL_TTL).await;
    let mut figures = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        figures.0.push(batch(FROM_MEMORY, Duration::ZERO).await);
        figures.1.push(batch(LOOKED_UP, PRINCIPAL_TTL).await);
    }
    (micros(median(figures.0)), micros(median(figures.1)))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// This thread's, to the nanosecond.
fn cpu_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux's account of this thread");
    let nanos = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds on a processor"))
}
