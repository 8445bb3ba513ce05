//! What models were asked and what they answered, looked for in every text that the tests give rise to. There are thousands, so they are
//! looked for all at once, and only the newest one by one.

use aho_corasick::AhoCorasick;
use memchr::memmem;
use std::collections::HashSet;

/// What is in whatever the mock of the models answers or thinks.
const ANSWERS: [&str; 3] = [" heard: ", "thinking about: ", "word2 word3"];
/// Shorter prompts are found in innocent texts.
const LEAST_BYTES: usize = 12;
/// So many, or an eighth of all, are looked for one by one before the searcher is built anew.
const NEWEST: usize = 32;

/// The texts of this process.
#[derive(Default)]
pub(super) struct Said {
    known: HashSet<String>,
    searcher: Option<(AhoCorasick, Vec<String>)>,
    newest: Vec<String>,
}

impl Said {
    /// With what models answer.
    pub(super) fn answers() -> Self {
        let mut said = Self::default();
        ANSWERS.into_iter().for_each(|answer| said.keep(answer.to_owned()));
        said
    }

    /// Remembers a text, as it is and as it stands in JSON. Short ones are not kept, nor what has no words: of those nobody could tell
    /// whence they come.
    pub(super) fn note(&mut self, text: &str) {
        if text.len() < LEAST_BYTES || !text.contains(' ') {
            return;
        }
        let in_json = serde_json::Value::from(text).to_string();
        self.keep(in_json[1..in_json.len() - 1].to_owned());
        self.keep(text.to_owned());
    }

    fn keep(&mut self, text: String) {
        if !self.known.insert(text.clone()) {
            return;
        }
        self.newest.push(text);
        if self.newest.len() >= NEWEST.max(self.known.len() / 8) {
            let all: Vec<String> = self.known.iter().cloned().collect();
            self.searcher = Some((AhoCorasick::new(&all).expect("few enough texts"), all));
            self.newest.clear();
        }
    }

    /// One that is in a text or in bytes.
    pub(super) fn find(&self, place: &[u8]) -> Option<&str> {
        let of_many = self.searcher.as_ref().and_then(|(searcher, all)| {
            let found = searcher.find(place)?;
            all.get(found.pattern().as_usize())
        });
        let is_in = |text: &&String| memmem::find(place, text.as_bytes()).is_some();
        of_many.or_else(|| self.newest.iter().find(is_in)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::{ANSWERS, NEWEST, Said};

    #[test]
    fn each_of_many_is_found_and_nothing_else() {
        let mut said = Said::answers();
        let prompt = |n: usize| format!("what is \"{n}\" times {n}?");
        for n in 0..3 * NEWEST {
            said.note(&prompt(n));
            for known in 0..=n {
                let in_json = serde_json::json!({"asked": format!("so: {}", prompt(known))}).to_string();
                assert!(said.find(in_json.as_bytes()).is_some(), "{known} of {n}, in JSON");
                assert!(said.find(prompt(known).as_bytes()).is_some(), "{known} of {n}, in bytes");
            }
            assert_eq!(said.find(prompt(n + 1).as_bytes()), None, "{n}: what was not said yet");
        }
        for answer in ANSWERS {
            assert!(said.find(format!("x{answer}y").as_bytes()).is_some(), "{answer}");
        }
    }

    #[test]
    fn what_could_be_anything_is_not_looked_for() {
        let mut said = Said::default();
        for text in ["short one", "", "gpt-4o-mini-2024-07-18"] {
            said.note(text);
            assert_eq!(said.find(format!("{text}{text}").as_bytes()), None, "{text}");
        }
    }
}
