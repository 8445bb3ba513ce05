//! Pages of the documentation of which parts are written from the code: between `<!-- name -->` and `<!-- /name -->`.

use std::{
    env, fs,
    ops::Range,
    path::{Path, PathBuf},
};

/// Compares a part of a page with what it must be.
///
/// # Errors
/// The lines that differ, and how to write the page anew.
///
/// # Panics
/// If the page has no such part.
pub fn compare(page: &str, name: &str, expected: &str) -> Result<(), String> {
    let (text, part) = read(page, name);
    let found = &text[part];
    if found == expected {
        return Ok(());
    }
    let missing: Vec<&str> = expected.lines().filter(|line| !found.lines().any(|one| one == *line)).collect();
    let extra: Vec<&str> = found.lines().filter(|line| !expected.lines().any(|one| one == *line)).collect();
    Err(format!(
        "{page}, part {name}: it lacks\n{}\nand has what is not so:\n{}\nIf the change is meant, `UPDATE_DOCS=1 make prove-isolation` writes it",
        missing.join("\n"),
        extra.join("\n")
    ))
}

/// Writes a part of a page anew, if `UPDATE_DOCS` is in the environment.
///
/// # Panics
/// If the page has no such part, or cannot be written.
pub fn update(page: &str, name: &str, expected: &str) {
    if env::var_os("UPDATE_DOCS").is_some() {
        let (mut text, part) = read(page, name);
        text.replace_range(part, expected);
        fs::write(path(page), text).unwrap_or_else(|error| panic!("{page}: {error}"));
    }
}

fn read(page: &str, name: &str) -> (String, Range<usize>) {
    let text = fs::read_to_string(path(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = text.find(&begin).unwrap_or_else(|| panic!("{page} has no {begin}")) + begin.len();
    let length = text[start..].find(&end).unwrap_or_else(|| panic!("{page} has no {end}"));
    (text, start..start + length)
}

fn path(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page)
}
