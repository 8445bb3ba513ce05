//! Secrets that get out, in whichever test that happens: everything that the code under test logs, down to TRACE, and every error's body goes
//! past here. tests/secrets.rs asks for more: every form of every secret, in answers and in what is stored, too.

use crate::{
    app::{PROVIDERS, TOKEN_SECRET, provider_key},
    postgres::PEPPER,
};
use std::{
    io,
    sync::{Mutex, Once, PoisonError},
};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _};

/// What was found, in any test of this process.
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// What begins a secret and is never followed by the rest of it: an API key, a token of JSON.
const BEGINNINGS: &[(&str, usize)] = &[("sg_live_", 60), ("eyJ", 120)];

/// Begins to read what this process logs. A test with [`crate::logs::Logs`] of its own reads those itself.
pub fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let log = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| Reader);
        let subscriber = tracing_subscriber::registry().with(log.with_filter(LevelFilter::TRACE));
        tracing::subscriber::set_global_default(subscriber).expect("the only one of this process");
    });
}

/// Reads a text that somebody could see.
pub fn check(place: &str, text: &str) {
    if let Some(secret) = find(text) {
        let line: String = text.chars().take(1_000).collect();
        FOUND.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{secret} is in {place}: {line}"));
    }
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
    let known = [("the pepper", PEPPER.to_owned()), ("the token secret", TOKEN_SECRET.to_owned())].into_iter();
    let keys = PROVIDERS.iter().map(|(provider, _)| ("the platform's key of a provider", provider_key(provider)));
    let known = known.chain(keys).find(|(_, secret)| text.contains(secret)).map(|(name, _)| name);
    known.or(token.map(|(beginning, _)| *beginning)).map(str::to_owned)
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
