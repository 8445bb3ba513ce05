//! What the translators allocate, counted: one run of each, as a line of JSON. `make bench` starts it and prints its counts beside the
//! CPU time, which it takes itself, because counting makes every allocation dearer.

#[path = "../bench/translation/mod.rs"]
mod translation;

use std::alloc::System;

use serde_json::{Map, Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let counts: Map<String, Value> = translation::jobs()
        .into_iter()
        .map(|job| {
            let counts = json!({"translate": count(&job.translate), "floor": count(&job.floor), "what": job.what});
            (job.key, counts)
        })
        .collect();
    println!("{}", Value::Object(counts));
}

/// How often memory was asked for, growing what there is included, and for how many bytes.
fn count(work: &dyn Fn()) -> Value {
    work(); // so that what is made once is not counted
    let region = Region::new(COUNTING);
    work();
    let change = region.change();
    json!({"allocations": change.allocations + change.reallocations, "bytes": change.bytes_allocated})
}
