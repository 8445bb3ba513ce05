//! Secrets that get out, in whichever test that happens: everything that the code under test logs, down to TRACE, every error's body, and
//! every row that a test's database has when the test ends, goes past here. Secrets are keys, tokens, peppers, the data keys that KMS gave out,
//! what callers ask models, and what models answer. tests/secrets.rs asks for more: every form of every secret, in answers and in DynamoDB, too.

mod said;

use crate::{
    app::{PROVIDERS, TOKEN_SECRET, provider_key},
    postgres::PEPPER,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use memchr::memmem;
use said::Said;
use serde_json::Value;
use std::{
    collections::HashSet,
    io,
    sync::{LazyLock, Mutex, Once, PoisonError, RwLock},
};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _};

/// What was found, in any test of this process.
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// What begins a secret and is never followed by the rest of it: an API key, a token of JSON.
const BEGINNINGS: &[(&str, usize)] = &[("sg_live_", 60), ("eyJ", 120)];
/// The data keys that KMS gave to the code under test in the clear.
static DATA_KEYS: LazyLock<RwLock<HashSet<[u8; DATA_KEY_BYTES]>>> = LazyLock::new(RwLock::default);
const DATA_KEY_BYTES: usize = 32;
/// What models were asked, and what they answer.
static SAID: LazyLock<RwLock<Said>> = LazyLock::new(|| RwLock::new(Said::answers()));

/// Begins to read what this process logs. What [`crate::logs::Logs`] catches comes by when the test ends.
pub fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let log = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| Reader);
        let subscriber = tracing_subscriber::registry().with(log.with_filter(LevelFilter::TRACE));
        tracing::subscriber::set_global_default(subscriber).expect("the only one of this process");
    });
}

/// Remembers what KMS answered, if it has a key in the clear.
pub fn note_plaintext(answer: &[u8]) {
    let Ok(Value::Object(answer)) = serde_json::from_slice(answer) else { return };
    let key = answer.get("Plaintext").and_then(Value::as_str).map(|text| text.trim_end_matches('='));
    if let Some(key) = key.and_then(|text| STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()) {
        DATA_KEYS.write().unwrap_or_else(PoisonError::into_inner).insert(key);
    }
}

/// Remembers what a model is asked, by the body of a request.
pub fn note_prompts(body: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
    let mut texts = Vec::new();
    texts_of(&body["messages"], &mut texts);
    texts_of(&body["input"], &mut texts);
    let mut said = SAID.write().unwrap_or_else(PoisonError::into_inner);
    texts.into_iter().for_each(|text| said.note(text));
}

/// The words in messages and inputs, and nothing of their form.
fn texts_of<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts_of(value, texts)),
        Value::Object(fields) => {
            for (_, value) in fields.iter().filter(|(name, _)| ["content", "text"].contains(&name.as_str())) {
                texts_of(value, texts);
            }
        }
        _ => {}
    }
}

/// Reads a text that somebody could see.
pub fn check(place: &str, text: &str) {
    if let Some(secret) = find(text).or_else(|| find_said(text.as_bytes())) {
        note(&secret, place, text);
    }
}

/// Reads an error's body. Who sends a secret where none belongs may be told so, but not what a model was asked.
pub fn check_error(sent: &str, body: &str) {
    if let Some(secret) = find(body).filter(|_| find(sent).is_none()).or_else(|| find_said(body.as_bytes())) {
        note(&secret, "an error", body);
    }
}

fn note(secret: &str, place: &str, text: &str) {
    let line: String = text.chars().take(1_000).collect();
    FOUND.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{secret} is in {place}: {line}"));
}

/// Fails when anything was found so far.
///
/// # Panics
/// Then, with what and where.
pub fn assert_none() {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(found.is_empty() || std::thread::panicking(), "{}", found.join("\n"));
}

/// Which secret a text has.
pub fn find(text: &str) -> Option<String> {
    let is_of_it = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let token = BEGINNINGS.iter().find(|(beginning, least)| {
        text.match_indices(beginning).any(|(at, _)| text[at..].chars().take_while(|c| is_of_it(*c)).count() >= *least)
    });
    let known = KNOWN.iter().find(|(_, secret)| text.contains(secret)).map(|(name, _)| *name);
    let data_key = || has_data_key(text).then_some("a data key");
    known.or(token.map(|(beginning, _)| *beginning)).or_else(data_key).map(str::to_owned)
}

