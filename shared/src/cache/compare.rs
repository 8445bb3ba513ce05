//! Whether a stored answer would have been as good as the one that the provider gave. It errs on the side of "wrong": what is called wrong
//! keeps tier 2 from serving, what is called right lets it.

use std::collections::BTreeSet;

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// In what the two differ; empty where the stored answer is as good. Words of ours.
    pub reasons: Vec<&'static str>,
}

/// Two answers of other words that mean the same are at least this similar.
pub const LEAST_SIMILARITY: f32 = 0.85;

impl Comparison {
    /// Compares. `similarity` is the cosine of the two answers; none where it is not known, and then only equal words are as good.
    #[must_use]
    pub fn of(stored: &str, given: &str, similarity: Option<f32>) -> Self {
        let (stored, given) = (Said::read(stored), Said::read(given));
        if stored.words == given.words {
            return Self { reasons: Vec::new() };
        }
        let checks = [
            ("numbers", stored.numbers == given.numbers),
            ("names", stored.names == given.names),
            ("negation", stored.denies == given.denies),
            ("meaning", similarity.is_some_and(|similarity| similarity >= LEAST_SIMILARITY)),
        ];
        Self { reasons: checks.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect() }
    }

    /// Whether the stored answer was not as good.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// What an answer says, without how it is written.
struct Said {
    words: Vec<String>,
    numbers: BTreeSet<String>,
    names: BTreeSet<String>,
    denies: bool,
}

const DENIALS: &[&str] = &["no", "not", "never", "none", "nothing", "cannot", "without", "false", "neither", "nor"];

impl Said {
    fn read(text: &str) -> Self {
        let mut said = Self { words: Vec::new(), numbers: BTreeSet::new(), names: BTreeSet::new(), denies: false };
        let mut begins = true;
        for raw in text.split_whitespace() {
            let word = raw.trim_matches(|c: char| !c.is_alphanumeric());
            let is_item = begins && raw.ends_with(['.', ')', ':']) && word.chars().all(|c| c.is_ascii_digit());
            if !word.is_empty() && !is_item {
                said.take(word, begins);
            }
            begins = raw.ends_with(['.', '!', '?', ':', '*', '#', '-']) || (begins && word.is_empty());
        }
        said
    }

    /// A sign before a number and what binds the digits of one stay; what divides thousands goes.
    fn take(&mut self, word: &str, begins: bool) {
        let lower = word.to_lowercase().replace('\u{2019}', "'");
        if lower.chars().any(|c| c.is_numeric()) {
            self.numbers.insert(lower.replace(',', ""));
        } else if !begins && word.chars().next().is_some_and(char::is_uppercase) && lower != "i" {
            self.names.insert(lower.strip_suffix("'s").unwrap_or(&lower).to_owned());
        }
        self.denies |= DENIALS.contains(&lower.as_str()) || lower.ends_with("n't");
        self.words.push(lower);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pair = (&'static str, &'static str, Option<f32>, &'static [&'static str], &'static str);

    #[test]
    fn two_answers_are_as_good_as_each_other_or_not() {
        #[rustfmt::skip]
        let table: [Pair; 12] = [
            ("Paris.",                              "paris",                                 None,       &[],           "equal but for how it is written"),
            ("It is **Paris**.",                    "It is Paris!",                          None,       &[],           "marks are no words"),
            ("The capital is Paris.",               "Its capital city is Paris.",            Some(0.93), &[],           "other words"),
            ("The capital is Paris.",               "The capital is Lyon.",                  Some(0.9),  &["names"],    "another name"),
            ("It takes 10 minutes.",                "It takes 12 minutes.",                  Some(0.98), &["numbers"],  "another number"),
            ("It costs 1,000 euros.",               "It costs 1000 euros.",                  Some(0.99), &[],           "the same number"),
            ("1. Boil water. 2. Add salt.",         "First boil water. Then add salt.",      Some(0.9),  &[],           "numbers of a list count nothing"),
            ("Yes, you can do that.",               "No, you cannot do that.",               Some(0.95), &["negation"], "the opposite"),
            ("Yes, it works here.",                 "It doesn't work here.",                 Some(0.95), &["negation"], "the opposite, contracted"),
            ("You boil an egg in a pot.",           "You paint a wall with a brush.",        Some(0.2),  &["meaning"],  "something else"),
            ("You boil an egg in a pot.",           "An egg is boiled in a pot.",            None,       &["meaning"],  "nobody knows, so it is not as good"),
            ("It was Marie Curie in 1903.",         "It was Niels Bohr in 1922.",            Some(0.7),  &["numbers", "names", "meaning"], "nothing fits"),
        ];
        for (stored, given, similarity, reasons, why) in table {
            let comparison = Comparison::of(stored, given, similarity);
            assert_eq!(comparison.reasons, reasons, "{why}");
            assert_eq!(comparison.is_wrong(), !reasons.is_empty(), "{why}");
            assert_eq!(Comparison::of(given, stored, similarity), comparison, "{why}: whichever was first");
        }
    }
}
