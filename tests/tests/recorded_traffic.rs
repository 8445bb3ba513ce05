//! Real traffic, recorded: every answer comes back through the gateway as the provider gave it, with its words, calls and thoughts, costs
//! what the price list says and leaves one row in the ledger; sent back with the next request it reaches the provider as it was; every
//! stream may be cut anywhere, and none may end where its provider did not end it. Rows that are known to differ stand in
//! `docs/known-differences.md`.
//!
//! The recordings are not part of the repository. `TRAFFIC` names their folder; without it these tests say so and pass. `TRAFFIC_REPORT`
//! names a file for the table, which otherwise goes to the terminal; its last line is for programs. OpenAI's description of its API, with
//! which every reply is compared, is read from `specs/openai-openapi.yaml` beside that folder, where it is there.

#[path = "recorded_traffic/asked.rs"]
mod asked;
#[path = "recorded_traffic/calls.rs"]
mod calls;
#[path = "recorded_traffic/differences.rs"]
mod differences;
#[path = "recorded_traffic/heard.rs"]
mod heard;
#[path = "recorded_traffic/ledger.rs"]
mod ledger;
#[path = "recorded_traffic/next_request.rs"]
mod next_request;
#[path = "recorded_traffic/prices.rs"]
mod prices;
#[path = "recorded_traffic/replay.rs"]
mod replay;
#[path = "recorded_traffic/rows.rs"]
mod rows;
#[path = "recorded_traffic/run.rs"]
mod run;
#[path = "recorded_traffic/said.rs"]
mod said;
#[path = "recorded_traffic/schema.rs"]
mod schema;
#[path = "recorded_traffic/tally.rs"]
mod tally;
#[path = "recorded_traffic/translated.rs"]
mod translated;
#[path = "recorded_traffic/vectors.rs"]
mod vectors;
#[path = "recorded_traffic/verdict.rs"]
mod verdict;

use std::{collections::BTreeMap, env, fs, io::Write as _};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use supergate::providers::Progress;
use supergate_tests::app::{Answer, PROVIDERS};

use asked::ask;
use differences::Differences;
use heard::Heard;
use ledger::Ledger;
use prices::Prices;
use replay::Replay;
use rows::{FOLDER, ROWS, Row};
use run::{Exchange, PARALLEL, Run};
use said::{Kind, Reading, State};
use schema::Schemas;
use tally::Tally;
use translated::{Translation, translate};
use verdict::{Aspect, Verdict};

