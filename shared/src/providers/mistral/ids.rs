//! Ids of calls: Mistral takes nine letters and digits, and nothing else.

use sha2::{Digest, Sha256};
use std::iter;

const LENGTH: usize = 9;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Mistral's own ids stay; another becomes always the same one, so that a call and its result still belong together.
pub(super) fn for_mistral(id: &str) -> String {
    if id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    let hash = Sha256::digest(id.as_bytes());
    let mut number = hash.iter().take(8).fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    let digits = iter::repeat_with(|| {
        let digit = usize::try_from(number % 62).unwrap_or_default();
        number /= 62;
        char::from(ALPHABET[digit])
    });
    digits.take(LENGTH).collect()
}

/// An id of an answer. Old models said `null`; the place of the call in the answer then makes one.
pub(super) fn of_answer(id: Option<String>, index: u32) -> String {
    id.filter(|id| !id.is_empty() && id != "null").unwrap_or_else(|| format!("call_{index}"))
}
