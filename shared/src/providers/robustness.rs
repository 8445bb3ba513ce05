//! Any bytes in, no panic: what a provider sends is not ours to trust. The fixtures are the seeds, and random edits of them reach deeper
//! than random bytes would. Briefly in `make test`, at length by `make fuzz`.

use super::{ALL, Event, Provider};
use crate::{openai::ChatRequest, usage::ModelKind};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// What to do to a text.
#[derive(Debug, Clone)]
enum Edit {
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, &'static str),
    Repeat(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let bits = prop_oneof![
        Just("null"),
        Just("{}"),
        Just("[]"),
        Just("\"\""),
        Just("-1"),
        Just("18446744073709551615"),
        Just("1e999"),
        Just("\u{0}"),
        Just("é😀"),
        Just("\\ud800"),
        Just(","),
        Just("}"),
    ];
    prop_oneof![
        any::<Index>().prop_map(Edit::Cut),
        (any::<Index>(), 1_usize..40).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), bits).prop_map(|(at, text)| Edit::Insert(at, text)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Edit::Repeat(from, to)),
    ]
}

fn apply(text: &mut Vec<u8>, edit: &Edit) {
    if text.is_empty() {
        return;
    }
    let length = text.len();
    match edit {
        Edit::Cut(at) => text.truncate(at.index(length)),
        Edit::Remove(at, count) => drop(text.drain(at.index(length)..length.min(at.index(length) + count))),
        Edit::Insert(at, bits) => drop(text.splice(at.index(length)..at.index(length), bits.bytes())),
        Edit::Repeat(from, to) => {
            let (from, to) = (from.index(length), to.index(length));
            let part = text[from.min(to)..from.max(to)].to_vec();
            text.extend(part);
        }
    }
}

/// The answers and streams among a provider's fixtures, as they come from it.
fn seeds(provider: &dyn Provider) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers").join(provider.id()).join("fixtures");
    fs::read_dir(folder)
        .expect("a folder of fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            !name.contains(".expected.") && ["answer_", "stream_", "failure_"].iter().any(|kind| name.starts_with(kind))
        })
        .map(|path| (path.display().to_string(), fs::read(&path).expect("a fixture")))
        .collect()
}

/// Everything that reads what a provider sends.
fn read(provider: &dyn Provider, bytes: &[u8]) {
    drop(provider.chat_answer(bytes));
    drop(provider.failure(400, bytes));
    if let Some(embedder) = provider.embeddings() {
        drop(embedder.answer(bytes));
    }
    let text = String::from_utf8_lossy(bytes);
    let mut stream = provider.chat_stream();
    let mut pieces = Vec::new();
    for data in text.lines().filter_map(|line| line.strip_prefix("data:")) {
        if stream.push(Event { name: None, data: data.trim() }, &mut pieces).is_err() {
            break;
        }
    }
    stream.progress();
}

proptest! {
    #[test]
    fn edited_answers_never_panic(edits in proptest::collection::vec(edit(), 1..6)) {
        for provider in ALL {
            for (_, mut bytes) in seeds(*provider) {
                for edit in &edits {
                    apply(&mut bytes, edit);
                }
                read(*provider, &bytes);
            }
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for provider in ALL {
            read(*provider, &bytes);
            read(*provider, &[b"data: ", bytes.as_slice(), b"\n"].concat());
        }
    }
}

#[test]
fn there_is_something_to_edit() {
    for provider in ALL {
        assert!(seeds(*provider).len() >= 8, "{}", provider.id());
    }
}

/// What belongs together is not looked for again and again: a caller could make that work for hours.
#[test]
fn a_conversation_as_long_as_a_body_may_be_is_read_in_one_pass() {
    const MANY: usize = 30_000;
    let function =
        |i: usize| json!({ "id": format!("c{i}"), "function": { "name": format!("f{i}"), "arguments": "{}" } });
    let signed = |i: usize| json!({ "provider": "google", "format": "google-thought-signature-v1", "data": "s", "tool_call_id": format!("d{i}"), "call": i });
    let of_many = |one: Value| std::iter::repeat_n(one, MANY);
    let called = json!({ "role": "assistant", "tool_calls": [function(0)] });
    let given = json!({ "role": "tool", "tool_call_id": "c0", "content": "a" });
    let said = json!({ "role": "user", "content": "a" });
    let far: Vec<Value> = std::iter::once(called).chain(of_many(said)).chain(of_many(given)).collect();
    let calls: Vec<_> = (0..MANY).map(function).collect();
    let details: Vec<_> = (0..MANY).map(signed).collect();
    let wide = vec![
        json!({ "role": "user", "content": "a" }),
        json!({ "role": "assistant", "tool_calls": calls, "reasoning_details": details }),
    ];
    for messages in [far, wide] {
        let body = json!({ "model": "m", "messages": messages }).to_string();
        let request = ChatRequest::parse(body.as_bytes()).expect("a request");
        for provider in ALL {
            let model = provider.models().iter().find(|model| model.kind == ModelKind::Chat).expect("a model");
            assert!(provider.chat_request(model, &request).is_ok(), "{}", provider.id());
        }
    }
}