/// Streams of each provider that are sent in single bytes, and those that are cut at every event, over a real connection.
const SAMPLE: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_answer_comes_back_as_it_was_given() {
    let Some(run) = Run::once().await else { return };
    let (prices, differences) = (Prices::read(), Differences::read(differences::ANSWERS));
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    let mut note = |row: &Row, verdict: &Verdict| {
        let problem = differences.judge(&row.id, verdict.problems.is_empty());
        wrong.extend(problem.map(|problem| format!("{}: {problem}\n{}", row.id, verdict.problems.join("\n"))));
    };
    for Exchange { row, kind, answer } in &run.chats {
        let verdict = judge(row, kind, answer, run.ledger.row(answer), &prices);
        tally.asked(row, kind, &verdict);
        note(row, &verdict);
    }
    for (row, answer) in &run.embeddings {
        let verdict = vectors::judge(row, answer, run.ledger.row(answer), &prices);
        tally.embedded(row, &verdict);
        note(row, &verdict);
    }
    for returned in next_request::judge(run) {
        tally.returned(returned.row, returned.aspect, &returned.verdict);
    }
    run.left_out.iter().for_each(|(row, reason)| tally.left_out(row, reason));
    let report = tally.to_string();
    match env::var_os("TRAFFIC_REPORT").filter(|file| !file.is_empty()) {
        Some(file) => fs::write(file, report + "\n").expect("the report is written"),
        None => say(&report),
    }
    assert!(wrong.is_empty(), "{} rows are not as {} says:\n{}", wrong.len(), differences::FILE, wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_request_gives_the_provider_back_what_it_said() {
    let Some(run) = Run::once().await else { return };
    let differences = Differences::read(differences::NEXT_REQUESTS);
    let all = next_request::judge(run);
    let mut wrong = Vec::new();
    let mut by_row: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for returned in &all {
        let problems = returned.verdict.problems.iter().map(|problem| format!("with {}: {problem}", returned.with.id));
        by_row.entry(&returned.row.id).or_default().extend(problems);
    }
    for (id, problems) in by_row {
        let problem = differences.judge(id, problems.is_empty());
        wrong.extend(problem.map(|problem| format!("{id}: {problem}\n{}", problems.join("\n"))));
    }
    let went_on = all.iter().filter(|returned| returned.aspect == Aspect::NextRequest).count();
    say(&format!(
        "recorded traffic: {} answers went back, {went_on} of them also as the recorded client went on",
        all.len() - went_on
    ));
    assert!(wrong.is_empty(), "{} answers are not as {} says:\n{}", wrong.len(), differences::FILE, wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reply_and_every_chunk_is_what_openai_describes() {
    let Some(folder) = &*FOLDER else { return };
    let (Some(run), Some(schemas)) = (Run::once().await, Schemas::read(folder)) else { return };
    let chats = run.chats.iter().map(|exchange| (exchange.row, &exchange.answer));
    let (mut checked, mut wrong) = (0, Vec::new());
    for (row, answer) in chats.chain(run.embeddings.iter().map(|(row, answer)| (*row, answer))) {
        let (problems, replies) = schemas.judge(answer);
        checked += replies;
        wrong.extend((!problems.is_empty()).then(|| format!("{}: {}", row.id, problems.join("\n  "))));
    }
    say(&format!("recorded traffic: {checked} replies and chunks are what OpenAI describes"));
    assert!(wrong.is_empty(), "{} answers are not what OpenAI describes:\n{}", wrong.len(), wrong.join("\n"));
}

fn judge(row: &Row, kind: &Kind, answer: &Answer, event: &Value, prices: &Prices) -> Verdict {
    match kind {
        Kind::Answer(recorded) => verdict::answered(row, recorded, answer, event, prices),
        Kind::Refused => verdict::refused(row, answer, event),
        Kind::NoAnswer | Kind::More(_) => verdict::broken_off(answer, event),
    }
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
            let whole = ask(app, row, kind, "[split=whole]").await;
            (row.id.as_str(), whole, ask(app, row, kind, "[split=bytes:1]").await)
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
    let answers: Vec<Answer> = stream::iter(sample.iter().map(|(row, cut)| ask(&app, row, &Kind::NoAnswer, cut)))
        .buffered(PARALLEL)
        .collect()
        .await;
    let ledger = Ledger::read(&app).await;
    assert_eq!(ledger.rows, sample.len(), "a row for each request");
    for ((row, cut), answer) in sample.iter().zip(&answers) {
        let problems = verdict::broken_off(answer, ledger.row(answer)).problems;
        assert!(problems.is_empty(), "{}{cut}: {}", row.id, problems.join("\n"));
    }
    say(&format!(
        "recorded traffic: none of {places} places between events is an end ({may_end} because the connection breaks there); \
         {} of them over a connection",
        sample.len()
    ));
}

/// Of each provider the complete streams with the least of something, and as many with other letters than ASCII's.
fn sample(size: impl Fn(&Row) -> usize) -> impl Iterator<Item = &'static Row> {
    PROVIDERS.into_iter().flat_map(move |(provider, _)| {
        let of_provider = ROWS.iter().filter(|row| row.provider == provider && row.streaming);
        let mut all: Vec<&Row> = of_provider.filter(|row| matches!(said::read(row), Kind::Answer(_))).collect();
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

/// Past the test harness, which keeps what a passing test prints to itself.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
