//! The calls of a streamed answer, put together from their pieces.

use super::wire_answer::ToolCall;
use crate::providers::{Piece, Unreadable};
use std::collections::HashMap;

/// OpenAI opens a call with its id and name and sends its arguments after; some servers that speak its dialect repeat both in every
/// piece, send the arguments first or all calls under one index.
#[derive(Default)]
pub(super) struct Calls {
    /// By choice and the provider's index: the last call under it.
    open: HashMap<(u32, u32), Call>,
    /// How many calls each choice has.
    counts: HashMap<u32, u32>,
}

struct Call {
    index: u32,
    id: String,
    /// What came of the arguments before the name did; none once it has.
    held: Option<String>,
}

/// The id of a call that was given none: the same in a stream and in a whole answer.
pub(super) fn made_up_id(choice: u32, index: u32) -> String {
    format!("call_{}", u64::from(choice) * 128 + u64::from(index))
}

impl Calls {
    pub(super) fn push(&mut self, choice: u32, delta: ToolCall<'_>, out: &mut Vec<Piece>) -> Result<(), Unreadable> {
        let is_custom = delta.custom.is_some();
        let key = (choice, delta.index.unwrap_or(0));
        let id = delta.id.filter(|id| !id.is_empty());
        let (name, arguments) = match (delta.custom, delta.function) {
            (Some(custom), _) => (custom.name, custom.input),
            (None, Some(function)) => (function.name, function.arguments),
            (None, None) => (None, None),
        };
        let name = name.filter(|name| !name.is_empty());
        let arguments = arguments.unwrap_or_default();
        let is_another = |call: &Call| name.is_some() && id.as_deref().is_some_and(|id| id != call.id);
        if self.open.get(&key).is_none_or(is_another) {
            let count = self.counts.entry(choice).or_default();
            let index = *count;
            *count = count.saturating_add(1);
            let id = id.map_or_else(|| made_up_id(choice, index), |id| id.into_owned());
            self.open.insert(key, Call { index, id, held: Some(String::new()) });
        }
        let Some(call) = self.open.get_mut(&key) else { return Ok(()) };
        let mut text = arguments.into_owned();
        if let Some(held) = &mut call.held {
            held.push_str(&text);
            let Some(name) = name else { return Ok(()) };
            text = call.held.take().unwrap_or_default();
            let id = call.id.clone();
            let (index, name) = (call.index, name.into_owned());
            out.push(match is_custom {
                true => Piece::CustomCall { choice, index, id, name },
                false => Piece::ToolCall { choice, index, id, name, extra: None },
            });
        }
        if !text.is_empty() {
            out.push(Piece::ToolArguments { choice, index: call.index, text });
        }
        Ok(())
    }

    /// What ends with a nameless call has lost it.
    pub(super) fn end(&self, choice: u32) -> Result<(), Unreadable> {
        let nameless = self.open.iter().any(|((of, _), call)| *of == choice && call.held.is_some());
        if nameless { Err(Unreadable("a call without a name".into())) } else { Ok(()) }
    }
}
