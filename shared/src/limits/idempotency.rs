//! Idempotency keys: which there are, and what becomes of a request whose key was seen before.

use crate::crypto::kept_answer::Mark;
use std::time::Duration;

/// For how long a key is remembered.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// The longest sealed answer that is kept: an item of the table has 400 KB at most.
pub const MAX_SEALED_BYTES: usize = 380 * 1024;
const MAX_KEY_CHARS: usize = 255;

/// What a caller calls a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// What is remembered of a request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Which request, as `req_…`.
    pub request: String,
    /// Whether another is the same.
    pub mark: Mark,
    /// What became of it.
    pub state: State,
}

/// What became of a request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is at work, or was when its process was killed.
    Open,
    /// It is done, and here is the sealed answer.
    Answered(Vec<u8>),
    /// It is done, and its answer is not kept: it was a stream, or too long, or an error that may have been billed.
    Done,
}

impl IdempotencyKey {
    /// Reads one: 1 to 255 visible characters of ASCII.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        if (1..=MAX_KEY_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("must have 1 to {MAX_KEY_CHARS} visible characters of ASCII, as a UUID has"))
    }

    /// As the caller wrote it. Not for the log: it can name anything.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_text_of_a_bounded_length() {
        #[rustfmt::skip]
        let table = [
            ("5f0c2a91-7b3e-4d68-9a10-000000000901".to_owned(), true,  "a UUID"),
            ("x".to_owned(),                                    true,  "anything"),
            ("x".repeat(255),                                   true,  "as long as may be"),
            ("x".repeat(256),                                   false, "longer"),
            (String::new(),                                     false, "nothing"),
            ("a b".to_owned(),                                  false, "a blank"),
            ("ä".to_owned(),                                    false, "no ASCII"),
        ];
        for (text, good, why) in table {
            assert_eq!(IdempotencyKey::parse(&text).is_ok(), good, "{why}");
        }
    }
}
