//! What a row says, read from its body by rules that are written here from the providers' documentation a second time, so that a
//! mistake of the translators is not made twice.

#[path = "said/anthropic.rs"]
mod anthropic;
#[path = "said/cohere.rs"]
mod cohere;
#[path = "said/google.rs"]
mod google;
#[path = "said/openai.rs"]
mod openai;
#[path = "said/usage.rs"]
mod usage;

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{
    calls::{Call, Calls},
    rows::Row,
};

/// What was said in each choice.
pub type Said = BTreeMap<u64, Choice>;

/// One choice, in OpenAI's terms.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Choice {
    pub text: String,
    pub refusal: String,
    pub reasoning: String,
    pub calls: Vec<Call>,
    /// What was drawn, as data URLs.
    pub images: Vec<String>,
    pub sound: Sound,
    /// What passages rest on, in order: a URL, or what else names a document.
    pub sources: Vec<String>,
    pub finish: String,
}

/// What was said aloud.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sound {
    pub id: String,
    pub bytes: Vec<u8>,
    pub transcript: String,
}

/// The counts that a caller sees, in OpenAI's terms; none where nothing is said.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub input: u64,
    pub output: u64,
    pub cached: Option<u64>,
    pub written: Option<u64>,
    pub reasoning: Option<u64>,
    /// Of sound in the prompt, and in the answer.
    pub heard: Option<u64>,
    pub spoken: Option<u64>,
    /// Of the prompt, from tools that the provider ran.
    pub tools: Option<u64>,
    /// Of a prediction, what came true and what did not.
    pub accepted: Option<u64>,
    pub rejected: Option<u64>,
    /// Searches of the web.
    pub searches: Option<u64>,
}

/// The counts, and what else the price depends on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Usage {
    pub counts: Counts,
    /// Of the tokens written to a cache, those that stay for an hour.
    pub written_1h: u64,
    /// Prompt and answer as invoiced, where that is not what is counted.
    pub billed: Option<(u64, u64)>,
    /// Of the sound in the prompt: tokens that were read from a cache, and its length where that is billed.
    pub heard_cached: u64,
    pub heard_seconds: u64,
    /// Tokens of film in the answer.
    pub filmed: u64,
    /// The service tier that served it, where that has prices of its own.
    pub tier: Option<&'static str>,
    /// Whether it stayed in the United States.
    pub us_only: bool,
    /// How much of what was found the client wanted to be read: `search_context_size`.
    pub search_context: Option<String>,
}

/// What a row is to these tests.
pub enum Kind {
    /// An answer.
    Answer(Box<Recorded>),
    /// No complete answer, though the status was 200: an error, what is none of the provider's, or a stream that breaks off.
    NoAnswer,
    /// An error, by its status.
    Refused,
    /// An answer of what the dialect has no words for.
    More(&'static str),
}

/// An answer.
pub struct Recorded {
    pub said: Said,
    /// None where the provider did not count.
    pub usage: Option<Usage>,
    /// Whether it calls a function in OpenAI's older form.
    pub legacy: bool,
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    /// All that is promised was said, but the protocol has no last word.
    MayEnd,
    Ended,
    /// With the provider's own error, or with what is none of its events.
    Failed,
}

/// Reads a row.
pub fn read(row: &Row) -> Kind {
    let mut reading = Reading::of(row);
    let mut two_in_one = false;
    for data in row.frames().into_iter().filter_map(|frame| row.data(frame)) {
        // Cohere's last word is followed by a `[DONE]`.
        two_in_one |= reading.state() == State::Ended && data != "[DONE]";
        reading.take(&data);
    }
    match (reading.state(), reading.more) {
        (State::Failed | State::Running, _) => Kind::NoAnswer,
        _ if two_in_one => Kind::More("two answers in one recording"),
        (State::MayEnd | State::Ended, Some(more)) => Kind::More(more),
        (State::MayEnd | State::Ended, None) => {
            let (usage, legacy) = (reading.usage(), reading.legacy);
            Kind::Answer(Box::new(Recorded { said: reading.settle(), usage, legacy }))
        }
    }
}

/// Reads an answer event by event.
pub struct Reading<'a> {
    row: &'a Row,
    provider: &'a str,
    streamed: bool,
    said: Said,
    calls: Calls,
    legacy: bool,
    /// Google's, of each choice: the sources that passages point at. None where some passage did.
    pages: BTreeMap<u64, Vec<[String; 2]>>,
    supported: BTreeSet<u64>,
    /// The passages that were named.
    passages: Vec<Value>,
    /// Choices that ended and said no more.
    over: BTreeMap<u64, bool>,
    counts: Map<String, Value>,
    /// Whether it is an answer of OpenAI's models for sound.
    speaks: bool,
    /// OpenAI's tier, which stands beside the counts.
    tier: Value,
    /// Google's searches in each choice.
    searches: BTreeMap<u64, u64>,
    ended: bool,
    failed: bool,
    more: Option<&'static str>,
}

