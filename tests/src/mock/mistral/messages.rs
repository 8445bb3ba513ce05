//! What Mistral accepts in `messages`.

use serde_json::Value;

use super::super::answer::Turn;
use super::super::fault::Fault;
use super::super::fields::{Conversation, Fields, Message, Messages};
use super::super::media::{Kind, Media, data_url};
use super::super::tools::read_calls_and_results;

const MESSAGES: Messages = Messages {
    roles: &["system", "user", "assistant", "tool"],
    system: &["system"],
    fields: &["role", "content", "tool_calls", "tool_call_id", "name", "prefix"],
    parts: &["text", "image_url", "document_url", "input_audio", "reference", "file", "thinking"],
    text: &[],
    silence: true,
    part,
};

/// Reads all messages and the order of them.
pub fn read(body: &Fields<'_>) -> Result<Conversation, Fault> {
    let mut messages = MESSAGES.read(body)?;
    read_calls_and_results(&mut messages, &["function"])?;
    for message in &messages {
        let calls = message.turn.calls.iter().map(|call| &call.id);
        for id in calls.chain(message.turn.results.iter().map(|result| &result.id)) {
            check_id(id, message.fields.place())?;
        }
        let says_nothing = message.turn.text.is_empty() && message.turn.calls.is_empty();
        if message.role == "assistant" && says_nothing && !message.fields.value()["content"].is_array() {
            let text = "Assistant message must have either content or tool_calls, but not none.";
            return Err(Fault::coded(message.fields.place(), "3240", text));
        }
    }
    refuse_a_wrong_order(&messages)?;
    Ok(MESSAGES.conversation(messages))
}

fn check_id(id: &str, path: &str) -> Result<(), Fault> {
    if id.len() == 9 && id.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    let message = format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.");
    Err(Fault::coded(path, "3280", message))
}

/// An address stands alone or in an object of its own.
fn address(part: &Fields<'_>, name: &str) -> Result<String, Fault> {
    match part.get(name) {
        Some(Value::String(url)) => Ok(url.clone()),
        Some(inner) => Fields::of(inner, &part.path(name))?.needed_text("url"),
        None => Err(Fault::Missing(part.path(name))),
    }
}

fn at_or_in(kind: Kind, url: &str, path: &str) -> Result<Media, Fault> {
    match data_url(url) {
        Some((label, data)) => Media::of_base64(kind, label, data, path),
        None if url.starts_with("https://") => Ok(Media::at(kind, url)),
        None => Err(Fault::coded(path, "3051", "Only https URLs and data URLs are supported.")),
    }
}

fn part(kind: &str, part: &Fields<'_>, _role: &str, turn: &mut Turn) -> Result<(), Fault> {
    match kind {
        "image_url" => turn.media.push(at_or_in(Kind::Image, &address(part, kind)?, &part.path(kind))?),
        "document_url" => turn.media.push(at_or_in(Kind::File, &address(part, kind)?, &part.path(kind))?),
        "file" => turn.media.push(Media::at(Kind::File, &part.needed_text("file_id")?)),
        "input_audio" => {
            let data = match part.get(kind) {
                Some(Value::String(data)) => data.clone(),
                Some(inner) => Fields::of(inner, &part.path(kind))?.needed_text("data")?,
                None => return Err(Fault::Missing(part.path(kind))),
            };
            turn.media.push(match data_url(&data) {
                Some((label, data)) => Media::of_base64(Kind::Audio, label, data, &part.path(kind))?,
                None if data.starts_with("https://") => Media::at(Kind::Audio, &data),
                None => Media::of_base64(Kind::Audio, "", &data, &part.path(kind))?,
            });
        }
        "thinking" => {
            for (index, inner) in part.needed_list("thinking")?.iter().enumerate() {
                Fields::of(inner, &format!("{}[{index}]", part.path("thinking")))?.needed_text("type")?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Calls are followed by as many results, results by the assistant, and the model continues only what a user or a tool said last, or an
/// assistant's message marked as a prefix.
fn refuse_a_wrong_order(messages: &[Message<'_>]) -> Result<(), Fault> {
    let wrong = |message: String| Err(Fault::unsupported("messages", message));
    let mut open: Vec<&str> = Vec::new();
    let mut before = "";
    for message in messages {
        let role = message.role.as_str();
        match (before, role) {
            ("tool", "user" | "system") => return wrong(format!("Unexpected role '{role}' after role '{before}'")),
            (before, "tool") if before != "tool" && open.is_empty() => {
                return wrong(format!("Unexpected role 'tool' after role '{before}'"));
            }
            (_, "tool") => {}
            _ if !open.is_empty() => return wrong("Not the same number of function calls and responses".to_owned()),
            _ => {}
        }
        if let Some(result) = message.turn.results.first() {
            let Some(at) = open.iter().position(|id| *id == result.id) else {
                let all_answered = open.is_empty();
                let text = "Not the same number of function calls and responses".to_owned();
                return wrong(if all_answered {
                    text
                } else {
                    format!("Unexpected tool call id {} in tool results", result.id)
                });
            };
            open.remove(at);
        }
        open.extend(message.turn.calls.iter().map(|call| call.id.as_str()));
        before = role;
    }
    let prefix = messages.last().is_some_and(|message| message.fields.value()["prefix"] == true);
    match before {
        "tool" if !open.is_empty() => wrong("Not the same number of function calls and responses".to_owned()),
        "user" | "tool" => Ok(()),
        "assistant" if prefix => Ok(()),
        role => {
            wrong(format!("Expected last role User or Tool (or Assistant with prefix True) for serving but got {role}"))
        }
    }
}
