//! A body that is sent step by step, and may break off.

use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;

/// One step of a body.
#[derive(Debug)]
pub enum Step {
    /// These bytes, in a write of their own.
    Send(Bytes),
    /// The connection is dropped here.
    Break,
}

/// A body of `steps`, with `delay` before each but the first.
pub fn body_of(steps: Vec<Step>, delay: Option<Duration>) -> Body {
    let state = (steps.into_iter(), true);
    Body::from_stream(stream::unfold(state, move |(mut steps, first)| async move {
        let step = steps.next()?;
        match delay.filter(|_| !first) {
            Some(delay) => tokio::time::sleep(delay).await,
            // The server sends what it has when a body says "not yet": without this every event would leave in one write, which
            // no provider does, and what came before a break would be lost with the connection.
            None => tokio::task::yield_now().await,
        }
        let sent: io::Result<Bytes> = match step {
            Step::Send(bytes) => Ok(bytes),
            Step::Break => Err(io::Error::other("mock:cut")),
        };
        Some((sent, (steps, false)))
    }))
}
