//! Ids of calls. Google's older models give none, and clients pair a result with its call by the id alone, over the whole conversation: so
//! ours differ from turn to turn, and are the same whenever the same answer is read.

use sha2::{Digest, Sha256};

const OURS: &str = "call_sg_";

/// What makes an answer's ids its own.
#[derive(Clone, Copy)]
pub(super) struct Seed<'a> {
    /// Google's id of the answer.
    pub(super) answer: Option<&'a str>,
    /// What the call stands in, for an answer without an id.
    pub(super) event: &'a [u8],
}

impl Seed<'_> {
    /// The id of a call that Google gave none.
    pub(super) fn id(&self, choice: u32, index: u32) -> String {
        let number = self.number();
        match choice {
            0 => format!("{OURS}{number:016x}_{index}"),
            _ => format!("{OURS}{number:016x}_{choice}_{index}"),
        }
    }

    /// The id of what a choice says aloud; Google has none for that.
    pub(super) fn audio_id(&self, choice: u32) -> String {
        format!("audio_sg_{:016x}_{choice}", self.number())
    }

    fn number(&self) -> u64 {
        let hash = Sha256::digest(self.answer.filter(|id| !id.is_empty()).map_or(self.event, str::as_bytes));
        hash.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

/// An id as Google knows it; none where it is one of ours. Google's own can look like anything, `call_54402` among others.
pub(super) fn known(id: &str) -> Option<&str> {
    (!id.starts_with(OURS) && !id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_answers_never_share_an_id_and_one_answer_always_has_the_same() {
        let seed = |answer, event: &'static str| Seed { answer, event: event.as_bytes() };
        let (one, two) = (seed(Some("r1"), "a"), seed(Some("r2"), "a"));
        let nameless = [seed(None, "a"), seed(Some(""), "b")];
        let mut ids: Vec<_> = [one, two, nameless[0], nameless[1]].iter().map(|seed| seed.id(0, 0)).collect();
        ids.extend([one.id(0, 1), one.id(1, 0)]);
        assert_eq!(one.id(0, 0), seed(Some("r1"), "another event").id(0, 0));
        assert!(ids.iter().all(|id| known(id).is_none() && id.len() <= 40), "{ids:?}");
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn an_id_that_google_gave_is_its_own() {
        for (id, known_id) in
            [("f3k2", Some("f3k2")), ("toolu_1", Some("toolu_1")), ("call_54402", Some("call_54402")), ("", None)]
        {
            assert_eq!(known(id), known_id, "{id}");
        }
    }
}
