//! What Google wants back with the next request, as `reasoning_details`: thought signatures (what the model thought, encrypted, on the part
//! that came of it) and the parts of tools that Google runs itself, each where it stood.
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>
//!
//! A call has its signature also as `extra_content.google.thought_signature`, Google's own form for clients of OpenAI's:
//! <https://ai.google.dev/gemini-api/docs/openai>. Many clients keep a call whole and drop what else a message has.

use super::wire::{Body, Part};
use crate::openai::{chat::Message, tools::ToolCall};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// On a call where the model's own is not known, as one that another model made. The third generation refuses a call without any.
/// <https://ai.google.dev/gemini-api/docs/thought-signatures#faqs>
pub(super) const UNKNOWN: &str = "skip_thought_signature_validator";

const FORMAT: &str = "google-thought-signature-v1";
const PART_FORMAT: &str = "google-part-v1";

/// How much was said and called before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct After {
    /// Characters.
    pub(super) text: u64,
    pub(super) calls: u32,
}

/// The part that a signature came on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// A call, by its id and its place among the answer's calls.
    Call { id: &'a str, index: u32 },
    /// These characters of the text; none where the part was empty.
    Text { start: u64, end: u64 },
    /// An image, by its place among the answer's images.
    Image { index: u32 },
    /// A thought.
    Thought { text: &'a str, after: After },
}

/// For the caller.
pub(super) fn detail(place: Place<'_>, signature: &str) -> Value {
    let encrypted = |at: Value| {
        let mut detail =
            json!({ "type": "reasoning.encrypted", "provider": "google", "format": FORMAT, "data": signature });
        if let (Some(detail), Value::Object(at)) = (detail.as_object_mut(), at) {
            detail.extend(at);
        }
        detail
    };
    match place {
        Place::Call { id, index } => encrypted(json!({ "tool_call_id": id, "call": index })),
        Place::Text { start, end } => encrypted(json!({ "start": start, "end": end })),
        Place::Image { index } => encrypted(json!({ "image": index })),
        Place::Thought { text, after } => placed(
            json!({ "type": "reasoning.text", "provider": "google", "format": FORMAT, "data": signature, "text": text }),
            after,
        ),
    }
}

/// A part of a tool that Google ran, for the caller: it is sent back as it came.
pub(super) fn own_part(part: &Map<String, Value>, after: After) -> Value {
    placed(json!({ "type": "provider.content", "provider": "google", "format": PART_FORMAT, "content": part }), after)
}

/// On the call itself.
pub(super) fn extra(signature: &str) -> Value {
    json!({ "google": { "thought_signature": signature } })
}

fn placed(mut detail: Value, after: After) -> Value {
    if after.text > 0 {
        detail["after_text"] = after.text.into();
    }
    if after.calls > 0 {
        detail["after_calls"] = after.calls.into();
    }
    detail
}

/// What came back with an assistant's message, in the order in which it was given out.
pub(super) struct Returned<'a> {
    kept: Vec<Kept<'a>>,
    /// Signatures of calls, by the call's id and by its place.
    by_id: HashMap<&'a str, &'a str>,
    by_place: HashMap<u64, &'a str>,
    /// Signatures of images, by the image's place.
    by_image: HashMap<u64, &'a str>,
}

