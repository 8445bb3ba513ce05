//! A streamed answer: chunks, the usage in a chunk without choices, then `[DONE]`. Models for sound do not say why a choice ended; there
//! `[DONE]` says that it did.

use super::{
    calls::Calls,
    failure,
    response::{finish_reason, head, older, says_something, tokens},
    wire_answer::{Choice, Response},
};
use crate::{
    openai::completion::FinishReason,
    providers::{AnswerError, ChatStream, Event, Piece, Progress, Unreadable, read},
};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeSet};

#[derive(Default)]
pub(super) struct Stream {
    begun: bool,
    done: bool,
    calls: Calls,
    /// Of a model for sound: the choices that have not ended.
    open: Option<BTreeSet<u32>>,
}

impl ChatStream for Stream {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<Piece>) -> Result<(), AnswerError> {
        if self.done {
            return Ok(());
        }
        if event.data == "[DONE]" {
            self.done = true;
            for choice in self.open.take().unwrap_or_default() {
                self.calls.end(choice)?;
                out.push(Piece::Finish(choice, FinishReason::Stop));
            }
            return Ok(());
        }
        let chunk: Response<'_> = read(event.data.as_bytes())?;
        if let Some(error) = &chunk.error {
            return Err(AnswerError::Failed(failure::of_error(200, error)));
        }
        if !self.begun {
            self.begun = true;
            let is_for_sound = chunk.model.as_deref().is_some_and(|model| model.contains("-audio"));
            self.open = is_for_sound.then(BTreeSet::new);
            out.push(Piece::Head(head(&chunk)));
        }
        let usage = tokens(&chunk);
        for choice in chunk.choices {
            self.choice(choice, out)?;
        }
        out.extend(usage.map(Piece::Usage));
        Ok(())
    }

    fn progress(&self) -> Progress {
        if self.done { Progress::Ended } else { Progress::Running }
    }
}

impl Stream {
    fn choice(&mut self, choice: Choice<'_>, out: &mut Vec<Piece>) -> Result<(), Unreadable> {
        let (index, delta) = (choice.index, choice.delta);
        if let Some(open) = &mut self.open {
            open.insert(index);
        }
        let some = |text: Option<Cow<'_, str>>| text.filter(|text| !text.is_empty()).map(Cow::into_owned);
        out.extend(some(delta.reasoning_content).map(|text| Piece::Reasoning(index, text)));
        out.extend(some(delta.content).map(|text| Piece::Text(index, text)));
        out.extend(some(delta.refusal).map(|text| Piece::Refusal(index, text)));
        out.extend(delta.audio.filter(Value::is_object).map(|audio| Piece::Audio(index, audio)));
        for call in delta.tool_calls.unwrap_or_default().into_iter().chain(delta.function_call.map(older)) {
            self.calls.push(index, call, out)?;
        }
        out.extend(delta.annotations.unwrap_or_default().into_iter().map(|one| Piece::Annotation(index, one)));
        out.extend(choice.logprobs.filter(says_something).map(|logprobs| Piece::Logprobs(index, logprobs)));
        if let Some(reason) = choice.finish_reason {
            self.calls.end(index)?;
            if let Some(open) = &mut self.open {
                open.remove(&index);
            }
            out.push(Piece::Finish(index, finish_reason(&reason)));
        }
        Ok(())
    }
}
