//! A streamed answer: `message-start`, content, plans and calls, `message-end` with the finish reason and the usage. A `[DONE]` follows,
//! but is not in the documentation: <https://docs.cohere.com/v2/docs/streaming>.

use super::{
    parts,
    reasoning::{THINKING, TOOL_PLAN, detail},
    response::{finish_reason, is_more_than_ours, tokens},
    wire::{self, AnswerCall, Delta, DeltaMessage},
};
use crate::providers::{AnswerError, ChatStream, Event, Failure, FailureKind, Head, Piece, Progress, Unreadable, read};
use serde_json::Value;

#[derive(Default)]
pub(super) struct Stream {
    begun: bool,
    done: bool,
    /// The thought that is being told, of which kind.
    thought: Option<(&'static str, String)>,
    /// How many calls were begun, Cohere's index of the last, and whether it has arguments.
    calls: u32,
    last_call: Option<u64>,
    has_arguments: bool,
}

impl ChatStream for Stream {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<Piece>) -> Result<(), AnswerError> {
        if self.done {
            return Ok(());
        }
        let event: wire::Event = read(event.data.as_bytes())?;
        if let Some(logprobs) = &event.logprobs {
            out.push(Piece::Logprobs(0, parts::logprobs([logprobs])));
        }
        match (event.kind.as_str(), event.delta) {
            ("message-start", _) if !self.begun => {
                self.begun = true;
                out.push(Piece::Head(Head { id: event.id, ..Head::default() }));
            }
            ("message-end", Some(delta)) => self.end(delta, out)?,
            (kind, Some(Delta { message: Some(message), .. })) => self.more(kind, event.index, message, out)?,
            ("content-end", _) => self.end_thought(out),
            ("tool-call-end", _) => self.end_call(out),
            // Debug events, and what Cohere adds.
            _ => {}
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        if self.done { Progress::Ended } else { Progress::Running }
    }
}

impl Stream {
    fn more(
        &mut self,
        kind: &str,
        index: Option<u64>,
        message: DeltaMessage,
        out: &mut Vec<Piece>,
    ) -> Result<(), AnswerError> {
        match kind {
            "content-start" | "content-delta" => {
                let field = |name: &str| {
                    let text = message.content.as_ref().and_then(|part| part.get(name)?.as_str());
                    text.filter(|text| !text.is_empty())
                };
                if let Some(thought) = field("thinking") {
                    self.think(THINKING, thought, out);
                }
                if let Some(text) = field("text") {
                    self.end_thought(out);
                    out.push(Piece::Text(0, text.to_owned()));
                }
            }
            "tool-plan-delta" => {
                let plan = message.tool_plan.as_ref().and_then(Value::as_str);
                if let Some(plan) = plan.filter(|plan| !plan.is_empty()) {
                    self.think(TOOL_PLAN, plan, out);
                }
            }
            "tool-call-start" | "tool-call-delta" => {
                let call = message.tool_calls.map(serde_json::from_value::<AnswerCall>).transpose();
                let call = call.map_err(|error| Unreadable::at(&error))?;
                if let Some(call) = call {
                    self.call(kind == "tool-call-start", index, call, out);
                }
            }
            "citation-start" => {
                let citations = message.citations.iter().flat_map(parts::annotations);
                out.extend(citations.map(|annotation| Piece::Annotation(0, annotation)));
            }
            _ => {}
        }
        Ok(())
    }

    fn think(&mut self, kind: &'static str, more: &str, out: &mut Vec<Piece>) {
        if self.thought.as_ref().is_some_and(|(told, _)| *told != kind) {
            self.end_thought(out);
        }
        self.thought.get_or_insert_with(|| (kind, String::new())).1.push_str(more);
        out.push(Piece::Reasoning(0, more.to_owned()));
    }

    fn end_thought(&mut self, out: &mut Vec<Piece>) {
        out.extend(self.thought.take().map(|(kind, thought)| Piece::ReasoningDetail(0, detail(kind, &thought))));
    }

    fn call(&mut self, is_start: bool, index: Option<u64>, call: AnswerCall, out: &mut Vec<Piece>) {
        let function = call.function.unwrap_or_default();
        if is_start {
            self.end_thought(out);
            self.end_call(out);
            let place = usize::try_from(self.calls).unwrap_or(usize::MAX);
            let (id, name) = (parts::call_id(call.id, place), function.name.unwrap_or_default());
            out.push(Piece::ToolCall { choice: 0, index: self.calls, id, name, extra: None });
            self.calls += 1;
            (self.last_call, self.has_arguments) = (Some(index.unwrap_or_default()), false);
        }
        // Arguments of a call that was not begun belong to nothing.
        if let (Some(text), true) = (function.arguments.filter(|text| !text.is_empty()), self.last_call.is_some()) {
            self.has_arguments = true;
            out.push(Piece::ToolArguments { choice: 0, index: self.calls - 1, text });
        }
    }

    /// A call without arguments has an empty object of them, which clients can parse.
    fn end_call(&mut self, out: &mut Vec<Piece>) {
        if self.last_call.take().is_some() && !self.has_arguments {
            out.push(Piece::ToolArguments { choice: 0, index: self.calls - 1, text: "{}".into() });
        }
    }

    fn end(&mut self, delta: Delta, out: &mut Vec<Piece>) -> Result<(), AnswerError> {
        self.end_thought(out);
        self.end_call(out);
        let reason = delta.finish_reason.as_deref().and_then(finish_reason);
        out.extend(reason.map(|reason| Piece::Finish(0, reason)));
        if let Some(word) = delta.finish_reason.as_ref().filter(|word| reason.is_some() && is_more_than_ours(word)) {
            out.push(Piece::NativeFinish(0, word.clone()));
        }
        out.extend(delta.usage.as_ref().and_then(tokens).map(Piece::Usage));
        if reason.is_none() {
            return Err(AnswerError::Failed(Failure::new(FailureKind::Server, 200, delta.error, delta.finish_reason)));
        }
        self.done = true;
        Ok(())
    }
}
