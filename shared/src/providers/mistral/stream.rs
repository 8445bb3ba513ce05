//! A streamed answer: chunks, the last with the finish reason and the usage, then `[DONE]`.

use super::{
    failure, ids,
    response::{Bit, Reader, arguments, finish_reason, head, is_more_than_ours, tokens},
    wire::{AnswerCall, Choice, Response},
};
use crate::providers::{AnswerError, ChatStream, Event, Failure, FailureKind, Piece, Progress, Unreadable, read};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Stream {
    begun: bool,
    done: bool,
    choices: BTreeMap<u32, Said>,
}

/// What a choice said so far.
#[derive(Default)]
struct Said {
    reader: Reader,
    /// Its calls: Mistral's index and id, and whether there were arguments.
    calls: Vec<(u64, Option<String>, bool)>,
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
            broke_off |= !self.choices.entry(choice.index).or_default().more(choice, out);
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

impl Said {
    /// Whether it did not break off.
    fn more(&mut self, more: Choice, out: &mut Vec<Piece>) -> bool {
        let choice = more.index;
        if let Some(content) = more.delta.content {
            self.reader.read(content, &mut |bit| out.extend(piece(choice, bit)));
        }
        for call in more.delta.tool_calls.unwrap_or_default() {
            self.reader.end(&mut |bit| out.extend(piece(choice, bit)));
            self.call(choice, call, out);
        }
        let Some(reason) = more.finish_reason else { return true };
        self.reader.end(&mut |bit| out.extend(piece(choice, bit)));
        // A call without arguments has an empty object of them, which clients can parse.
        for ((.., has_arguments), index) in self.calls.iter_mut().zip(0..) {
            if !std::mem::replace(has_arguments, true) {
                out.push(Piece::ToolArguments { choice, index, text: "{}".into() });
            }
        }
        let Some(finish) = finish_reason(&reason) else { return false };
        out.push(Piece::Finish(choice, finish));
        out.extend(is_more_than_ours(&reason).then_some(Piece::NativeFinish(choice, reason)));
        true
    }

    /// A call comes whole; should one ever come in pieces, they have its index, and its id or none.
    fn call(&mut self, choice: u32, call: AnswerCall, out: &mut Vec<Piece>) {
        let function = call.function.unwrap_or_default();
        let known = self.calls.iter().position(|(index, id, _)| {
            *index == call.index
                && function.name.as_deref().is_none_or(str::is_empty)
                && (call.id.is_none() || *id == call.id)
        });
        let place = known.unwrap_or(self.calls.len());
        let Ok(index) = u32::try_from(place) else { return };
        if known.is_none() {
            self.calls.push((call.index, call.id.clone(), false));
            let (id, name) = (ids::of_answer(call.id, index), function.name.unwrap_or_default());
            out.push(Piece::ToolCall { choice, index, id, name, extra: None });
        }
        if let Some(text) = arguments(function.arguments) {
            self.calls[place].2 = true;
            out.push(Piece::ToolArguments { choice, index, text });
        }
    }
}

fn piece(choice: u32, bit: Bit) -> Option<Piece> {
    match bit {
        Bit::Text(text) => (!text.is_empty()).then_some(Piece::Text(choice, text)),
        Bit::Reasoning(text) => Some(Piece::Reasoning(choice, text)),
        Bit::ReasoningDetail(detail) => Some(Piece::ReasoningDetail(choice, detail)),
        Bit::Annotation(annotation) => Some(Piece::Annotation(choice, annotation)),
    }
}
