//! Labelled pairs, and what each tier says of them.

use std::fmt;

use serde_json::{Value, json};
use supergate::cache::{
    decide::{Candidate, Choice, choose},
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
    pub(crate) fn read_all(file: &str) -> Vec<Self> {
        file.lines().skip(1).filter_map(Self::read).collect()
    }

    fn read(line: &str) -> Option<Self> {
        let mut columns = line.split('\t');
        let mut query = || columns.next().map(|query| query.replace("\\n", "\n"));
        let (a, b) = (query()?, query()?);
        let same = columns.next()?.trim() == "1";
        Some(Self { a, b, same, label: columns.next().unwrap_or("unknown").trim().to_owned() })
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
        let serves = matches!(choose(&left, &[candidate], threshold), Choice::Serve(_));
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
