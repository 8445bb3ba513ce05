//! What a provider's key looks like, so that a slip of the clipboard is told at once and not by the first request that fails.

use super::{ALL, Provider};

const LENGTHS: std::ops::RangeInclusive<usize> = 8..=512;

/// Whether a text can be a key of this provider. The message never repeats the text.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn check_key(provider: &dyn Provider, key: &str) -> Result<(), String> {
    if !LENGTHS.contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must have 8 to 512 visible ASCII characters and no spaces".into());
    }
    if key.contains("...") {
        return Err("must be the whole key: dots stand where the rest of it belongs".into());
    }
    let begins = |one: &dyn Provider| {
        one.key_prefixes().iter().filter(|prefix| key.starts_with(**prefix)).map(|prefix| prefix.len()).max()
    };
    let own = begins(provider);
    if own.is_none() && !provider.key_prefixes().is_empty() {
        return Err(format!("keys of {} begin with `{}`", provider.id(), provider.key_prefixes().join("` or `")));
    }
    match ALL.iter().find(|other| begins(**other) > own) {
        Some(other) => Err(format!("this looks like a key of {}, not of {}", other.id(), provider.id())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::provider;

    #[test]
    fn a_key_of_another_provider_is_told_apart() {
        #[rustfmt::skip]
        let table = [
            ("openai",    "sk-proj-0123456789abcdef",     true,  "its own prefix"),
            ("openai",    "sk-ant-api03-0123456789abcdef", false, "a longer prefix of another's"),
            ("anthropic", "sk-ant-api03-0123456789abcdef", true,  "its own prefix"),
            ("anthropic", "sk-proj-0123456789abcdef",     false, "OpenAI's"),
            ("google",    "AIzaSyA0123456789abcdef",      true,  "its own prefix"),
            ("google",    "0123456789abcdef0123456789",   false, "no prefix where there is one"),
            ("mistral",   "0123456789abcdef0123456789",   true,  "no prefix where there is none"),
            ("mistral",   "AIzaSyA0123456789abcdef",      false, "Google's"),
            ("anthropic", "sk-ant-...",                   false, "what documentation has in its place"),
            ("cohere",    "short",                        false, "too short for any"),
            ("cohere",    "0123456789abcdef\r\nx: y",     false, "not a header"),
            ("cohere",    " 0123456789abcdef01234567",    false, "a space from a paste"),
        ];
        for (id, key, good, why) in table {
            let checked = check_key(provider(id).expect("a provider"), key);
            assert_eq!(checked.is_ok(), good, "{id}: {why}");
            assert!(checked.is_ok() || !checked.unwrap_err().contains(key), "{id}: a message never repeats a key");
        }
    }
}
