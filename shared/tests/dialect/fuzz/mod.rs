//! Any request in, no panic; and what a provider is sent keeps the provider's rules and the caller's words. Briefly in `make test`, at
//! length by `make fuzz`.

mod chaos;
mod grammar;
mod rules;

use super::models;
use grammar::{Script, script};
use proptest::prelude::*;
use serde_json::Value;
use std::{fs, path::Path};
use supergate::{
    openai::{ChatRequest, EmbeddingsRequest},
    providers::{self, Prepared},
};

/// Sends a body to every model, not over any wire, and looks at what each would be sent.
fn ask_all(body: &[u8], look: impl Fn(&str, &str, &Prepared)) {
    for (provider, models) in models::CHAT {
        for name in *models {
            let (known, card) = models::find(provider, name);
            let ask = || models::chat(known, card, body);
            let Ok(prepared) = ask() else { continue };
            let again = ask().expect("what was taken is taken again");
            assert_eq!(
                (&prepared.body, &prepared.ignored),
                (&again.body, &again.ignored),
                "{name}: not the same twice"
            );
            check_bounds(name, body, &prepared);
            look(provider, name, &prepared);
        }
    }
}

/// What holds of whatever is sent.
fn check_bounds(name: &str, body: &[u8], prepared: &Prepared) {
    /// A text can be escaped twice, and a blank in an id takes three bytes.
    const GROWTH: usize = 8;
    const MOST_NAMES: usize = 80;
    assert!(prepared.path.starts_with('/') && prepared.path.is_ascii(), "{name}: {}", prepared.path);
    assert!(models::body_of(prepared).is_object(), "{name}");
    assert!(prepared.body.len() <= body.len() * GROWTH + 8192, "{name}: {} from {}", prepared.body.len(), body.len());
    assert!(prepared.ignored.len() <= MOST_NAMES, "{name}: {} names", prepared.ignored.len());
}

/// The requests among the fixtures of all providers.
fn seeds() -> Vec<Value> {
    let folders = providers::ALL.iter().map(|provider| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers").join(provider.id()).join("fixtures")
    });
    let files = folders.flat_map(|folder| fs::read_dir(folder).expect("a folder of fixtures"));
    let paths = files.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(".in.json")).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_slice(&fs::read(path).expect("a fixture")).expect("JSON")).collect()
}

proptest! {
    #[test]
    fn a_conversation_reaches_everyone_by_their_rules_and_whole(script in script()) {
        let Script { body, words, .. } = script.render();
        let body = body.to_string();
        ask_all(body.as_bytes(), |provider, name, prepared| {
            let sent = models::body_of(prepared);
            rules::check_shape(provider, name, &sent);
            rules::check_pairs(provider, name, &sent);
            rules::check_words(name, &sent, &words);
        });
    }

    #[test]
    fn a_field_that_nobody_knows_is_named(script in script(), at in any::<prop::sample::Index>()) {
        let mut body = script.render().body;
        let places = grammar::objects(&body);
        let place = at.get(&places);
        let object = body.pointer_mut(place).and_then(Value::as_object_mut).expect("a place in it");
        object.insert("unheard_of".into(), "w0;".into());
        ask_all(body.to_string().as_bytes(), |_, name, prepared| {
            let is_named = prepared.ignored.iter().any(|name| name.ends_with("unheard_of"));
            // So many are named that this one is not.
            let is_full = prepared.ignored.len() >= 64;
            let is_sent = prepared.body.windows(10).any(|window| window == b"unheard_of");
            assert!(is_named || is_full || is_sent, "{name}: {place}");
        });
    }

    #[test]
    fn an_edited_request_never_panics(edits in prop::collection::vec(chaos::edit(), 1..5), seed in any::<prop::sample::Index>()) {
        let seeds = seeds();
        let mut body = seed.get(&seeds).clone();
        for edit in &edits {
            chaos::apply(&mut body, edit);
        }
        ask_all(body.to_string().as_bytes(), |provider, name, prepared| {
            rules::check_shape(provider, name, &models::body_of(prepared));
        });
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), seed in any::<prop::sample::Index>()) {
        let seeds = seeds();
        let mut text = seed.get(&seeds).to_string().into_bytes();
        let at = bytes.len() * 7 % text.len();
        text.splice(at..at, bytes.iter().copied().take(3));
        for bytes in [&bytes, &text] {
            drop(ChatRequest::parse(bytes));
            drop(EmbeddingsRequest::parse(bytes));
        }
    }

    #[test]
    fn embeddings_reach_everyone_in_bounds(body in chaos::embeddings()) {
        let body = body.to_string();
        for (provider, models) in models::EMBEDDINGS {
            for name in *models {
                let (provider, card) = models::find(provider, name);
                let ask = || models::embeddings(provider, card, body.as_bytes());
                let Ok(prepared) = ask() else { continue };
                check_bounds(name, body.as_bytes(), &prepared);
                prop_assert_eq!(&prepared.body, &ask().expect("again").body);
                let embedder = provider.embeddings().expect("embeddings");
                let request = EmbeddingsRequest::parse(body.as_bytes()).expect("it was read");
                let batches = embedder.batch_limit(&request).split(&request.input);
                prop_assert_eq!(batches.concat(), request.input.clone());
                prop_assert!(batches.iter().all(|batch| embedder.request(card, &request, batch).is_ok()));
            }
        }
    }
}

#[test]
fn there_are_requests_to_edit() {
    assert!(seeds().len() >= 30);
}
