//! How many rows were compared, how many are equal, and which were not compared.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value, json};
use supergate_tests::app::PROVIDERS;

use super::{
    rows::Row,
    said::Kind,
    verdict::{Aspect, Verdict},
};

/// The columns.
const ASPECTS: [(Aspect, &str); 11] = [
    (Aspect::Text, "text"),
    (Aspect::ToolCalls, "tool calls"),
    (Aspect::Reasoning, "reasoning"),
    (Aspect::Citations, "citations"),
    (Aspect::Media, "images and sound"),
    (Aspect::Schema, "schema"),
    (Aspect::Usage, "usage"),
    (Aspect::Finish, "finish"),
    (Aspect::Error, "error"),
    (Aspect::Returned, "sent back"),
    (Aspect::NextRequest, "next request"),
];

/// Counts for each provider.
#[derive(Default)]
pub struct Tally(BTreeMap<String, Counts>);

#[derive(Default)]
struct Counts {
    plain: Mode,
    streamed: Mode,
    embeddings: Pair,
    /// Rows whose provider counted no tokens.
    uncounted: usize,
    left_out: BTreeMap<&'static str, usize>,
}

#[derive(Default)]
struct Mode {
    rows: Pair,
    aspects: BTreeMap<Aspect, Pair>,
}

/// How many there were, and how many of them came out right.
#[derive(Default, Clone, Copy)]
struct Pair(usize, usize);

impl Pair {
    fn count(&mut self, right: bool) {
        self.0 += 1;
        self.1 += usize::from(right);
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} {:>5} {:>7}", self.0, self.1, self.0 - self.1)
    }
}

impl Tally {
    pub fn asked(&mut self, row: &Row, kind: &Kind, verdict: &Verdict) {
        let counts = self.0.entry(row.provider.clone()).or_default();
        let mode = if row.asks_for_stream() { &mut counts.streamed } else { &mut counts.plain };
        mode.rows.count(verdict.problems.is_empty());
        for (aspect, right) in &verdict.aspects {
            mode.aspects.entry(*aspect).or_default().count(*right);
        }
        counts.uncounted += usize::from(matches!(kind, Kind::Answer(recorded) if recorded.usage.is_none()));
    }

    pub fn embedded(&mut self, row: &Row, verdict: &Verdict) {
        self.0.entry(row.provider.clone()).or_default().embeddings.count(verdict.problems.is_empty());
    }

    pub fn returned(&mut self, row: &Row, aspect: Aspect, verdict: &Verdict) {
        let counts = self.0.entry(row.provider.clone()).or_default();
        let mode = if row.streaming { &mut counts.streamed } else { &mut counts.plain };
        mode.aspects.entry(aspect).or_default().count(verdict.problems.is_empty());
    }

    pub fn left_out(&mut self, row: &Row, reason: &'static str) {
        *self.0.entry(row.provider.clone()).or_default().left_out.entry(reason).or_default() += 1;
    }

    /// For programs: per provider and mode, how many rows there were and how many are equal.
    fn summary(&self) -> Value {
        let of_mode = |pair: Pair| json!({"rows": pair.0, "equal": pair.1});
        let of_provider = |counts: &Counts| {
            json!({
                "plain": of_mode(counts.plain.rows),
                "streamed": of_mode(counts.streamed.rows),
                "embeddings": of_mode(counts.embeddings),
            })
        };
        let all = PROVIDERS.into_iter().filter_map(|(id, _)| Some((id.to_owned(), of_provider(self.0.get(id)?))));
        Value::Object(all.collect::<Map<_, _>>())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<22}{:^19} | {:^19}", "recorded traffic", "plain", "streamed")?;
        writeln!(f, "{:<22}{1:>5} {2:>5} {3:>7} | {1:>5} {2:>5} {3:>7}", "", "rows", "equal", "unequal")?;
        for (provider, _) in PROVIDERS {
            let Some(counts) = self.0.get(provider) else { continue };
            writeln!(f, "{provider:<22}{} | {}", counts.plain.rows, counts.streamed.rows)?;
            for (aspect, name) in ASPECTS {
                let of = |mode: &Mode| mode.aspects.get(&aspect).copied().unwrap_or_default();
                writeln!(f, "  {name:<20}{} | {}", of(&counts.plain), of(&counts.streamed))?;
            }
            if counts.embeddings.0 > 0 {
                writeln!(f, "  {:<20}{}", "embeddings", counts.embeddings)?;
            }
            if counts.uncounted > 0 {
                writeln!(f, "  {} were not counted by the provider", counts.uncounted)?;
            }
            for (reason, rows) in &counts.left_out {
                writeln!(f, "  {rows} left out: {reason}")?;
            }
        }
        write!(f, "{}", self.summary())
    }
}
