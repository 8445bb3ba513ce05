//! Thought signatures: what the model thought, encrypted, on the part that came of it. They go to the caller as `reasoning_details`
//! and come back on the same part: <https://ai.google.dev/gemini-api/docs/thought-signatures>.

use crate::openai::{chat::Message, tools::ToolCall};
use serde_json::{Value, json};

/// On a call where the model's own is not known, as one that another model made. The third generation refuses a call without any.
/// <https://ai.google.dev/gemini-api/docs/thought-signatures#faqs>
pub(super) const UNKNOWN: &str = "skip_thought_signature_validator";

const FORMAT: &str = "google-thought-signature-v1";

/// The part that a signature came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// A call, by its id and its place among the answer's calls.
    Call { id: &'a str, index: u64 },
    /// These characters of the text; none where the part was empty.
    Text { start: u64, end: u64 },
    /// A thought.
    Thought { text: &'a str },
}

/// For the caller.
pub(super) fn detail(place: Place<'_>, signature: &str) -> Value {
    let kind = "reasoning.encrypted";
    match place {
        Place::Call { id, index } => json!({
            "type": kind, "provider": "google", "format": FORMAT, "data": signature, "tool_call_id": id, "index": index,
        }),
        Place::Text { start, end } => json!({
            "type": kind, "provider": "google", "format": FORMAT, "data": signature, "start": start, "end": end,
        }),
        Place::Thought { text } => json!({
            "type": "reasoning.text", "provider": "google", "format": FORMAT, "data": signature, "text": text,
        }),
    }
}

/// What came back with an assistant's message.
pub(super) struct Signatures<'a>(Vec<(Place<'a>, &'a str)>);

impl<'a> Signatures<'a> {
    /// Other providers' details, and what is none of ours, are left where they are.
    pub(super) fn of(message: &'a Message) -> Self {
        Self(message.reasoning_details.iter().flatten().filter_map(read).collect())
    }

    /// Of the call with this id; where a client gave the calls other ids, of the call at this place.
    pub(super) fn of_call(&self, call: &'a ToolCall, at: usize) -> Option<&'a str> {
        let kept = || call.other.get("extra_content")?.get("google")?.get("thought_signature")?.as_str();
        let by = |fits: &dyn Fn(&str, u64) -> bool| {
            self.0.iter().find_map(|(place, signature)| match place {
                Place::Call { id, index } if fits(id, *index) => Some(*signature),
                _ => None,
            })
        };
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        by(&|id, _| id == call.id).or_else(kept).or_else(|| by(&|_, index| index == at))
    }

    pub(super) fn of_thoughts(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(|(place, signature)| match place {
            Place::Thought { text } => Some((*text, *signature)),
            _ => None,
        })
    }

    /// Cuts a text into the parts it came in, each with its signature. A text that has become shorter is not what was signed.
    pub(super) fn cut(&self, text: &'a str) -> Option<Vec<(&'a str, Option<&'a str>)>> {
        let mut parts = Vec::new();
        let (mut rest, mut at) = (text, 0);
        let texts = self.0.iter().filter_map(|(place, signature)| match place {
            Place::Text { start, end } => Some((*start, *end, *signature)),
            _ => None,
        });
        for (start, end, signature) in texts {
            let (before, signed) = (start.checked_sub(at)?, end.checked_sub(start)?);
            let (unsigned, tail) = split(rest, before)?;
            let (signed, tail) = split(tail, signed)?;
            if !unsigned.is_empty() {
                parts.push((unsigned, None));
            }
            parts.push((signed, Some(signature)));
            (rest, at) = (tail, end);
        }
        if parts.is_empty() {
            return None;
        }
        if !rest.is_empty() {
            parts.push((rest, None));
        }
        Some(parts)
    }
}

fn read(detail: &Value) -> Option<(Place<'_>, &str)> {
    if detail.get("provider")? != "google" || detail.get("format")? != FORMAT {
        return None;
    }
    let signature = detail.get("data")?.as_str()?;
    let text = |name: &str| detail.get(name).and_then(Value::as_str);
    let number = |name: &str| detail.get(name).and_then(Value::as_u64);
    let place = match (text("tool_call_id"), number("start"), number("end"), text("text")) {
        (Some(id), ..) => Place::Call { id, index: number("index")? },
        (None, Some(start), Some(end), _) => Place::Text { start, end },
        (None, _, _, Some(text)) => Place::Thought { text },
        _ => return None,
    };
    Some((place, signature))
}

/// After so many characters.
fn split(text: &str, characters: u64) -> Option<(&str, &str)> {
    let characters = usize::try_from(characters).ok()?;
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.nth(characters).map(|at| text.split_at(at))
}
