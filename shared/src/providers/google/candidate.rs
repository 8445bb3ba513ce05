//! One answer of `n`, whole or event by event: a whole one is a stream of one event.

use super::{
    logprobs,
    partial::Arguments,
    response::finish_reason,
    signatures::{Place, detail},
    sources::Sources,
    wire::{AnswerCall, AnswerPart, Candidate},
};
use crate::{
    openai::completion::FinishReason,
    providers::{Piece, Unreadable},
};

/// What is known of a candidate.
#[derive(Default)]
pub(super) struct Reader {
    index: u32,
    /// All of it: sources point into it.
    text: String,
    characters: u64,
    calls: u32,
    /// A call whose arguments still come.
    open: Option<Arguments>,
    sources: Sources,
    /// Why it ended, if it did and said no more.
    pub(super) finish: Option<FinishReason>,
}

impl Reader {
    pub(super) fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// Appends what an event means.
    pub(super) fn read(&mut self, candidate: Candidate, out: &mut Vec<Piece>) -> Result<(), Unreadable> {
        let begin = out.len();
        for part in candidate.content.parts {
            self.part(part, out)?;
        }
        let reason = candidate.finish_reason.as_ref().map(finish_reason);
        // Tools that Google runs end the answer in between: `STOP`, more text, `STOP`.
        let is_more =
            |piece: &Piece| matches!(piece, Piece::Text(..) | Piece::ToolCall { .. } | Piece::ToolArguments { .. });
        if reason.is_none() && out.iter().skip(begin).any(is_more) {
            self.finish = None;
        }
        let sources = self.sources.read(candidate.grounding_metadata, candidate.citation_metadata, &self.text);
        out.extend(sources.into_iter().map(|source| Piece::Annotation(self.index, source)));
        let logprobs = candidate.logprobs_result.and_then(logprobs::read);
        out.extend(logprobs.map(|logprobs| Piece::Logprobs(self.index, logprobs)));
        self.end(reason, out);
        Ok(())
    }

    /// Some models say `STOP` in every event, so a reason is passed on only when it is new.
    pub(super) fn end(&mut self, reason: Option<FinishReason>, out: &mut Vec<Piece>) {
        if let Some(reason) = reason.filter(|reason| self.finish != Some(*reason)) {
            self.close(out);
            self.finish = Some(reason);
            out.push(Piece::Finish(self.index, reason));
        }
    }

    fn part(&mut self, part: AnswerPart, out: &mut Vec<Piece>) -> Result<(), Unreadable> {
        let signature = part.thought_signature.as_deref();
        if let Some(call) = part.function_call {
            return self.call(call, signature, out);
        }
        let Some(text) = part.text else { return Ok(()) };
        if part.thought {
            out.extend(
                signature.map(|it| Piece::ReasoningDetail(self.index, detail(Place::Thought { text: &text }, it))),
            );
            if !text.is_empty() {
                out.push(Piece::Reasoning(self.index, text));
            }
            return Ok(());
        }
        let start = self.characters;
        self.characters += u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        self.text.push_str(&text);
        match out.last_mut() {
            _ if text.is_empty() => {}
            // The parts of one event follow one another without a break.
            Some(Piece::Text(index, before)) if *index == self.index => before.push_str(&text),
            _ => out.push(Piece::Text(self.index, text)),
        }
        let place = Place::Text { start, end: self.characters };
        out.extend(signature.map(|signature| Piece::ReasoningDetail(self.index, detail(place, signature))));
        Ok(())
    }

    fn call(&mut self, call: AnswerCall, signature: Option<&str>, out: &mut Vec<Piece>) -> Result<(), Unreadable> {
        if let Some(name) = call.name.filter(|name| !name.is_empty()) {
            self.close(out);
            let (choice, index) = (self.index, self.calls);
            self.calls += 1;
            let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| match choice {
                0 => format!("call_{index}"),
                _ => format!("call_{choice}_{index}"),
            });
            let place = Place::Call { id: &id, index: index.into() };
            let signed = signature.map(|signature| Piece::ReasoningDetail(choice, detail(place, signature)));
            out.push(Piece::ToolCall { choice, index, id, name });
            out.extend(signed);
            self.open = Some(Arguments::of(call.args));
        }
        if let Some(arguments) = &mut self.open {
            for piece in call.partial_args {
                arguments.add(piece).ok_or_else(|| Unreadable("an argument at no place".into()))?;
            }
            if !call.will_continue {
                self.close(out);
            }
        }
        Ok(())
    }

    /// The arguments of the open call are whole.
    fn close(&mut self, out: &mut Vec<Piece>) {
        if let Some(arguments) = self.open.take() {
            let index = self.calls.saturating_sub(1);
            out.push(Piece::ToolArguments { choice: self.index, index, text: arguments.into_json() });
        }
    }
}