/// Which secret a row has: the same, and what stands in bytes, which are written in hexadecimal.
pub fn find_in_row(row: &str) -> Option<String> {
    let in_bytes = |bytes: Vec<u8>| {
        let is_in = |secret: &str| memmem::find(&bytes, secret.as_bytes()).is_some();
        let known = KNOWN.iter().find(|(_, secret)| is_in(secret)).map(|(name, _)| (*name).to_owned());
        known.or_else(|| find_said(&bytes))
    };
    find(row).or_else(|| find_said(row.as_bytes())).or_else(|| bytes_of(row).find_map(in_bytes))
}

/// The values of a row that are bytes.
fn bytes_of(row: &str) -> impl Iterator<Item = Vec<u8>> {
    row.split("\\\\x").skip(1).map(|rest| {
        let digits = rest.as_bytes().chunks_exact(2);
        digits.map_while(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
    })
}

/// Reads a row of a test's database.
pub fn check_row(row: &str) {
    if let Some(secret) = find_in_row(row) {
        note(&secret, "the database", row);
    }
}

static KNOWN: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let own = [("the pepper", PEPPER.to_owned()), ("the token secret", TOKEN_SECRET.to_owned())];
    let keys = PROVIDERS.iter().map(|(provider, _)| ("the platform's key of a provider", provider_key(provider)));
    own.into_iter().chain(keys).collect()
});

fn find_said(place: &[u8]) -> Option<String> {
    let said = SAID.read().unwrap_or_else(PoisonError::into_inner);
    said.find(place).map(|said| format!("`{said}` of a prompt or an answer"))
}

/// In base 64, in hexadecimal, or as a list of bytes; also within something longer.
fn has_data_key(text: &str) -> bool {
    let keys = DATA_KEYS.read().unwrap_or_else(PoisonError::into_inner);
    let has = |bytes: Vec<u8>| bytes.windows(DATA_KEY_BYTES).any(|window| keys.contains(window));
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let words = || text.as_bytes().split(|byte| !is_of_word(byte)).filter(|word| word.len() >= 43);
    let in_words = || {
        words().any(|word| {
            let hex = || {
                word.strip_prefix(b"x")
                    .unwrap_or(word)
                    .chunks_exact(2)
                    .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            };
            STANDARD_NO_PAD.decode(word).is_ok_and(has)
                || URL_SAFE_NO_PAD.decode(word).is_ok_and(has)
                || hex().collect::<Option<Vec<u8>>>().is_some_and(has)
        })
    };
    let in_lists = || {
        text.split('[').skip(1).filter_map(|rest| rest.split_once(']')).any(|(list, _)| {
            let bytes = || list.split(',').map(|byte| byte.trim().parse().ok()).collect::<Option<Vec<u8>>>();
            list.len() >= 2 * DATA_KEY_BYTES && bytes().is_some_and(has)
        })
    };
    !keys.is_empty() && (in_words() || in_lists())
}

struct Reader;

impl io::Write for Reader {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        check("the log", &String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    #[test]
    fn what_is_planted_is_found_and_what_is_like_it_is_not() {
        let key: Vec<u8> = (100..132).collect();
        note_plaintext(json!({"KeyId": "k", "Plaintext": STANDARD.encode(&key)}).to_string().as_bytes());
        note_prompts(br#"{"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "planted words"}]}], "input": ["and planted vectors"]}"#);
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let longer = [b"before".to_vec(), key.clone(), b"behind".to_vec()].concat();
        #[rustfmt::skip]
        let table = [
            (format!("key {}", STANDARD.encode(&key)),        true,  "base 64"),
            (format!("key={}", URL_SAFE_NO_PAD.encode(&key)), true,  "base 64 for addresses"),
            (STANDARD.encode(&longer),                        true,  "within something longer"),
            (format!(r#"{{"wrapped": "\\x{hex}"}}"#),         true,  "bytes of a row"),
            (hex.to_uppercase(),                              true,  "hexadecimal"),
            (format!("DataKey({key:?})"),                     true,  "a list of bytes"),
            (STANDARD.encode(&longer[1..30]),                 false, "a part of it"),
            ("he asked: planted words!".to_owned(),           true,  "a prompt"),
            ("and planted vectors".to_owned(),                true,  "an input"),
            (r#"openai gpt-4o-mini heard: \"hi\" (turns: 1)"#.to_owned(), true, "an answer"),
            (r#"{"content": "\\x706c616e74656420776f726473"}"#.to_owned(), true, "a prompt in bytes"),
            (format!(r#"{{"x": "\\x{}"}}"#, PEPPER.bytes().map(|byte| format!("{byte:02x}")).collect::<String>()), true, "the pepper in bytes"),
            ("planted word".to_owned(),                       false, "a part of a prompt"),
            ("role user".to_owned(),                          false, "the form of a prompt"),
        ];
        for (text, found, why) in table {
            assert_eq!(find_in_row(&text).is_some(), found, "{why}: {text}");
        }
    }
}
