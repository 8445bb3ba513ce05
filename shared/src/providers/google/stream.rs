//! A streamed answer: whole answers, each with what is new. There is no last word; the stream may end once every candidate has.

use super::{
    failure,
    response::{finish_reason, head, is_blocked, text, tokens},
    wire::Response,
};
use crate::{
    openai::completion::FinishReason,
    providers::{AnswerError, ChatStream, Event, Piece, Progress, Unreadable, read},
};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Stream {
    begun: bool,
    /// The candidates seen so far, and why they ended if they did and said no more.
    candidates: BTreeMap<u32, Option<FinishReason>>,
}

impl ChatStream for Stream {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<Piece>) -> Result<(), AnswerError> {
        let mut response: Response = read(event.data.as_bytes())?;
        if let Some(error) = response.error {
            return Err(AnswerError::Failed(failure::of_error(200, error)));
        }
        if response.candidates.is_none() && response.prompt_feedback.is_none() && response.usage_metadata.is_none() {
            return Err(Unreadable("an event with none of the fields of an answer".into()).into());
        }
        if !self.begun {
            self.begun = true;
            out.push(Piece::Head(head(&response)));
        }
        let candidates = response.candidates.take().unwrap_or_default();
        if candidates.is_empty() && is_blocked(response.prompt_feedback.as_ref()) {
            // The prompt is blocked, before a word or after some.
            self.candidates.entry(0).or_default();
            for (&index, known) in self.candidates.iter_mut().filter(|(_, known)| known.is_none()) {
                finish(index, Some(FinishReason::ContentFilter), known, out);
            }
        }
        for (position, candidate) in (0..).zip(candidates) {
            let index = candidate.index.unwrap_or(position);
            let reason = candidate.finish_reason.as_ref().map(finish_reason);
            let known = self.candidates.entry(index).or_default();
            if let Some(text) = text(candidate.content).filter(|text| !text.is_empty()) {
                // Tools that Google runs end the answer in between: `STOP`, more text, `STOP`.
                if reason.is_none() {
                    *known = None;
                }
                out.push(Piece::Text(index, text));
            }
            finish(index, reason, known, out);
        }
        out.extend(response.usage_metadata.as_ref().map(|usage| Piece::Usage(tokens(usage))));
        Ok(())
    }

    fn progress(&self) -> Progress {
        let may_end = !self.candidates.is_empty() && self.candidates.values().all(Option::is_some);
        if may_end { Progress::MayEnd } else { Progress::Running }
    }
}

/// Some models say `STOP` in every event, so a reason is passed on only when it is new.
fn finish(index: u32, reason: Option<FinishReason>, known: &mut Option<FinishReason>, out: &mut Vec<Piece>) {
    if let Some(reason) = reason.filter(|reason| *known != Some(*reason)) {
        *known = Some(reason);
        out.push(Piece::Finish(index, reason));
    }
}
