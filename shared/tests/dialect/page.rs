//! `docs/dialect.md`, written by what the code does.

use super::{
    models::{self, Ask, Column},
    outcome::{self, Outcome},
    probes::{self, CHAT_FIELDS, EMBEDDINGS_FIELDS, Probe, Section},
    silence::SILENCE,
};
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

const HEAD: &str = include_str!("head.md");

/// The page as it grows.
#[derive(Default)]
struct Page {
    text: String,
    notes: Vec<String>,
    /// What is lost without a word and without a reason.
    lost: Vec<String>,
    /// The reasons that were needed.
    excused: BTreeSet<usize>,
}

impl Page {
    fn section(&mut self, (title, probes): &Section, columns: &[Column], ask: Ask) {
        let names: Vec<_> = columns.iter().map(|(provider, _)| *provider).collect();
        let rule = "---|".repeat(names.len());
        let _ = write!(self.text, "\n## {title}\n\n| field | {} |\n|---|{rule}\n", names.join(" | "));
        for probe in probes {
            let cells: Vec<_> = columns.iter().map(|column| self.cell(probe, column, ask)).collect();
            let _ = writeln!(self.text, "| {} | {} |", probe.label(), cells.join(" | "));
        }
    }

    /// What most models of a provider do, then those that do something else.
    fn cell(&mut self, probe: &Probe, (provider, models): &Column, ask: Ask) -> String {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for name in *models {
            let (provider, card) = models::find(provider, name);
            let outcome = outcome::of(probe, provider, card, ask);
            let text = self.word(probe, provider.id(), name, &outcome);
            match groups.iter_mut().find(|(known, _)| *known == text) {
                Some((_, names)) => names.push(format!("`{name}`")),
                None => groups.push((text, vec![format!("`{name}`")])),
            }
        }
        let others = |(text, names): (String, Vec<String>)| format!("; {}: {text}", names.join(", "));
        let mut groups = groups.into_iter();
        let first = groups.next().map(|(text, _)| text).unwrap_or_default();
        first + &groups.map(others).collect::<String>()
    }

    fn word(&mut self, probe: &Probe, provider: &str, model: &str, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Kept { with } if with.is_empty() => "kept".into(),
            Outcome::Kept { with } => format!("kept, with {}", shortened(with)),
            Outcome::Rewritten { to, named: false } => format!("→ {}", shortened(to)),
            Outcome::Rewritten { to, named: true } => format!("→ {}, *ignored* in part", shortened(to)),
            Outcome::Ignored => "*ignored*".into(),
            Outcome::Refused(why) => format!("**refused**{}", self.note(why)),
            Outcome::Silent if probe.asks_for_nothing => "—".into(),
            Outcome::Silent => match self.excuse(probe, provider) {
                Some(why) => format!("not sent{}", self.note(why)),
                None => {
                    self.lost.push(format!("{model}: {}", probe.label()));
                    "LOST".into()
                }
            },
        }
    }

    fn excuse(&mut self, probe: &Probe, provider: &str) -> Option<&'static str> {
        let label = probe.label();
        let fits = |(providers, field, _): &(&[&str], &str, &str)| *field == label && providers.contains(&provider);
        let found = SILENCE.iter().position(fits)?;
        self.excused.insert(found);
        Some(SILENCE[found].2)
    }

    fn note(&mut self, text: &str) -> String {
        let known = self.notes.iter().position(|note| note == text);
        let at = known.unwrap_or_else(|| {
            self.notes.push(text.to_owned());
            self.notes.len() - 1
        });
        format!("[^{}]", at + 1)
    }

    fn finish(mut self) -> String {
        self.text.push('\n');
        for (i, note) in self.notes.iter().enumerate() {
            let _ = writeln!(self.text, "[^{}]: {note}", i + 1);
        }
        self.text
    }
}

/// Up to two places; of more, what those under one field have in common.
fn shortened(places: &[String]) -> String {
    if places.len() <= 2 {
        return places.join(", ");
    }
    let mut groups: Vec<Vec<&str>> = Vec::new();
    for place in places {
        let path: Vec<_> = place.trim_matches('`').split(['`', '.']).collect();
        match groups.iter_mut().find(|group| group.first() == path.first()) {
            Some(group) => {
                let same = group.iter().zip(&path).take_while(|(one, other)| one == other).count();
                group.truncate(same);
            }
            None => groups.push(path),
        }
    }
    groups.iter().map(|group| format!("`{}`", group.join("."))).collect::<Vec<_>>().join(", ")
}

fn write() -> Page {
    let mut page = Page { text: HEAD.to_owned(), ..Page::default() };
    for section in probes::of_chat() {
        page.section(&section, models::CHAT, models::chat);
    }
    page.section(&("Embeddings", probes::of_embeddings()), models::EMBEDDINGS, models::embeddings);
    page
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person asks the test to write the page, which no configuration does")]
fn the_page_says_what_the_code_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dialect.md");
    let page = write().finish();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).expect("the page is written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let stale = page.lines().zip(committed.lines().chain(std::iter::repeat(""))).find(|(now, then)| now != then);
    assert!(
        committed == page,
        "docs/dialect.md is stale, `make docs` writes it anew; the first line that differs: {stale:?}"
    );
}

#[test]
fn nothing_is_lost_without_a_word() {
    let page = write();
    assert!(page.lost.is_empty(), "neither sent nor named, and nobody says why:\n{}", page.lost.join("\n"));
    let stale: Vec<_> = (0..SILENCE.len()).filter(|i| !page.excused.contains(i)).map(|i| SILENCE[i].1).collect();
    assert!(stale.is_empty(), "these reasons are of no use any more: {stale:?}");
}

#[test]
fn every_field_of_the_dialect_is_on_the_page() {
    let chat = probes::of_chat().into_iter().flat_map(|(_, probes)| probes).collect::<Vec<_>>();
    let embeddings = probes::of_embeddings();
    for (fields, probes) in [(CHAT_FIELDS, &chat), (EMBEDDINGS_FIELDS, &embeddings)] {
        for field in fields {
            let is_of = |probe: &Probe| probe.field.split(['.', '[']).next() == Some(*field);
            assert!(probes.iter().any(is_of), "{field}");
        }
        let labels: BTreeSet<_> = probes.iter().map(Probe::label).collect();
        assert_eq!(labels.len(), probes.len(), "two probes have one name");
    }
}
