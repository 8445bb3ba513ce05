//! Messages: instructions first, nothing blank, and what a tool's result cannot hold after the results.

use super::{
    reasoning::{self, THINKING, TOOL_PLAN},
    wire::{Content, FunctionCall, ImageUrl, Message, Part, ToolCall},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        chat::{Message as Asked, Role},
        content::{Content as Said, PartBody},
    },
    providers::dialogue::{FROM_A_TOOL, called},
};

pub(super) fn messages(request: &ChatRequest, thinks: bool) -> Result<Vec<Message<'_>>, Invalid> {
    let (mut instructions, mut turns, mut images) = (Vec::new(), Vec::new(), Vec::new());
    for (i, message) in request.messages.iter().enumerate() {
        let parts = parts(message, &format!("messages[{i}]"))?;
        match message.role {
            Role::System | Role::Developer => instructions.extend(said("system", parts)),
            Role::User => {
                show(&mut images, &mut turns);
                turns.extend(said("user", parts));
            }
            Role::Assistant => {
                show(&mut images, &mut turns);
                turns.extend(assistant(message, parts, thinks, &format!("messages[{i}]"))?);
            }
            Role::Tool | Role::Function => {
                let (texts, pictures): (Vec<_>, _) =
                    parts.into_iter().partition(|part| matches!(part, Part::Text { .. }));
                images.extend(pictures);
                turns.push(Message {
                    role: "tool",
                    content: content(texts).or(Some(Content::Text(""))),
                    tool_call_id: message.tool_call_id.as_deref(),
                    ..Message::default()
                });
            }
        }
    }
    show(&mut images, &mut turns);
    if turns.is_empty() {
        let last = instructions.pop().ok_or_else(|| Invalid::value("messages", "must hold some text"))?;
        turns.push(Message { role: "user", ..last });
    }
    instructions.append(&mut turns);
    Ok(instructions)
}

fn show<'a>(images: &mut Vec<Part<'a>>, turns: &mut Vec<Message<'a>>) {
    if !images.is_empty() {
        let lead = std::iter::once(Part::Text { text: FROM_A_TOOL });
        turns.extend(said("user", lead.chain(images.drain(..)).collect()));
    }
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
        let function = called(call, &format!("{path}.tool_calls[{j}]"), "Cohere")?;
        let arguments = function.arguments_text();
        Ok(ToolCall { id: &call.id, kind: "function", function: FunctionCall { name: &function.name, arguments } })
    });
    let tool_calls = calls.collect::<Result<Vec<_>, Invalid>>()?;
    // A thought alone, without a word or a call, is no turn.
    if tool_calls.is_empty() && parts.is_empty() {
        return Ok(None);
    }
    if let Some(thinking) = reasoning::returned(message, THINKING).filter(|_| thinks) {
        parts.insert(0, Part::Thinking { thinking });
    }
    let has_details = message.reasoning_details.as_ref().is_some_and(|details| !details.is_empty());
    let takes_plan = !tool_calls.is_empty() && (has_details || !thinks);
    let tool_plan = reasoning::returned(message, TOOL_PLAN).filter(|_| takes_plan);
    Ok(Some(Message { role: "assistant", content: content(parts), tool_plan, tool_calls, tool_call_id: None }))
}

/// The parts that say something; of an assistant that said nothing, what it refused with.
fn parts<'a>(message: &'a Asked, path: &str) -> Result<Vec<Part<'a>>, Invalid> {
    let mut parts = Vec::new();
    match &message.content {
        None => {}
        Some(Said::Text(text)) => parts.extend(text_part(text)),
        Some(Said::Parts(asked)) => {
            for (j, part) in asked.iter().enumerate() {
                match part.body() {
                    Some(PartBody::Text(text) | PartBody::Refusal(text)) => parts.extend(text_part(text)),
                    Some(PartBody::Image(image)) => parts.push(Part::ImageUrl {
                        image_url: ImageUrl { url: &image.url, detail: image.detail.as_deref() },
                    }),
                    _ => {
                        let path = format!("{path}.content[{j}]");
                        return Err(Invalid::unsupported(path, "Cohere takes only text and images"));
                    }
                }
            }
        }
    }
    if parts.is_empty() {
        parts.extend(message.refusal.as_deref().and_then(text_part));
    }
    Ok(parts)
}

fn text_part(text: &str) -> Option<Part<'_>> {
    (!text.trim().is_empty()).then_some(Part::Text { text })
}
