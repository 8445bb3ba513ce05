//! Two prompts that the cache takes for one.

use supergate::cache::{
    eligibility,
    embed::{Embedder as _, MiniLm},
    guards::{self, Reading},
    text,
};

/// The first written pair that says the same in other words, that the guards let pass, and that no canonical text makes equal.
///
/// # Panics
/// If no embedder is in the file, or no pair is so.
pub fn pair(embedder_file: &str) -> (String, String) {
    let embedder = MiniLm::new(std::fs::read(embedder_file).expect("the file")).expect("an embedder");
    let pairs = include_str!("cache_report/written.tsv").lines().filter(|line| !line.starts_with('#'));
    let fits = |a: &str, b: &str| {
        let near = || embedder.embed(a).expect(a).cosine(&embedder.embed(b).expect(b)) >= 0.955;
        let are_fit = eligibility::of_text(a).is_ok() && eligibility::of_text(b).is_ok();
        are_fit
            && text::canonical(a) != text::canonical(b)
            && guards::objection(&Reading::of(a), &Reading::of(b)).is_none()
            && near()
    };
    let found = pairs.map(|line| line.split('\t').collect::<Vec<_>>()).find_map(|columns| match columns.as_slice() {
        [a, b, "1", ..] if fits(a, b) => Some(((*a).to_owned(), (*b).to_owned())),
        _ => None,
    });
    found.expect("a pair")
}
