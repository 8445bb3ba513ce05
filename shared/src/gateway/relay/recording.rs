//! What of a stream the cache may keep: as this caller got it, and only if it came to its end.

use super::Relay;
use crate::{
    cache::answer::StoredAnswer,
    gateway::cached,
    openai::format::Reasoning,
    providers::Piece,
    usage::{Nanos, ledger::Ended},
};

impl Relay {
    /// Whether this caller does not get it.
    pub(super) fn is_hidden(&self, piece: &Piece) -> bool {
        self.hides_reasoning
            && match piece {
                Piece::Reasoning(..) => true,
                Piece::ReasoningDetail(_, detail) => !Reasoning::is_wanted_back(detail),
                _ => false,
            }
    }

    /// The answer for the cache and what it cost, if it has ended and is fit to be given again.
    pub(super) fn recorded(&mut self) -> Option<(StoredAnswer, Nanos)> {
        if self.ended != Some(Ended::Complete) {
            return None;
        }
        let (tokens, _, cost) = self.attempt.price(&self.usage_facts());
        let head = self.writer.as_ref()?.head().clone();
        let stored = std::mem::take(&mut self.recorder).finish(head, tokens)?.that_took(self.attempt.elapsed());
        Some((cached::of_completion(&stored.completion(tokens.to_usage(None)), tokens).map(|_| stored)?, cost.total))
    }
}
