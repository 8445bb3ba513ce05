//! The translators by themselves, without a connection: a streamed answer on its way to the caller and a conversation on its way to the
//! provider, each beside its floor, which is what `serde_json` alone needs to read and write the same bytes.

mod answers;
mod conversation;
mod relay;

use std::hint::black_box;

use serde_json::Value;
use supergate::{
    openai::ChatRequest,
    providers::{self, Provider},
};

/// Which model each provider is asked for. Of the current ones, those that take tools without more ado.
const MODELS: &[(&str, &str)] = &[
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-flash"),
    ("cohere", "command-a-03-2025"),
    ("mistral", "mistral-medium-latest"),
];

/// A translation and its floor. Each can be run any number of times and does the same every time.
pub struct Job {
    /// Names it in figures, as `openai.stream`.
    pub key: String,
    /// For people.
    pub what: String,
    pub translate: Box<dyn Fn()>,
    pub floor: Box<dyn Fn()>,
}

/// Two of each provider.
///
/// # Panics
/// If a translation is not what it is taken for: then there is nothing to measure.
pub fn jobs() -> Vec<Job> {
    let of = |(id, model): &(&str, &str)| {
        let provider = *providers::ALL.iter().find(|provider| provider.id() == *id).expect("a provider");
        [stream(provider), request(provider, model)]
    };
    MODELS.iter().flat_map(of).collect()
}

/// Every event is a read of its own, as it mostly comes.
fn stream(provider: &'static dyn Provider) -> Job {
    let events = answers::events(provider.id());
    let reads: Vec<Vec<u8>> = events.iter().map(answers::Event::on_the_wire).collect();
    relay::check(provider, &reads);
    let bodies: Vec<Vec<u8>> =
        events.into_iter().map(|event| event.data.into_bytes()).filter(|data| data != b"[DONE]").collect();
    let bytes: usize = reads.iter().map(Vec::len).sum();
    Job {
        key: format!("{}.stream", provider.id()),
        what: format!("stream of {} events, {} kB, from {}", bodies.len(), bytes / 1000, provider.id()),
        translate: Box::new(move || relay::run(provider, &reads, |out| drop(black_box(out)))),
        floor: Box::new(move || bodies.iter().for_each(|body| read_and_write(body))),
    }
}

fn request(provider: &'static dyn Provider, model: &str) -> Job {
    let body = conversation::request(model).to_string().into_bytes();
    let card = providers::model(provider, model).expect("a model of the price list");
    let translate = move |body: &[u8]| {
        let request = ChatRequest::parse(body).expect("a request in the dialect");
        providers::prepare_chat(provider, card, &request).expect("a request that this provider takes").0
    };
    let prepared = translate(&body);
    assert!(prepared.ignored.is_empty(), "{} takes all of it, not without {:?}", provider.id(), prepared.ignored);
    assert!(prepared.body.len() > body.len() / 2, "what was said is in what is sent");
    let floor = body.clone();
    Job {
        key: format!("{}.request", provider.id()),
        what: format!("conversation of {} kB to {}", body.len() / 1000, provider.id()),
        translate: Box::new(move || drop(black_box(translate(&body)))),
        floor: Box::new(move || read_and_write(&floor)),
    }
}

fn read_and_write(body: &[u8]) {
    let value: Value = serde_json::from_slice(body).expect("JSON");
    drop(black_box(serde_json::to_vec(&value).expect("JSON")));
}
