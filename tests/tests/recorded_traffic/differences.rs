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
        let rows = table(heading, 3).into_iter();
        Self(rows.map(|mut cells| (cells.swap_remove(0), cells.swap_remove(0))).collect())
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

/// The rows of the table under a heading, each of so many cells.
pub fn table(heading: &str, columns: usize) -> Vec<Vec<String>> {
    let text = fs::read_to_string(format!("{}/../{FILE}", env!("CARGO_MANIFEST_DIR"))).expect(FILE);
    let (_, after) = text.split_once(heading).unwrap_or_else(|| panic!("{FILE}: {heading} is missing"));
    let section = after.split_once("\n## ").map_or(after, |(section, _)| section);
    let rows = section.lines().filter_map(|line| line.strip_prefix('|')?.trim_end().strip_suffix('|'));
    // The names of the columns and the line under them come first.
    rows.skip(2)
        .map(|row| {
            let cells: Vec<String> =
                row.splitn(columns, '|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
            assert!(cells.len() == columns && cells.iter().all(|cell| !cell.is_empty()), "{FILE}: {row}");
            cells
        })
        .collect()
}
