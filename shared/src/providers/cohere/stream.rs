//! A streamed answer: `message-start`, content, `message-end` with the finish reason and the usage. A `[DONE]` follows, but is not in
//! the documentation: <https://docs.cohere.com/v2/docs/streaming>.

use super::{
    response::{finish_reason, tokens},
    wire::{self, Delta},
};
use crate::providers::{AnswerError, ChatStream, Event, Failure, FailureKind, Head, Piece, Progress, read};

#[derive(Default)]
pub(super) struct Stream {
    begun: bool,
    done: bool,
}

impl ChatStream for Stream {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<Piece>) -> Result<(), AnswerError> {
        if self.done {
            return Ok(());
        }
        let event: wire::Event = read(event.data.as_bytes())?;
        match (event.kind.as_str(), event.delta) {
            ("message-start", _) if !self.begun => {
                self.begun = true;
                out.push(Piece::Head(Head { id: event.id, ..Head::default() }));
            }
            // Deltas of a `thinking` part have no text.
            ("content-start" | "content-delta", Some(delta)) => {
                let content = delta.message.and_then(|message| message.content);
                let text = content.as_ref().and_then(|part| part.get("text")?.as_str()).filter(|text| !text.is_empty());
                out.extend(text.map(|text| Piece::Text(0, text.to_owned())));
            }
            ("message-end", Some(delta)) => self.end(delta, out)?,
            // Tool plans, citations, debug events, and what Cohere adds.
            _ => {}
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        if self.done { Progress::Ended } else { Progress::Running }
    }
}

impl Stream {
    fn end(&mut self, delta: Delta, out: &mut Vec<Piece>) -> Result<(), AnswerError> {
        let reason = delta.finish_reason.as_deref().and_then(finish_reason);
        out.extend(reason.map(|reason| Piece::Finish(0, reason)));
        out.extend(delta.usage.as_ref().and_then(tokens).map(Piece::Usage));
        if reason.is_none() {
            return Err(AnswerError::Failed(Failure::new(FailureKind::Server, 200, delta.error, delta.finish_reason)));
        }
        self.done = true;
        Ok(())
    }
}
