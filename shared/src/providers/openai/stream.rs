//! A streamed answer: chunks, the usage in a chunk without choices, then `[DONE]`.

use super::{
    failure,
    response::{finish_reason, head, tokens},
    wire::Response,
};
use crate::providers::{AnswerError, ChatStream, Event, Piece, Progress, read};
use std::borrow::Cow;

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
        let chunk: Response<'_> = read(event.data.as_bytes())?;
        if let Some(error) = &chunk.error {
            return Err(AnswerError::Failed(failure::of_error(200, error)));
        }
        if !self.begun {
            self.begun = true;
            out.push(Piece::Head(head(&chunk)));
        }
        for choice in chunk.choices {
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                out.push(Piece::Text(choice.index, Cow::into_owned(text)));
            }
            if let Some(text) = choice.delta.refusal.filter(|text| !text.is_empty()) {
                out.push(Piece::Refusal(choice.index, Cow::into_owned(text)));
            }
            if let Some(reason) = choice.finish_reason {
                out.push(Piece::Finish(choice.index, finish_reason(&reason)));
            }
        }
        if let Some(usage) = &chunk.usage {
            out.push(Piece::Usage(tokens(usage)));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        if self.done { Progress::Ended } else { Progress::Running }
    }
}
