//! Real traffic, recorded: every answer of text comes back through the gateway as the provider gave it, costs what the price list says
//! and leaves one row in the ledger; every stream may be cut anywhere, and none may end where its provider did not end it.
//!
//! The recordings are not part of the repository. `TRAFFIC` names their folder; without it these tests say so and pass.

#[path = "recorded_traffic/heard.rs"]
mod heard;
#[path = "recorded_traffic/prices.rs"]
mod prices;
#[path = "recorded_traffic/replay.rs"]
mod replay;
#[path = "recorded_traffic/rows.rs"]
mod rows;
#[path = "recorded_traffic/said.rs"]
mod said;
#[path = "recorded_traffic/tally.rs"]
mod tally;
#[path = "recorded_traffic/translated.rs"]
mod translated;

use std::{collections::HashMap, io::Write as _};

use futures_util::{StreamExt as _, stream};
use http::HeaderValue;
use serde_json::{Value, json};
use supergate::providers::Progress;
use supergate_tests::app::{Answer, App, PROVIDERS};

use heard::Heard;
use prices::Prices;
use replay::Replay;
use rows::{FOLDER, ROWS, Row};
use said::{Kind, Reading, Said, State, Usage};
use tally::Tally;
use translated::{Translation, translate};

/// Requests that are under way at a time.
const PARALLEL: usize = 8;
/// Streams of each provider that are sent in single bytes, and those that are cut at every event, over a real connection.
const SAMPLE: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_answer_comes_back_as_it_was_given() {
    let Some(folder) = &*FOLDER else { return };
    let replay = Replay::start(folder).await;
    let app = replay.app().await;
    let (mut tally, mut asked) = (Tally::default(), Vec::new());
    for row in &*ROWS {
        match said::read(row) {
            Kind::More(reason) => tally.left_out(row, reason),
            kind => asked.push((row, kind)),
        }
    }
    let answers: Vec<Answer> = stream::iter(asked.iter().map(|(row, kind)| ask(&app, row, choices(kind), "")))
        .buffered(PARALLEL)
        .collect()
        .await;

    let ledger = Ledger::read(&app).await;
    assert_eq!(ledger.rows, asked.len(), "a row for each request");
    let prices = Prices::read();
    let mut unequal = Vec::new();
    for ((row, kind), answer) in asked.iter().zip(&answers) {
        let problems = match kind {
            Kind::Text(said, usage) => compare(row, said, *usage, answer, ledger.row(answer), &prices),
            _ => must_be_an_error(answer, ledger.row(answer)),
        };
        tally.asked(row, kind, problems.is_empty());
        unequal.extend(problems.into_iter().map(|problem| format!("{}: {problem}", row.id)));
    }
    say(&tally.to_string());
    assert!(unequal.is_empty(), "{} differences:\n{}", unequal.len(), unequal.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_in_single_bytes_gives_the_same_chunks() {
    let Some(folder) = &*FOLDER else { return };
    let streams: Vec<&Row> = ROWS.iter().filter(|row| row.streaming).collect();
    for row in &streams {
        let (whole, bytes) = (translate(row, [row.body.as_bytes()]), translate(row, row.body.as_bytes().chunks(1)));
        assert_eq!(whole, bytes, "{}", row.id);
    }

    let replay = Replay::start(folder).await;
    let app = replay.app().await;
    let sample: Vec<_> = sample(|row| row.body.len()).map(|row| (row, said::read(row))).collect();
    let ask_twice = |(row, kind)| {
        let app = &app;
        async move {
            let whole = ask(app, row, choices(kind), "[split=whole]").await;
            (row.id.as_str(), whole, ask(app, row, choices(kind), "[split=bytes:1]").await)
        }
    };
    let answers: Vec<_> =
        stream::iter(sample.iter().map(|(row, kind)| ask_twice((row, kind)))).buffered(PARALLEL).collect().await;
    for (id, whole, bytes) in &answers {
        let (whole, bytes) = (Heard::of(whole), Heard::of(bytes));
        assert!(whole.done && bytes.done, "{id}");
        assert_eq!(whole.chunks, bytes.chunks, "{id}");
    }
    say(&format!(
        "recorded traffic: {} streams are the same in single bytes; {} of them over a connection",
        streams.len(),
        answers.len()
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_cut_off_at_any_event_ends_in_an_error() {
    let Some(folder) = &*FOLDER else { return };
    let (mut places, mut may_end) = (0, 0);
    for row in ROWS.iter().filter(|row| row.streaming) {
        let (mut reading, mut translation) = (Reading::of(row), Translation::of(row));
        let frames = row.frames();
        for (i, frame) in frames.iter().enumerate() {
            if let Some(data) = row.data(frame) {
                reading.take(&data);
            }
            let mut progress = translation.feed(frame.as_bytes());
            let is_last = i + 1 == frames.len();
            if is_last {
                // Here the body ends; an event without its blank line is one now.
                progress = progress.and_then(|_| translation.end());
            }
            match (progress, reading.state()) {
                (Ok(Progress::Ended), State::Ended) | (Err(_), State::Failed) => break,
                // Where a provider's protocol has no last word, it is the broken connection that is an error: see below.
                (Ok(Progress::MayEnd), State::MayEnd) | (Ok(Progress::Running), State::Running) => {
                    places += usize::from(!is_last);
                    may_end += usize::from(!is_last && reading.state() == State::MayEnd);
                }
                (progress, state) => panic!("{} after {} events: {progress:?}, but it is {state:?}", row.id, i + 1),
            }
        }
    }

    let replay = Replay::start(folder).await;
    let app = replay.app().await;
    let sample: Vec<_> = sample(|row| row.frames().len())
        .flat_map(|row| cuts(row).into_iter().map(move |bytes| (row, format!("[cut={bytes}]"))))
        .collect();
    let answers: Vec<Answer> =
        stream::iter(sample.iter().map(|(row, cut)| ask(&app, row, 1, cut))).buffered(PARALLEL).collect().await;
    let ledger = Ledger::read(&app).await;
    assert_eq!(ledger.rows, sample.len(), "a row for each request");
    for ((row, cut), answer) in sample.iter().zip(&answers) {
        let problems = must_be_an_error(answer, ledger.row(answer));
        assert!(problems.is_empty(), "{}{cut}: {}", row.id, problems.join("\n"));
    }
    say(&format!(
        "recorded traffic: none of {places} places between events is an end ({may_end} because the connection breaks there); \
         {} of them over a connection",
        sample.len()
    ));
}

/// Asks as a client of OpenAI's would, in the row's own mode.
async fn ask(app: &App, row: &Row, n: usize, options: &str) -> Answer {
    let message = json!({"role": "user", "content": format!("replay:{}{options}", row.id)});
    let mut body = json!({"model": row.model(), "messages": [message]});
    if n > 1 {
        body["n"] = json!(n);
    }
    if row.streaming {
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
    }
    let mut request = app.chat_request(body.to_string());
    request.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    app.send(request).await
}

fn choices(kind: &Kind) -> usize {
    if let Kind::Text(said, _) = kind { said.len() } else { 1 }
}

/// The same text, finish reason and token counts, and a right row in the ledger; or what differs.
fn compare(
    row: &Row,
    said: &Said,
    usage: Option<Usage>,
    answer: &Answer,
    event: &Value,
    prices: &Prices,
) -> Vec<String> {
    if answer.status != 200 {
        return vec![format!("{}: {}", answer.status, answer.text())];
    }
    let heard = Heard::of(answer);
    let mut problems = Vec::new();
    let mut same = |what: &str, recorded: String, ours: String| {
        if recorded != ours {
            problems.push(format!("{what}:\n  recorded {recorded}\n  ours     {ours}"));
        }
    };
    same("error", "null".to_owned(), heard.error.to_string());
    same("[DONE]", row.streaming.to_string(), heard.done.to_string());
    same("said", format!("{said:?}"), format!("{:?}", heard.said));
    // Where the provider did not count, we do.
    let counted = Usage { counts: heard.counts.unwrap_or_default(), ..Usage::default() };
    let used = usage.unwrap_or(counted);
    same("usage", format!("{:?}", Some(used.counts)), format!("{:?}", heard.counts));
    let cost_nanos = prices.cost(&row.model(), &used);
    same("usage.cost", cost_nanos.to_string(), format!("{:.0}", heard.cost * 1e9));
    let (provider, model) = row.model().split_once('/').map(|(p, m)| (p.to_owned(), m.to_owned())).expect("a model");
    let ledger = json!({
        "attempt": 1,
        "provider": provider,
        "model": model,
        "streamed": row.streaming,
        "status": 200,
        "ended": "complete",
        "input_tokens": used.counts.input,
        "output_tokens": used.counts.output,
        "cached_input_tokens": used.counts.cached,
        "cache_write_tokens": used.counts.written,
        "reasoning_tokens": used.counts.reasoning,
        "usage_source": if usage.is_some() { "provider" } else { "counted" },
        "cost_nanos": cost_nanos,
    });
    let ours: Value = ledger.as_object().expect("fields").keys().map(|key| (key.clone(), event[key].clone())).collect();
    same("ledger", ledger.to_string(), ours.to_string());
    problems
}

/// An error to the caller, no `[DONE]`, and a row that says so; or what is otherwise.
fn must_be_an_error(answer: &Answer, event: &Value) -> Vec<String> {
    let heard = Heard::of(answer);
    let mut problems = Vec::new();
    if !heard.error.is_string() || heard.done {
        problems.push(format!("no error: {}", answer.text()));
    }
    if event["ended"] != "truncated" && event["ended"] != "failed" {
        problems.push(format!("the ledger says {}", event["ended"]));
    }
    problems
}

/// Of each provider the complete streams of text with the least of something, and as many with other letters than ASCII's.
fn sample(size: impl Fn(&Row) -> usize) -> impl Iterator<Item = &'static Row> {
    PROVIDERS.into_iter().flat_map(move |(provider, _)| {
        let of_provider = ROWS.iter().filter(|row| row.provider == provider && row.streaming);
        let mut all: Vec<&Row> = of_provider.filter(|row| matches!(said::read(row), Kind::Text(..))).collect();
        all.sort_by_key(|row| size(row));
        let (ascii, other): (Vec<&Row>, Vec<&Row>) = all.into_iter().partition(|row| row.body.is_ascii());
        ascii.into_iter().take(SAMPLE / 2).chain(other.into_iter().take(SAMPLE / 2))
    })
}

/// After how many bytes a stream can be cut between two events before its last word, the very beginning included.
fn cuts(row: &Row) -> Vec<usize> {
    let (mut reading, mut at, mut cuts) = (Reading::of(row), 0, vec![0]);
    for frame in row.frames() {
        at += frame.len();
        if let Some(data) = row.data(frame) {
            reading.take(&data);
        }
        if reading.state() == State::Ended {
            break;
        }
        cuts.push(at);
    }
    cuts
}

/// What the gateway wrote down, by request.
struct Ledger {
    rows: usize,
    by_request: HashMap<String, Vec<Value>>,
}

impl Ledger {
    async fn read(app: &App) -> Self {
        let events = app.usage_events().await;
        let rows = events.len();
        let mut by_request: HashMap<String, Vec<Value>> = HashMap::new();
        for event in events {
            let id = event["request_id"].as_str().expect("an id").replace('-', "");
            by_request.entry(format!("req_{id}")).or_default().push(event);
        }
        Self { rows, by_request }
    }

    /// The one row of a request.
    fn row(&self, answer: &Answer) -> &Value {
        let id = answer.header("x-request-id");
        let rows = self.by_request.get(id).map_or(&[][..], Vec::as_slice);
        assert_eq!(rows.len(), 1, "{id} has exactly one row");
        &rows[0]
    }
}

/// Past the test harness, which keeps what a passing test prints to itself.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
