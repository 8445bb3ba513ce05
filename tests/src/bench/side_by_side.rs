//! A translation beside its floor: CPU time of this thread, and allocations as the program `allocations` counts them.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::measure::{count, median};
use crate::report::{Cost, Report};
use crate::translation::{Job, jobs};

/// Long enough that reading the clock is nothing, short enough that a neighbour disturbs only some.
const BATCH: Duration = Duration::from_millis(10);
const BATCHES: usize = 9;
/// Of the medians of so many rounds the smallest counts: what disturbs only ever adds.
const ROUNDS: usize = 5;

/// All translations.
pub fn translations(report: &mut Report) {
    let counts = counted();
    for job in jobs() {
        eprintln!("measuring {}", job.what);
        let (translate, floor) = cpu(&job);
        let cost = |which: &str, cpu: Duration| {
            let count = |what: &str| counts[&job.key][which][what].as_f64().expect("a count of this job");
            Cost { cpu_us: cpu.as_secs_f64() * 1e6, allocations: count("allocations"), bytes: count("bytes") }
        };
        report.compare(&job.key, &job.what, cost("translate", translate), cost("floor", floor));
    }
}

/// The two take turns, so that a slow moment of the machine is one of both.
fn cpu(job: &Job) -> (Duration, Duration) {
    let runs = [runs_of_a_batch(&job.translate), runs_of_a_batch(&job.floor)];
    let round = || {
        let mut figures = [Vec::new(), Vec::new()];
        for _ in 0..BATCHES {
            for ((work, runs), figures) in [&job.translate, &job.floor].into_iter().zip(runs).zip(&mut figures) {
                figures.push(batch(work, runs) / count(runs));
            }
        }
        figures.map(median)
    };
    let rounds: Vec<_> = std::iter::repeat_with(round).take(ROUNDS).collect();
    let best = |which: usize| rounds.iter().map(|round| round[which]).min().expect("a round");
    (best(0), best(1))
}

fn runs_of_a_batch(work: &dyn Fn()) -> usize {
    let mut runs = 1;
    while batch(work, runs) < BATCH {
        runs *= 2;
    }
    runs
}

fn batch(work: &dyn Fn(), runs: usize) -> Duration {
    let before = cpu_of_this_thread();
    for _ in 0..runs {
        work();
    }
    cpu_of_this_thread() - before
}

/// In nanoseconds, of which the kernel writes up what has passed since its last tick only when it is asked to schedule.
fn cpu_of_this_thread() -> Duration {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel with CONFIG_SCHED_INFO");
    let nanos = text.split(' ').next().and_then(|field| field.parse().ok()).expect("nanoseconds on the CPU");
    Duration::from_nanos(nanos)
}

fn counted() -> Value {
    let program = std::env::current_exe().expect("this program").with_file_name("allocations");
    let output = Command::new(&program).output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("counts")
}
