//! Two prompts that the cache takes for one.

use supergate::cache::{
    eligibility,
    embed::{Embedder as _, MiniLm},
    guards::{self, Reading},
    text,
};

/// The first written pair that says the same in other words and is near enough in the vectors of the model in a file.
///
/// # Panics
/// If no embedder is in the file, or no pair is so.
pub fn pair(embedder_file: &str) -> (String, String) {
    let embedder = MiniLm::new(std::fs::read(embedder_file).expect("the file")).expect("an embedder");
    pair_where(|a, b| embedder.embed(a).expect(a).cosine(&embedder.embed(b).expect(b)) >= 0.955)
}

/// The first written pair that says the same in other words, that the guards let pass, that no canonical text makes equal, and that is near.
///
/// # Panics
/// If no pair is so.
pub fn pair_where(is_near: impl Fn(&str, &str) -> bool) -> (String, String) {
    let pairs = include_str!("cache_report/written.tsv").lines().filter(|line| !line.starts_with('#'));
    let fits = |a: &str, b: &str| {
        eligibility::of_text(a).is_ok()
            && eligibility::of_text(b).is_ok()
            && text::canonical(a) != text::canonical(b)
            && guards::objection(&Reading::of(a), &Reading::of(b)).is_none()
            && is_near(a, b)
    };
    let found = pairs.map(|line| line.split('\t').collect::<Vec<_>>()).find_map(|columns| match columns.as_slice() {
        [a, b, "1", ..] if fits(a, b) => Some(((*a).to_owned(), (*b).to_owned())),
        _ => None,
    });
    found.expect("a pair")
}
