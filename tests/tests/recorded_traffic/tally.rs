//! How many rows were compared, how many are equal, and which were not compared.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value, json};
use supergate_tests::app::PROVIDERS;

use super::{
    heard::Heard,
    rows::Row,
    said::Kind,
    verdict::{Aspect, Verdict},
};

/// The columns.
const ASPECTS: [(Aspect, &str); 6] = [
    (Aspect::Text, "text"),
    (Aspect::ToolCalls, "tool calls"),
    (Aspect::Reasoning, "reasoning"),
    (Aspect::Usage, "usage"),
    (Aspect::Finish, "finish"),
    (Aspect::Error, "error"),
];

/// Counts for each provider.
#[derive(Default)]
pub struct Tally(BTreeMap<String, Counts>);

#[derive(Default)]
struct Counts {
    plain: Mode,
    streamed: Mode,
    /// Rows whose provider counted no tokens.
    uncounted: usize,
    /// Rows with sources, and those of them whose answer has some here.
    citing: Pair,
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

    pub fn cited(&mut self, row: &Row, heard: &Heard) {
        self.0.entry(row.provider.clone()).or_default().citing.count(heard.citations > 0);
    }

    pub fn left_out(&mut self, row: &Row, reason: &'static str) {
        *self.0.entry(row.provider.clone()).or_default().left_out.entry(reason).or_default() += 1;
    }

    /// For programs: per provider and mode, how many rows there were and how many are equal.
    fn summary(&self) -> Value {
        let of_mode = |mode: &Mode| json!({"rows": mode.rows.0, "equal": mode.rows.1});
        let of_provider =
            |counts: &Counts| json!({"plain": of_mode(&counts.plain), "streamed": of_mode(&counts.streamed)});
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
            let Pair(cite, cited) = counts.citing;
            writeln!(
                f,
                "  {cite} rows name sources, {cited} of them here too; {} were not counted by the provider",
                counts.uncounted
            )?;
            for (reason, rows) in &counts.left_out {
                writeln!(f, "  {rows} left out: {reason}")?;
            }
        }
        write!(f, "{}", self.summary())
    }
}
