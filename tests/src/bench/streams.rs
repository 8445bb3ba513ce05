//! What a function adds to a stream: CPU for each chunk, and time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use supergate_tests::lambda::Function;

use crate::measure::{DEADLINE, count, cpu_of, median};
use crate::tap::Tap;

/// Long enough apart that a chunk which waits for the next one is told from one that the scheduler kept for a moment.
pub const CHUNK_DELAY_MS: u64 = 10;

const SHORT_WORDS: usize = 2;
const LONG_WORDS: usize = 200;
/// Streams of one batch; at least as many as are ever in flight.
const STREAMS: usize = 16;
const BATCHES: usize = 5;

/// A piece of a stream and when it was there.
pub type Piece = (Instant, Bytes);

/// How much later the caller has a chunk than the function could have had it.
pub struct Lag {
    pub largest: Duration,
    pub median: Duration,
    /// Chunks that the caller got only when the provider had sent the next one already.
    pub held_back: usize,
    pub chunks: usize,
}

/// The slope between short and long streams, so that what a request costs anyway is not in it. `event` asks for that many words.
pub async fn cpu_per_chunk(function: &Function, in_flight: usize, event: impl Fn(usize) -> Value) -> Duration {
    let (short, few) = cpu_per_stream(function, in_flight, &event(SHORT_WORDS)).await;
    let (long, many) = cpu_per_stream(function, in_flight, &event(LONG_WORDS)).await;
    assert!(few < many, "a stream of {LONG_WORDS} words in {many} chunks");
    long.saturating_sub(short) / count(many - few)
}

/// The lag of every chunk of some streams.
pub async fn lag(function: &Function, tap: &Tap, event: &Value) -> Lag {
    let (mut lags, mut held_back) = (Vec::new(), 0);
    read(function, event).await; // so that no connection has to be made
    tap.take();
    for _ in 0..BATCHES {
        let arrived = words_of(&read(function, event).await);
        let sent = words_of(&tap.take());
        assert_eq!(arrived.len(), sent.len(), "each word of the provider reaches the caller");
        held_back += arrived.iter().zip(&sent[1..]).filter(|(arrived, next)| arrived >= next).count();
        lags.extend(arrived.iter().zip(&sent).map(|(arrived, sent)| arrived.duration_since(*sent)));
    }
    Lag { largest: *lags.iter().max().expect("a chunk"), held_back, chunks: lags.len(), median: median(lags) }
}

/// The median CPU of a stream and its number of chunks with text.
async fn cpu_per_stream(function: &Function, in_flight: usize, event: &Value) -> (Duration, usize) {
    let chunks = words_of(&read(function, event).await).len();
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let streams = stream::iter(0..STREAMS).map(|_| read(function, event)).buffer_unordered(in_flight);
        batches.push(cpu_of(function, streams.map(drop).collect()).await / count(STREAMS));
    }
    (median(batches), chunks)
}

async fn read(function: &Function, event: &Value) -> Vec<Piece> {
    let mut reply = function.invoke(event.clone(), DEADLINE).await;
    let mut pieces = Vec::new();
    while let Some(piece) = reply.chunk().await {
        pieces.push((Instant::now(), piece.expect("a stream that does not break off")));
    }
    assert_eq!(reply.status, 200, "{pieces:?}");
    pieces
}

/// When each event that carries text was complete. Both ends speak OpenAI's dialect here.
fn words_of(pieces: &[Piece]) -> Vec<Instant> {
    let mut words = Vec::new();
    let mut line = Vec::new();
    for (at, piece) in pieces {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                words.extend(has_text(&line).then_some(*at));
                line.clear();
            }
        }
    }
    words
}

fn has_text(line: &[u8]) -> bool {
    let chunk = line.strip_prefix(b"data: ").and_then(|json| serde_json::from_slice::<Value>(json).ok());
    let text = chunk.as_ref().and_then(|chunk| chunk.pointer("/choices/0/delta/content")?.as_str());
    text.is_some_and(|text| !text.is_empty())
}