impl<'a> Reading<'a> {
    pub fn of(row: &'a Row) -> Self {
        Self {
            row,
            provider: &row.provider,
            streamed: row.streaming,
            said: Said::new(),
            calls: Calls::default(),
            legacy: false,
            pages: BTreeMap::new(),
            supported: BTreeSet::new(),
            passages: Vec::new(),
            over: BTreeMap::new(),
            counts: Map::new(),
            speaks: false,
            tier: Value::Null,
            searches: BTreeMap::new(),
            ended: false,
            failed: false,
            more: None,
        }
    }

    pub fn take(&mut self, data: &str) {
        if data == "[DONE]" {
            self.ended |= matches!(self.provider, "openai" | "mistral");
            // Their streams do not say why they ended.
            for said in self.said.values_mut().filter(|said| self.speaks && said.finish.is_empty()) {
                "stop".clone_into(&mut said.finish);
            }
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            self.failed = true;
            return;
        };
        match self.provider {
            "openai" | "mistral" => self.take_completion(&event),
            "anthropic" => self.take_message(&event),
            "google" => self.take_content(&event),
            "cohere" => self.take_chat(&event),
            other => panic!("{other}: rules for it are missing"),
        }
        self.ended |= !self.streamed;
    }

    pub fn state(&self) -> State {
        let all_over = !self.over.is_empty() && self.over.values().all(|over| *over);
        match (self.failed, self.ended) {
            (true, _) => State::Failed,
            (false, true) => State::Ended,
            (false, false) if all_over => State::MayEnd,
            (false, false) => State::Running,
        }
    }

    fn say(&mut self, choice: u64, text: Option<&str>) {
        self.said.entry(choice).or_default().text += text.unwrap_or_default();
    }

    fn think(&mut self, choice: u64, text: Option<&str>) {
        self.said.entry(choice).or_default().reasoning += text.unwrap_or_default();
    }

    fn cite(&mut self, choice: u64, source: impl Into<String>) {
        self.said.entry(choice).or_default().sources.push(source.into());
    }

    /// Pieces of what is said aloud.
    fn speak(&mut self, choice: u64, audio: &Value) {
        let sound = &mut self.said.entry(choice).or_default().sound;
        sound.add(audio);
    }

    /// Later counts replace earlier ones.
    fn count(&mut self, usage: &Value) {
        if let Some(usage) = usage.as_object() {
            self.counts = usage.clone();
        }
    }

    /// Later counts replace earlier ones, each for itself.
    fn count_more(&mut self, usage: &Value) {
        self.counts.extend(usage.as_object().cloned().unwrap_or_default().into_iter().filter(|(_, n)| !n.is_null()));
    }

    /// What was said in the end.
    fn settle(mut self) -> Said {
        self.calls.settle(&mut self.said);
        self.cite_what_was_read();
        for said in self.said.values_mut().filter(|said| !said.calls.is_empty()) {
            // Google says `STOP` after a call, and OpenAI after one that the caller prescribed; the dialect says that there is a call.
            match said.finish.as_str() {
                "stop" | "tool_calls" if self.legacy => "function_call".clone_into(&mut said.finish),
                "stop" => "tool_calls".clone_into(&mut said.finish),
                _ => {}
            }
        }
        self.said
    }
}

impl Sound {
    /// More of it, in OpenAI's form.
    pub fn add(&mut self, audio: &Value) {
        let text = |name: &str| audio[name].as_str().unwrap_or_default();
        self.id += text("id");
        // Each piece is in base 64 by itself; a made-up one may not be.
        let data = text("data");
        self.bytes.extend(STANDARD.decode(data).unwrap_or_else(|_| data.as_bytes().to_vec()));
        self.transcript += text("transcript");
    }
}

/// What an annotation of the dialect names: a URL; or, by the types that are ours, what stands for one.
pub fn sources(annotation: &Value) -> Vec<String> {
    let kind = annotation["type"].as_str().unwrap_or_default();
    let it = &annotation[kind];
    let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
    match kind {
        "url_citation" => vec![text("url")],
        "file_citation" => vec![text("title")],
        "document_citation" => {
            let number = ["document_index", "search_result_index"].into_iter().find_map(|name| it[name].as_u64());
            vec![format!("{number:?} {}", text("cited_text"))]
        }
        "citation" if it["sources"].is_array() => {
            list(&it["sources"]).map(|source| source["id"].as_str().unwrap_or_default().to_owned()).collect()
        }
        "citation" => vec![text("title")],
        "reference" => list(&it["reference_ids"]).map(Value::to_string).collect(),
        _ => vec![annotation.to_string()],
    }
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn has_some(value: &Value) -> bool {
    list(value).next().is_some()
}
