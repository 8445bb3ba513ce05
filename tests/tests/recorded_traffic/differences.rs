//! `docs/known-differences.md`: which rows do not come back as they were recorded, and why.

use std::{collections::BTreeMap, fs};

/// Where it is, from the root of the repository.
pub const FILE: &str = "docs/known-differences.md";

/// The heading of the rows whose answer differs.
pub const ANSWERS: &str = "## Answers";
/// The heading of the rows whose answer does not go back as it came.
pub const NEXT_REQUESTS: &str = "## Next requests";

/// Why a row differs, by its id.
pub struct Differences(BTreeMap<String, String>);

impl Differences {
    /// Reads the table of `| id | provider | reason |` under a heading.
    pub fn read(heading: &str) -> Self {
        let text = fs::read_to_string(format!("{}/../{FILE}", env!("CARGO_MANIFEST_DIR"))).expect(FILE);
        let (_, after) = text.split_once(heading).unwrap_or_else(|| panic!("{FILE}: {heading} is missing"));
        let section = after.split_once("\n## ").map_or(after, |(section, _)| section);
        let rows = section.lines().filter_map(|line| line.strip_prefix('|')?.trim_end().strip_suffix('|'));
        let cells = rows.map(|row| row.splitn(3, '|').map(str::trim).collect::<Vec<_>>());
        let entries = cells.filter(|cells| cells[0] != "id" && !cells[0].starts_with('-')).map(|cells| {
            assert!(cells.len() == 3 && !cells[2].is_empty(), "{FILE}: {} needs a provider and a reason", cells[0]);
            (cells[0].trim_matches('`').to_owned(), cells[2].to_owned())
        });
        Self(entries.collect())
    }

    /// What is wrong with what the list says of a row.
    pub fn judge(&self, id: &str, is_equal: bool) -> Option<&'static str> {
        match (self.0.contains_key(id), is_equal) {
            (true, true) => Some("stale: it is equal now, but listed as different"),
            (false, false) => Some("it differs and is not listed"),
            _ => None,
        }
    }
}
