//! A streamed answer: whole answers, each with what is new. There is no last word; the stream may end once every candidate has.

use super::{
    candidate::Reader,
    failure,
    ids::Seed,
    response::{block_reason, head, searches, tokens},
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
    /// The candidates seen so far.
    candidates: BTreeMap<u32, Reader>,
    /// How often the web was searched for each. What is repeated is not new.
    searches: BTreeMap<u32, u64>,
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
        let blocked = response.prompt_feedback.as_ref().and_then(block_reason).filter(|_| candidates.is_empty());
        if let Some(reason) = blocked {
            if self.candidates.is_empty() {
                let usage = response.usage_metadata.as_ref().map(|usage| tokens(usage, None));
                return Err(AnswerError::Failed(failure::blocked(reason, usage)));
            }
            // The prompt is blocked after some words of the answer.
            for reader in self.candidates.values_mut().filter(|reader| reader.finish.is_none()) {
                reader.end(Some(FinishReason::ContentFilter), reason.as_str(), out);
            }
        }
        let seed = Seed { answer: response.response_id.as_deref(), event: event.data.as_bytes() };
        for (position, candidate) in (0..).zip(candidates) {
            let index = candidate.index.unwrap_or(position);
            if let Some(count) = searches(&candidate) {
                let most = self.searches.entry(index).or_default();
                *most = count.max(*most);
            }
            self.candidates.entry(index).or_insert_with(|| Reader::new(index)).read(candidate, seed, out)?;
        }
        let searches = self.searches.values().copied().reduce(u64::saturating_add);
        out.extend(response.usage_metadata.as_ref().map(|usage| Piece::Usage(tokens(usage, searches))));
        Ok(())
    }

    fn progress(&self) -> Progress {
        let may_end = !self.candidates.is_empty() && self.candidates.values().all(|reader| reader.finish.is_some());
        if may_end { Progress::MayEnd } else { Progress::Running }
    }
}
