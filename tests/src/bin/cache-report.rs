//! `make cache-report`: how often each tier of the cache finds what was asked before, and how often it is wrong, on labelled pairs and on
//! streams of questions. It measures and does not judge; the last line is one JSON object.
//!
//! `PAIRS` names a file of pairs (`query_a, query_b, is_duplicate, source`, separated by tabs, with a line of names). Without it the pairs of
//! this repository are used, and those in `../shared/semcache` where it exists, with its two streams.

#[path = "../cache_report/pairs.rs"]
mod pairs;
#[path = "../cache_report/stream.rs"]
mod stream;

use std::{collections::HashMap, env, fs, hint::black_box, path::PathBuf, process::ExitCode, time::Instant};

use pairs::{Judged, Pair, Tally};
use serde_json::{Map, Value, json};
use supergate::cache::{
    decide::DEFAULT_THRESHOLD,
    embed::{Embedder, Embedding, MiniLm},
    guards::{GUARDS, Reading, objection},
    text,
};

const OWN: &str = include_str!("../cache_report/written.tsv");

/// Vectors, each text's once.
pub(crate) struct Vectors {
    embedder: MiniLm,
    made: HashMap<String, Embedding>,
}

impl Vectors {
    /// The vector of a prompt, as it was written.
    pub(crate) fn of(&mut self, prompt: &str) -> Embedding {
        let embedder = &self.embedder;
        let entry = self.made.entry(prompt.to_owned());
        entry.or_insert_with_key(|text| embedder.embed(text).expect("a vector")).clone()
    }
}

fn main() -> ExitCode {
    let Some(path) = env::var_os("SUPERGATE_TEST_EMBEDDER") else {
        eprintln!("supergate: SUPERGATE_TEST_EMBEDDER names no file: `make cache-report` sets it");
        return ExitCode::FAILURE;
    };
    let embedder = MiniLm::new(fs::read(path).expect("the embedder's file")).expect("an embedder");
    let mut vectors = Vectors { embedder, made: HashMap::new() };
    let shared = PathBuf::from("../shared/semcache");
    let mut pairs = match env::var_os("PAIRS").filter(|path| !path.is_empty()) {
        Some(path) => match fs::read_to_string(&path) {
            Ok(file) => Pair::read_all(&file),
            Err(error) => {
                eprintln!("supergate: {}: {error}", path.to_string_lossy());
                return ExitCode::FAILURE;
            }
        },
        None => Pair::read_all(OWN),
    };
    let given = env::var_os("PAIRS").is_some_and(|path| !path.is_empty());
    if !given && let Ok(file) = fs::read_to_string(shared.join("public.tsv")) {
        pairs.extend(Pair::read_all(&file));
    }
    let judged: Vec<Judged> = pairs.iter().map(|pair| pair.judge(&mut vectors, DEFAULT_THRESHOLD)).collect();
    let mut report = tiers(&judged);
    report.insert("guards".to_owned(), guards(&judged));
    report.insert("cost".to_owned(), cost(&judged));
    if !given {
        let streams: Map<String, Value> = ["clinc150", "banking77"]
            .into_iter()
            .filter_map(|name| {
                let file = fs::read_to_string(shared.join(format!("{name}.tsv"))).ok()?;
                Some((name.to_owned(), stream::run(name, &file, &mut vectors, DEFAULT_THRESHOLD)))
            })
            .collect();
        report.insert("streams".to_owned(), Value::Object(streams));
    }
    println!("{}", Value::Object(report));
    ExitCode::SUCCESS
}

