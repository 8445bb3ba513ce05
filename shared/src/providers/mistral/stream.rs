//! A streamed answer: chunks, the last with the finish reason and the usage, then `[DONE]`.

use super::{
    failure,
    response::{finish_reason, head, text, tokens},
    wire::Response,
};
use crate::providers::{AnswerError, ChatStream, Event, Failure, FailureKind, Piece, Progress, Unreadable, read};

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
        if event.data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let mut chunk: Response = read(event.data.as_bytes())?;
        let Some(choices) = chunk.choices.take() else {
            let error = failure::in_stream(event.data.as_bytes()).map(AnswerError::Failed);
            return Err(error.unwrap_or_else(|| Unreadable("no choices".into()).into()));
        };
        let usage = chunk.usage.as_ref().map(tokens);
        if !self.begun {
            self.begun = true;
            out.push(Piece::Head(head(chunk)));
        }
        let mut broke_off = false;
        for choice in choices {
            let text = choice.delta.content.and_then(text).filter(|text| !text.is_empty());
            out.extend(text.map(|text| Piece::Text(choice.index, text)));
            if let Some(reason) = choice.finish_reason {
                let reason = finish_reason(&reason);
                broke_off |= reason.is_none();
                out.extend(reason.map(|reason| Piece::Finish(choice.index, reason)));
            }
        }
        out.extend(usage.map(Piece::Usage));
        if broke_off {
            return Err(AnswerError::Failed(Failure::new(FailureKind::Server, 200, None, Some("error".into()))));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        if self.done { Progress::Ended } else { Progress::Running }
    }
}
