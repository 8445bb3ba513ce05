//! What each guard brings and costs, and what the rules take of a processor.

use std::{fmt::Write as _, fs, hint::black_box, time::Instant};

use serde_json::{Value, json};
use supergate::cache::{
    decide::{DEFAULT_THRESHOLD, WORDED_ALIKE},
    guards::{GUARDS, Reading, objection},
    text,
};

use crate::pairs::{Judged, share};

const PAGE: &str = "docs/cache.md";
const FROM: &str = "<!-- guards: written by `UPDATE_DOCS=1 make cache-report` -->\n";
const TO: &str = "<!-- /guards -->";

struct Row {
    name: &'static str,
    reason: &'static str,
    positives: usize,
    positives_alone: usize,
    negatives: usize,
    negatives_alone: usize,
}

/// Each guard among pairs that are similar enough to be served at all, may be compared and are not one canonical text.
pub(crate) fn measure(judged: &[Judged]) -> Value {
    let near: Vec<&Judged> =
        judged.iter().filter(|one| one.similarity >= WORDED_ALIKE && one.may_compare && !one.canonical).collect();
    let positives = judged.iter().filter(|one| one.same).count();
    let rows: Vec<Row> = GUARDS
        .iter()
        .enumerate()
        .map(|(at, guard)| {
            let count = |same: bool, alone: bool| {
                let objects = |one: &&&Judged| one.same == same && one.objections.contains(&at);
                near.iter().filter(objects).filter(|one| !alone || one.objections.len() == 1).count()
            };
            Row {
                name: guard.name,
                reason: guard.reason,
                positives: count(true, false),
                positives_alone: count(true, true),
                negatives: count(false, false),
                negatives_alone: count(false, true),
            }
        })
        .collect();
    println!(
        "\nGuards, on {} pairs of similarity at least {WORDED_ALIKE} that are not one canonical text: objections, those of no other guard, and what these cost in recall.",
        near.len()
    );
    println!(
        "{:<12} {:>9} {:>6} {:>9} {:>6} {:>7}  reason",
        "guard", "positives", "alone", "negatives", "alone", "recall"
    );
    for row in &rows {
        let cost = share(row.positives_alone, positives).unwrap_or_default();
        println!(
            "{:<12} {:>9} {:>6} {:>9} {:>6} {cost:>7.3}  {}",
            row.name, row.positives, row.positives_alone, row.negatives, row.negatives_alone, row.reason
        );
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        write_page(&rows, near.len(), positives);
    }
    let json = |row: Row| {
        let cost = share(row.positives_alone, positives);
        let value = json!({
            "positives": row.positives, "positives_alone": row.positives_alone, "negatives": row.negatives,
            "negatives_alone": row.negatives_alone, "recall_cost": cost,
        });
        (row.name.to_owned(), value)
    };
    Value::Object(rows.into_iter().map(json).collect())
}

/// Puts the table into the page of the documentation, between its marks.
fn write_page(rows: &[Row], near: usize, positives: usize) {
    let page = fs::read_to_string(PAGE).expect("the page; run this from the repository");
    let (before, rest) = page.split_once(FROM).expect("the table's beginning in the page");
    let (_, after) = rest.split_once(TO).expect("its end");
    let mut table = format!(
        "\nOn {near} pairs of similarity at least {WORDED_ALIKE} that are not one canonical text, of {positives} positives in all:\n\n"
    );
    table.push_str(
        "| guard | reason | positives (alone) | negatives (alone) | cost in recall |\n|---|---|---|---|---|\n",
    );
    for row in rows {
        let cost = share(row.positives_alone, positives).unwrap_or_default() * 100.0;
        writeln!(
            table,
            "| {} | {} | {} ({}) | {} ({}) | {cost:.1} % |",
            row.name, row.reason, row.positives, row.positives_alone, row.negatives, row.negatives_alone
        )
        .expect("a string takes it");
    }
    fs::write(PAGE, format!("{before}{FROM}{table}\n{TO}{after}")).expect("the page can be written");
}

/// What the rules cost on this machine, in microseconds: of a text, and of a pair whose texts are read already.
pub(crate) fn cost(judged: &[Judged]) -> Value {
    const ROUNDS: usize = 20;
    let prose: Vec<&Judged> = judged.iter().filter(|one| one.may_compare).collect();
    let readings: Vec<(Reading, Reading)> =
        prose.iter().map(|one| (Reading::of(&one.a), Reading::of(&one.b))).collect();
    let near: Vec<&(Reading, Reading)> = readings
        .iter()
        .zip(&prose)
        .filter(|(_, one)| one.similarity >= DEFAULT_THRESHOLD)
        .map(|(pair, _)| pair)
        .collect();
    // The best round: what else the machine does is not the rules' cost.
    let timed = |count: usize, work: &dyn Fn()| {
        let round = || {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e6
        };
        let best = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
        best / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX))
    };
    let canonical = timed(prose.len(), &|| prose.iter().for_each(|one| drop(black_box(text::canonical(&one.a)))));
    let reading = timed(prose.len(), &|| prose.iter().for_each(|one| drop(black_box(Reading::of(&one.a)))));
    let judge = |(a, b): &(Reading, Reading)| {
        black_box(objection(a, b).map(|guard| guard.name));
    };
    let guards = timed(readings.len(), &|| readings.iter().for_each(judge));
    let guards_near = timed(near.len(), &|| near.iter().copied().for_each(judge));
    println!(
        "\nMicroseconds on {} texts that may be compared: canonical text {canonical:.2}, reading {reading:.2}; the guards on a pair {guards:.2}, on one that is near enough {guards_near:.2}.",
        prose.len()
    );
    json!({"canonical_us": canonical, "reading_us": reading, "guards_us": guards, "guards_near_us": guards_near})
}
