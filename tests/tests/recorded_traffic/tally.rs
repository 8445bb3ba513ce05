//! How many rows were compared, and which were not.

use std::{collections::BTreeMap, fmt};

use supergate_tests::app::PROVIDERS;

use super::{rows::Row, said::Kind};

/// Counts for each provider.
#[derive(Default)]
pub struct Tally(BTreeMap<String, Counts>);

#[derive(Default)]
struct Counts {
    plain: Pair,
    streamed: Pair,
    no_answer: Pair,
    /// Rows whose provider counted no tokens.
    uncounted: usize,
    left_out: BTreeMap<&'static str, usize>,
}

/// How many there were, and how many of them came out right.
#[derive(Default)]
struct Pair(usize, usize);

impl Pair {
    fn count(&mut self, right: bool) {
        self.0 += 1;
        self.1 += usize::from(right);
    }
}

impl Tally {
    pub fn asked(&mut self, row: &Row, kind: &Kind, right: bool) {
        let counts = self.0.entry(row.provider.clone()).or_default();
        let pair = match kind {
            Kind::NoAnswer => &mut counts.no_answer,
            _ if row.streaming => &mut counts.streamed,
            _ => &mut counts.plain,
        };
        pair.count(right);
        counts.uncounted += usize::from(matches!(kind, Kind::Text(_, None)));
    }

    pub fn left_out(&mut self, row: &Row, reason: &'static str) {
        *self.0.entry(row.provider.clone()).or_default().left_out.entry(reason).or_default() += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "recorded traffic   plain  equal | streamed  equal | no answer  error | uncounted | left out")?;
        for (provider, _) in PROVIDERS {
            let Some(Counts { plain, streamed, no_answer, uncounted, left_out }) = self.0.get(provider) else {
                continue;
            };
            let left_out: Vec<_> = left_out.iter().map(|(reason, rows)| format!("{rows} {reason}")).collect();
            writeln!(
                f,
                "{provider:<16} {:>7} {:>6} | {:>8} {:>6} | {:>9} {:>6} | {uncounted:>9} | {}",
                plain.0,
                plain.1,
                streamed.0,
                streamed.1,
                no_answer.0,
                no_answer.1,
                left_out.join(", ")
            )?;
        }
        Ok(())
    }
}
