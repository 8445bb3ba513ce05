//! Labelled pairs, and what each tier says of them.

use std::fmt;

use serde_json::{Value, json};
use supergate::cache::{
    decide::{Candidate, Choice, Threshold, choose},
    eligibility,
    guards::{GUARDS, Reading},
    text,
};

use crate::Vectors;

/// Two questions, and whether one answer serves both.
pub(crate) struct Pair {
    a: String,
    b: String,
    same: bool,
    label: String,
}

impl Pair {
    /// Reads a file; its first line names the columns. `\n` in a query is the end of a line.
    ///
    /// # Errors
    /// Which line is wrong, and what it should be: a line that is passed over would be counted as right.
    pub(crate) fn read_all(file: &str) -> Result<Vec<Self>, String> {
        let mut lines = (1..).zip(file.trim_start_matches('\u{feff}').lines());
        let names: Vec<&str> = lines.next().map_or("", |(_, line)| line).split('\t').map(str::trim).collect();
        let place = |name: &str| names.iter().position(|one| *one == name);
        let needed = |name: &str| {
            let form = "the first line names the columns, separated by tabs: query_a, query_b, is_duplicate, source";
            place(name).ok_or_else(|| format!("line 1: there is no column `{name}`; {form}"))
        };
        let columns = Columns {
            a: needed("query_a")?,
            b: needed("query_b")?,
            same: needed("is_duplicate")?,
            source: place("source"),
        };
        let pairs: Vec<Self> = lines
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(number, line)| Self::read(line, &columns).map_err(|problem| format!("line {number}: {problem}")))
            .collect::<Result<_, _>>()?;
        if pairs.is_empty() { Err("there are no pairs below the first line".to_owned()) } else { Ok(pairs) }
    }

    fn read(line: &str, columns: &Columns) -> Result<Self, String> {
        let values: Vec<&str> = line.split('\t').collect();
        let value = |place: usize| values.get(place).map(|value| value.trim());
        // As it was written: an exact match is of every byte.
        let raw = |place: usize| values.get(place).filter(|value| !value.trim().is_empty());
        let query = |place: usize, name: &str| {
            raw(place).map(|query| query.replace("\\n", "\n")).ok_or_else(|| format!("`{name}` is missing"))
        };
        let same = match value(columns.same).map(str::to_ascii_lowercase).as_deref() {
            Some("1" | "true") => true,
            Some("0" | "false") => false,
            Some(other) => return Err(format!("`is_duplicate` must be 1 or 0, and is {other:?}")),
            None => return Err("`is_duplicate` is missing".to_owned()),
        };
        let label = columns.source.and_then(value).filter(|label| !label.is_empty()).unwrap_or("unknown").to_owned();
        Ok(Self { a: query(columns.a, "query_a")?, b: query(columns.b, "query_b")?, same, label })
    }

    /// Both of its texts.
    pub(crate) fn texts(&self) -> [&str; 2] {
        [&self.a, &self.b]
    }

    /// What the tiers say of it.
    pub(crate) fn judge(&self, vectors: &mut Vectors, threshold: f32) -> Judged {
        let Self { a, b, same, label } = self;
        let (left, right) = (Reading::of(a), Reading::of(b));
        let objections: Vec<usize> =
            GUARDS.iter().enumerate().filter(|(_, guard)| !guard.agrees(&left, &right)).map(|(at, _)| at).collect();
        let may_compare = eligibility::of_text(a).is_ok() && eligibility::of_text(b).is_ok();
        let similarity = vectors.of(a).cosine(&vectors.of(b));
        let candidate = Candidate { similarity, reading: &right };
        let serves = matches!(choose(&left, &[candidate], Threshold::in_process(threshold)), Choice::Serve(_));
        Judged {
            exact: a == b,
            canonical: text::canonical(a) == text::canonical(b),
            semantic: may_compare && serves,
            may_compare,
            similarity,
            objections,
            same: *same,
            a: a.clone(),
            b: b.clone(),
            label: label.clone(),
        }
    }
}

/// Where each column is.
struct Columns {
    a: usize,
    b: usize,
    same: usize,
    source: Option<usize>,
}

/// A pair and what was found.
pub(crate) struct Judged {
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) same: bool,
    pub(crate) label: String,
    pub(crate) exact: bool,
    pub(crate) canonical: bool,
    pub(crate) semantic: bool,
    pub(crate) may_compare: bool,
    pub(crate) similarity: f32,
    /// Which guards object, by their place.
    pub(crate) objections: Vec<usize>,
}

impl Judged {
    /// Whether any tier serves it.
    pub(crate) fn any(&self) -> bool {
        self.canonical || self.semantic
    }

    /// What its label begins with: where it is from.
    pub(crate) fn source(&self) -> &str {
        self.label.split(':').next().unwrap_or_default()
    }

    /// What its label ends with: in what the two differ.
    pub(crate) fn kind(&self) -> &str {
        self.label.rsplit(':').next().unwrap_or_default()
    }
}

/// Whether a pair is a hit.
type IsHit = fn(&Judged) -> bool;

/// The tiers by name, and what is a hit of each.
pub(crate) const TIERS: &[(&str, IsHit)] = &[
    ("t0", |one| one.exact),
    ("t1", |one| one.exact || one.canonical),
    ("t2", |one| one.exact || one.any()),
    ("t2_alone", |one| one.semantic),
];

/// A row of the table.
#[derive(Default)]
pub(crate) struct Tally {
    pairs: usize,
    hits: usize,
    right: usize,
    negatives: usize,
    passed: usize,
}

impl Tally {
    /// Counts.
    pub(crate) fn of(judged: &[&Judged], hit: fn(&Judged) -> bool) -> Self {
        let mut tally = Self::default();
        for one in judged {
            let hit = hit(one);
            tally.pairs += 1;
            tally.hits += usize::from(hit);
            tally.right += usize::from(hit && one.same);
            tally.negatives += usize::from(!one.same);
            tally.passed += usize::from(hit && !one.same);
        }
        tally
    }

    fn precision(&self) -> Option<f64> {
        share(self.right, self.hits)
    }

    fn recall(&self) -> Option<f64> {
        share(self.right, self.pairs - self.negatives)
    }

    /// For the last line.
    pub(crate) fn json(&self) -> Value {
        json!({
            "pairs": self.pairs, "hits": self.hits, "precision": self.precision(), "recall": self.recall(),
            "negatives": self.negatives, "negatives_passed": self.passed,
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
        let (precision, recall) = (shown(self.precision()), shown(self.recall()));
        write!(
            f,
            "{:>6} {:>6} {precision:>10} {recall:>7} {:>10} {:>7}",
            self.pairs, self.hits, self.negatives, self.passed
        )
    }
}

/// A part of a whole; none of nothing.
pub(crate) fn share(part: usize, whole: usize) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of lines in a file")]
    let share = part as f64 / whole as f64;
    (whole > 0).then_some(share)
}