/// The tables of tiers: of all pairs, of each source, and which kinds of negatives passed.
fn tiers(judged: &[Judged]) -> Map<String, Value> {
    println!("Each tier with those before it (t2_alone without them), similarity at least {DEFAULT_THRESHOLD}.\n");
    println!(
        "{:<28} {:<9} {:>6} {:>6} {:>10} {:>7} {:>10} {:>7}",
        "source", "tier", "pairs", "hits", "precision", "recall", "negatives", "passed"
    );
    let mut sources: Vec<&str> = judged.iter().map(|one| one.source()).collect();
    sources.sort_unstable();
    sources.dedup();
    let of = |source: Option<&str>| -> Map<String, Value> {
        let chosen: Vec<&Judged> =
            judged.iter().filter(|one| source.is_none_or(|source| one.source() == source)).collect();
        pairs::TIERS
            .iter()
            .map(|(name, hit)| {
                let tally = Tally::of(&chosen, *hit);
                println!("{:<28} {name:<9} {tally}", source.unwrap_or("all"));
                ((*name).to_owned(), tally.json())
            })
            .collect()
    };
    let mut report =
        Map::from_iter([("threshold".to_owned(), json!(0.95)), ("tiers".to_owned(), Value::Object(of(None)))]);
    let by_source = sources.iter().map(|source| ((*source).to_owned(), Value::Object(of(Some(source))))).collect();
    report.insert("sources".to_owned(), Value::Object(by_source));
    println!("\nNegatives by kind: how many there are, how many are near enough, how many pass.");
    let mut kinds: Vec<&str> = judged.iter().filter(|one| !one.same).map(|one| one.kind()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut passed = Map::new();
    for kind in kinds {
        let all = || judged.iter().filter(|one| !one.same && one.kind() == kind);
        let near = all().filter(|one| one.similarity >= DEFAULT_THRESHOLD).count();
        let (t1, t2) = (all().filter(|one| one.canonical).count(), all().filter(|one| one.any()).count());
        println!("{kind:<28} {:>6} {near:>6} {t1:>6} (t1) {t2:>6} (t2)", all().count());
        passed.insert(
            kind.to_owned(),
            json!({"negatives": all().count(), "near": near, "t1_passed": t1, "t2_passed": t2}),
        );
    }
    for one in judged.iter().filter(|one| !one.same && one.any()) {
        println!("  passed: {:?} | {:?} | {:.3} | {}", one.a, one.b, one.similarity, one.label);
    }
    report.insert("kinds".to_owned(), Value::Object(passed));
    report
}

/// What the rules cost on this machine, in microseconds: of a text, and of a pair whose texts are read already.
fn cost(judged: &[Judged]) -> Value {
    const ROUNDS: usize = 20;
    let prose: Vec<&Judged> = judged.iter().filter(|one| one.may_compare).collect();
    let readings: Vec<(Reading, Reading)> =
        prose.iter().map(|one| (Reading::of(&one.a), Reading::of(&one.b))).collect();
    let timed = |work: &dyn Fn()| {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        start.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(ROUNDS * prose.len().max(1)).unwrap_or(u32::MAX))
    };
    let canonical = timed(&|| prose.iter().for_each(|one| drop(black_box(text::canonical(&one.a)))));
    let reading = timed(&|| prose.iter().for_each(|one| drop(black_box(Reading::of(&one.a)))));
    let guards = timed(&|| {
        for (a, b) in &readings {
            black_box(objection(a, b).map(|guard| guard.name));
        }
    });
    let all = timed(&|| {
        let objections = |(a, b): &(Reading, Reading)| GUARDS.iter().filter(|guard| !guard.agrees(a, b)).count();
        for pair in &readings {
            black_box(objections(pair));
        }
    });
    println!(
        "\nMicroseconds on {} texts that may be compared: canonical text {canonical:.2}, reading {reading:.2}; a pair: until a guard objects {guards:.2}, all guards {all:.2}.",
        prose.len()
    );
    json!({"canonical_us": canonical, "reading_us": reading, "objection_us": guards, "all_guards_us": all})
}

/// What each guard costs and brings, among pairs that are near enough, may be compared and are not one canonical text.
fn guards(judged: &[Judged]) -> Value {
    let near: Vec<&Judged> =
        judged.iter().filter(|one| one.similarity >= DEFAULT_THRESHOLD && one.may_compare && !one.canonical).collect();
    println!(
        "\nGuards, on {} pairs that are near enough and not one canonical text: objections, and those of no other guard.",
        near.len()
    );
    println!("{:<14} {:>10} {:>10} {:>10} {:>10}  {}", "guard", "positives", "alone", "negatives", "alone", "reason");
    let rows = GUARDS.iter().enumerate().map(|(at, guard)| {
        let count = |same: bool, alone: bool| {
            let objects = |one: &&&Judged| one.same == same && one.objections.contains(&at);
            near.iter().filter(objects).filter(|one| !alone || one.objections.len() == 1).count()
        };
        let [positives, alone, negatives, only] =
            [count(true, false), count(true, true), count(false, false), count(false, true)];
        println!("{:<14} {positives:>10} {alone:>10} {negatives:>10} {only:>10}  {}", guard.name, guard.reason);
        let row =
            json!({"positives": positives, "positives_alone": alone, "negatives": negatives, "negatives_alone": only});
        (guard.name.to_owned(), row)
    });
    Value::Object(rows.collect())
}
