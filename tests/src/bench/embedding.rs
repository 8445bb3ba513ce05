//! The embedder alone: loading its file, the vector of a text, and what it keeps in memory.

use std::{
    fs,
    hint::black_box,
    time::{Duration, Instant},
};
use supergate::cache::embed::{Embedder, MiniLm};

use crate::measure::median;
use crate::report::Report;

const ROUNDS: usize = 50;
/// Seven words and a mark: eleven tokens with the first and the last.
const SHORT: &str = "How do I reset the password of my account?";

/// Measures in this process, so before anything else has grown it. Needs SUPERGATE_TEST_EMBEDDER, which `make bench` sets.
///
/// # Panics
/// Without the embedder's file.
pub fn embedding(report: &mut Report) {
    let path = std::env::var("SUPERGATE_TEST_EMBEDDER").expect("SUPERGATE_TEST_EMBEDDER: `make bench` sets it");
    let before = resident_bytes();
    let begun = Instant::now();
    let embedder = MiniLm::new(fs::read(&path).expect("the file")).expect("an embedder");
    let load = begun.elapsed();
    drop(embedder.embed(SHORT).expect("a vector"));
    let kept = resident_bytes().saturating_sub(before);
    // What the guards let through has at most 64 tokens.
    let long = SHORT.repeat(6);
    let tokens = |text: &str| embedder.vocabulary().tokens(text, 64).len();
    let of_short = format!("a vector of {} tokens", tokens(SHORT));
    let of_long = format!("a vector of {} tokens", tokens(&long));
    report.add("embedder_load_ms", "loading the embedder, after a response", millis(load), "ms", None);
    report.add("embed_short_ms", &of_short, millis(time_of(&embedder, SHORT)), "ms", None);
    report.add("embed_long_ms", &of_long, millis(time_of(&embedder, &long)), "ms", None);
    #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
    let megabytes = kept as f64 / 1e6;
    report.add("embedder_mb", "memory with the embedder, more than without", megabytes, "MB", None);
}

fn time_of(embedder: &MiniLm, text: &str) -> Duration {
    let one = || {
        let begun = Instant::now();
        drop(black_box(embedder.embed(text).expect("a vector")));
        begun.elapsed()
    };
    median((0..ROUNDS).map(|_| one()).collect())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.unwrap_or(0_u64) * 1024
}