enum Kept<'a> {
    Call { id: &'a str, index: u64, signature: &'a str },
    Text { start: u64, end: u64, signature: &'a str },
    Image { index: u64, signature: &'a str },
    Part { part: Part<'a>, after_text: u64, after_calls: u64 },
}

impl<'a> Returned<'a> {
    /// Other providers' details, and what is none of ours, are left where they are.
    pub(super) fn with(message: &'a Message) -> Self {
        let kept: Vec<_> = message.reasoning_details.iter().flatten().filter_map(read).collect();
        let (mut by_id, mut by_place, mut by_image) = (HashMap::new(), HashMap::new(), HashMap::new());
        for one in &kept {
            match *one {
                Kept::Call { id, index, signature } => {
                    by_id.entry(id).or_insert(signature);
                    by_place.entry(index).or_insert(signature);
                }
                Kept::Image { index, signature } => {
                    by_image.entry(index).or_insert(signature);
                }
                Kept::Text { .. } | Kept::Part { .. } => {}
            }
        }
        Self { kept, by_id, by_place, by_image }
    }

    /// The signature of the call with this id; where a client gave the calls other ids, of the call at this place.
    pub(super) fn of_call(&self, call: &'a ToolCall, at: usize) -> Option<&'a str> {
        let kept = || call.other.get("extra_content")?.get("google")?.get("thought_signature")?.as_str();
        let at_place = || self.by_place.get(&u64::try_from(at).ok()?).copied();
        self.by_id.get(call.id.as_str()).copied().or_else(kept).or_else(at_place)
    }

    /// The signature of the image at this place.
    pub(super) fn of_image(&self, at: usize) -> Option<&'a str> {
        self.by_image.get(&u64::try_from(at).ok()?).copied()
    }

    /// All parts of a message: thoughts, texts, calls and what Google's own tools did, as they followed one another; images after the text.
    /// Where a text is no longer as long as what was signed, it stands as it is now, and what was signed of it is left out.
    pub(super) fn in_place(self, texts: &[&'a str], images: Vec<Part<'a>>, calls: Vec<Part<'a>>) -> Vec<Part<'a>> {
        let text = match texts {
            [] => Some(""),
            [text] => Some(*text),
            _ => None,
        };
        let text = text.filter(|text| self.fits(text));
        let mut parts = Vec::new();
        let (mut rest, mut at) = (text.unwrap_or_default(), 0);
        let (mut calls, mut called) = (calls.into_iter(), 0);
        let mut say = |parts: &mut Vec<Part<'a>>, upto: u64, signature: Option<&'a str>| {
            let (now, later) = split(rest, upto.saturating_sub(at));
            (rest, at) = (later, at.max(upto));
            if signature.is_some() || !now.trim().is_empty() {
                parts.push(Part { thought_signature: signature, ..Part::text(now) });
            }
        };
        for kept in self.kept {
            match kept {
                Kept::Text { start, end, signature } if text.is_some() => {
                    say(&mut parts, start, None);
                    say(&mut parts, end, Some(signature));
                }
                Kept::Part { part, after_text, after_calls } => {
                    say(&mut parts, after_text, None);
                    let more = usize::try_from(after_calls.saturating_sub(called)).unwrap_or(usize::MAX);
                    parts.extend(calls.by_ref().take(more));
                    called = called.max(after_calls);
                    parts.push(part);
                }
                Kept::Text { .. } | Kept::Call { .. } | Kept::Image { .. } => {}
            }
        }
        say(&mut parts, u64::MAX, None);
        if text.is_none() {
            parts.extend(texts.iter().filter(|text| !text.trim().is_empty()).map(|text| Part::text(text)));
        }
        parts.extend(images);
        parts.extend(calls);
        parts
    }

    /// Whether what was signed of the text follows one another, and is still there.
    fn fits(&self, text: &str) -> bool {
        let mut signed = self.kept.iter().filter_map(|kept| match kept {
            Kept::Text { start, end, .. } => Some((*start, *end)),
            _ => None,
        });
        let follow = |at: u64, (start, end): (u64, u64)| (at <= start && start <= end).then_some(end);
        let Some(last) = signed.try_fold(0, follow) else { return false };
        last == 0 || u64::try_from(text.chars().count()).is_ok_and(|length| last <= length)
    }
}

fn read(detail: &Value) -> Option<Kept<'_>> {
    if detail.get("provider")? != "google" {
        return None;
    }
    let text = |name: &str| detail.get(name).and_then(Value::as_str);
    let number = |name: &str| detail.get(name).and_then(Value::as_u64);
    let (after_text, after_calls) = (number("after_text").unwrap_or(0), number("after_calls").unwrap_or(0));
    if text("format")? == PART_FORMAT {
        let part = returned_part(detail.get("content")?)?;
        return Some(Kept::Part { part, after_text, after_calls });
    }
    let signature = text("data").filter(|_| text("format") == Some(FORMAT))?;
    Some(match (text("tool_call_id"), number("start"), number("end"), number("image"), text("text")) {
        (Some(id), ..) => Kept::Call { id, index: number("call").unwrap_or(u64::MAX), signature },
        (None, Some(start), Some(end), ..) => Kept::Text { start, end, signature },
        (None, _, _, Some(index), _) => Kept::Image { index, signature },
        (None, _, _, _, Some(text)) => {
            let part = Part { thought: true, thought_signature: Some(signature), ..Part::text(text) };
            Kept::Part { part, after_text, after_calls }
        }
        _ => return None,
    })
}

/// Only what a tool of Google's did: a caller could put anything here, an address to fetch for instance.
fn returned_part(content: &Value) -> Option<Part<'_>> {
    let object = |name: &str| content.get(name).filter(|value| value.is_object());
    let body = object("executableCode")
        .map(Body::ExecutableCode)
        .or_else(|| object("codeExecutionResult").map(Body::CodeExecutionResult))
        .or_else(|| object("toolCall").map(Body::ToolCall))
        .or_else(|| object("toolResponse").map(Body::ToolResponse))?;
    Some(Part {
        body,
        thought: content.get("thought") == Some(&Value::Bool(true)),
        thought_signature: content.get("thoughtSignature").and_then(Value::as_str),
    })
}

/// After so many characters, or at the end.
fn split(text: &str, characters: u64) -> (&str, &str) {
    let characters = usize::try_from(characters).unwrap_or(usize::MAX);
    let at = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    text.split_at(at)
}
