//! Messages: instructions first, nothing blank, an assistant after a tool, a person or a tool last.

use super::{
    ids, reasoning,
    wire::{Content, FunctionCall, ImageUrl, Message, Part, TextChunk, ToolCall},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        chat::{Message as Asked, Role},
        content::{Content as Said, PartBody, Source},
    },
    providers::dialogue::{self, CONTINUE},
    usage::ModelCard,
};
use serde_json::Value;
use std::collections::HashMap;

/// What is put in the mouth of a model before Small 4 and Medium 3.5 between a tool's result and a person: "Unexpected role 'user' after
/// role 'tool'".
const UNDERSTOOD: &str = "OK";

pub(super) fn messages<'a>(model: &ModelCard, request: &'a ChatRequest) -> Result<Vec<Message<'a>>, Invalid> {
    let thinks = reasoning::thinks(model);
    let (mut instructions, mut turns): (Vec<Message<'_>>, Vec<Message<'_>>) = (Vec::new(), Vec::new());
    // The names of the functions that were called so far, by the ids of the calls.
    let mut called: HashMap<&str, &str> = HashMap::new();
    for (i, message) in request.messages.iter().enumerate() {
        let path = format!("messages[{i}]");
        let parts = parts(message, &path)?;
        match message.role {
            Role::System | Role::Developer => instructions.extend(said("system", parts)),
            Role::User => {
                if let Some(message) = said("user", parts) {
                    if turns.last().is_some_and(|turn| turn.role == "tool") && !reasoning::is_adjustable(model) {
                        turns.extend(said("assistant", vec![Part::Text { text: UNDERSTOOD }]));
                    }
                    turns.push(message);
                }
            }
            Role::Assistant => {
                let calls = message.tool_calls().iter().filter_map(|call| Some((call, call.function.as_ref()?)));
                called.extend(calls.rev().map(|(call, function)| (call.id.as_str(), function.name.as_str())));
                turns.extend(assistant(message, parts, thinks, &path)?);
            }
            Role::Tool | Role::Function => {
                let id = message.tool_call_id.as_deref().unwrap_or_default();
                turns.push(Message {
                    role: "tool",
                    content: content(parts).or(Some(Content::Text(""))),
                    tool_call_id: Some(ids::for_mistral(id)),
                    name: message.name.as_deref().or_else(|| called.get(id).copied()),
                    ..Message::default()
                });
            }
        }
    }
    if turns.is_empty() {
        let last = instructions.pop().ok_or_else(|| Invalid::value("messages", "must hold some text"))?;
        turns.push(Message { role: "user", ..last });
    }
    // "Expected last role User or Tool (or Assistant with prefix True)".
    let goes_on = request.messages.last().is_some_and(is_prefix);
    if let Some(last) = turns.last_mut().filter(|turn| turn.role == "assistant") {
        if goes_on {
            last.prefix = true;
        } else {
            turns.extend(said("user", vec![Part::Text { text: CONTINUE }]));
        }
    }
    instructions.append(&mut turns);
    Ok(instructions)
}

/// Whether the answer is to repeat an assistant's words and go on from them, which only a caller can ask for: other models' answers
/// do not repeat them.
pub(super) fn is_prefix(message: &Asked) -> bool {
    message.role == Role::Assistant && message.other.get("prefix") == Some(&Value::Bool(true))
}

fn said<'a>(role: &'static str, parts: Vec<Part<'a>>) -> Option<Message<'a>> {
    content(parts).map(|content| Message { role, content: Some(content), ..Message::default() })
}

fn content(parts: Vec<Part<'_>>) -> Option<Content<'_>> {
    match parts.as_slice() {
        [] => None,
        [Part::Text { text }] => Some(Content::Text(text)),
        _ => Some(Content::Parts(parts)),
    }
}

fn assistant<'a>(
    message: &'a Asked,
    mut parts: Vec<Part<'a>>,
    thinks: bool,
    path: &str,
) -> Result<Option<Message<'a>>, Invalid> {
    let calls = message.tool_calls().iter().enumerate().map(|(j, call)| {
        let function = dialogue::called(call, &format!("{path}.tool_calls[{j}]"), "Mistral")?;
        let function = FunctionCall { name: &function.name, arguments: function.arguments_text() };
        Ok(ToolCall { id: ids::for_mistral(&call.id), kind: "function", function })
    });
    let tool_calls = calls.collect::<Result<Vec<_>, Invalid>>()?;
    // A thought alone, without a word or a call, is no turn.
    if tool_calls.is_empty() && parts.is_empty() {
        return Ok(None);
    }
    if thinks {
        let thoughts = reasoning::returned(message).into_iter().map(|thought| Part::Thinking {
            thinking: [TextChunk { kind: "text", text: thought.text }],
            signature: thought.signature,
        });
        parts.splice(0..0, thoughts);
    }
    Ok(Some(Message { role: "assistant", content: content(parts), tool_calls, ..Message::default() }))
}

/// The parts that say something; of an assistant that said nothing, what it refused with.
fn parts<'a>(message: &'a Asked, path: &str) -> Result<Vec<Part<'a>>, Invalid> {
    let mut parts = Vec::new();
    match &message.content {
        None => {}
        Some(Said::Text(text)) => parts.extend(text_part(text)),
        Some(Said::Parts(asked)) => {
            for (j, asked) in asked.iter().enumerate() {
                match asked.body() {
                    Some(PartBody::Text(text) | PartBody::Refusal(text)) => parts.extend(text_part(text)),
                    Some(body) => parts.push(part(body, &format!("{path}.content[{j}]"))?),
                    None => {}
                }
            }
        }
    }
    if parts.is_empty() {
        parts.extend(message.refusal.as_deref().and_then(text_part));
    }
    Ok(parts)
}

fn part<'a>(body: PartBody<'a>, path: &str) -> Result<Part<'a>, Invalid> {
    Ok(match body {
        PartBody::Text(text) | PartBody::Refusal(text) => Part::Text { text },
        PartBody::Image(image) => {
            Part::ImageUrl { image_url: ImageUrl { url: &image.url, detail: image.detail.as_deref() } }
        }
        PartBody::Audio(audio) => Part::InputAudio { input_audio: &audio.data },
        PartBody::File(file) => {
            let url = file.file_data.as_deref().filter(|url| Source::of(url).is_some());
            let document_url = url
                .ok_or_else(|| Invalid::unsupported(path, "Mistral takes a file as `file_data`, not by OpenAI's id"))?;
            Part::DocumentUrl { document_url, document_name: file.filename.as_deref() }
        }
    })
}

fn text_part(text: &str) -> Option<Part<'_>> {
    (!text.trim().is_empty()).then_some(Part::Text { text })
}
