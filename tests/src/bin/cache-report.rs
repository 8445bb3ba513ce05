//! `make cache-report`: how often each tier of the cache finds what was asked before, and how often it is wrong, on labelled pairs and on
//! streams of questions. It measures and does not judge; the last line is one JSON object.
//!
//! `PAIRS` names a file of pairs (`query_a, query_b, is_duplicate, source`, separated by tabs, with a line of names). Without it the pairs of
//! this repository are used, and those in `../shared/semcache` where it exists, with a part of its two streams (`STREAM=all` for all of them).

#[path = "../cache_report/guards.rs"]
mod guards;
#[path = "../cache_report/pairs.rs"]
mod pairs;
#[path = "../cache_report/stream.rs"]
mod stream;

use std::{
    collections::HashMap,
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

use pairs::{Judged, Pair, Tally};
use serde_json::{Map, Value, json};
use supergate::cache::{
    decide::{DEFAULT_THRESHOLD, WORDED_ALIKE},
    embed::{Embedder, Embedding, MiniLm},
};

const OWN: &str = include_str!("../cache_report/written.tsv");

/// Vectors, each text's once.
pub(crate) struct Vectors {
    embedder: MiniLm,
    made: HashMap<String, Embedding>,
}

impl Vectors {
    /// Makes those of texts on all processors.
    pub(crate) fn make<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        let mut wanted: Vec<&str> = texts.filter(|text| !self.made.contains_key(*text)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let embedder = &self.embedder;
        let embed = |texts: &[&str]| -> Vec<(String, Embedding)> {
            texts.iter().map(|text| ((*text).to_owned(), embedder.embed(text).expect("a vector"))).collect()
        };
        let made: Vec<_> = thread::scope(|scope| {
            let parts = wanted.chunks(wanted.len().div_ceil(workers).max(1));
            let running: Vec<_> = parts.map(|part| scope.spawn(move || embed(part))).collect();
            running.into_iter().flat_map(|one| one.join().expect("a worker that ends")).collect()
        });
        self.made.extend(made);
    }

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
    match report(&path) {
        Ok(report) => {
            println!("{}", Value::Object(report));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("supergate: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Pairs of this repository, and what lies beside it; or those of a file, if one is named.
fn read_pairs(given: Option<&Path>, shared: &Path) -> Result<Vec<Pair>, String> {
    let read = |path: &Path| {
        let of = |problem: String| format!("{}: {problem}", path.display());
        let bytes = fs::read(path).map_err(|error| of(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| of("it is not UTF-8".to_owned()))?;
        Pair::read_all(&text).map_err(of)
    };
    if let Some(path) = given {
        return read(path);
    }
    let mut pairs = Pair::read_all(OWN)?;
    let public = shared.join("public.tsv");
    if public.exists() {
        pairs.extend(read(&public)?);
    }
    Ok(pairs)
}

fn report(embedder: &OsStr) -> Result<Map<String, Value>, String> {
    let file = fs::read(embedder).map_err(|error| format!("{}: {error}", embedder.to_string_lossy()))?;
    let embedder = MiniLm::new(file).map_err(|error| format!("the embedder cannot be used: {error}"))?;
    let mut vectors = Vectors { embedder, made: HashMap::new() };
    let shared = PathBuf::from("../shared/semcache");
    let given = env::var_os("PAIRS").filter(|path| !path.is_empty()).map(PathBuf::from);
    let pairs = read_pairs(given.as_deref(), &shared)?;
    vectors.make(pairs.iter().flat_map(Pair::texts));
    let judged: Vec<Judged> = pairs.iter().map(|pair| pair.judge(&mut vectors, DEFAULT_THRESHOLD)).collect();
    let mut report = tiers(&judged);
    report.insert("guards".to_owned(), guards::measure(&judged));
    report.insert("cost".to_owned(), guards::cost(&judged));
    if given.is_none() {
        let all = env::var("STREAM").is_ok_and(|which| which == "all");
        let streams: Map<String, Value> = ["clinc150", "banking77"]
            .into_iter()
            .filter_map(|name| {
                let file = fs::read_to_string(shared.join(format!("{name}.tsv"))).ok()?;
                Some((name.to_owned(), stream::run(name, &file, &mut vectors, DEFAULT_THRESHOLD, all)))
            })
            .collect();
        report.insert("streams".to_owned(), Value::Object(streams));
    }
    Ok(report)
}

/// The tables of tiers: of all pairs, of each source, and which kinds of negatives passed.
fn tiers(judged: &[Judged]) -> Map<String, Value> {
    println!(
        "Each tier with those before it (t2_alone without them), similarity at least {DEFAULT_THRESHOLD}, or {WORDED_ALIKE} where two are worded alike.\n"
    );
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
    report.insert("by_source".to_owned(), Value::Object(by_source));
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
