//! What OpenAI accepts in `messages`.

use super::super::answer::Turn;
use super::super::fault::Fault;
use super::super::fields::{Conversation, Fields, Message, Messages};
use super::super::media::{Kind, Media, data_url};
use super::super::tools::{EarlierCall, ToolResult, read_calls_and_results};

const MESSAGES: Messages = Messages {
    roles: &["system", "developer", "user", "assistant", "tool", "function"],
    system: &["system", "developer"],
    fields: &[
        "role",
        "content",
        "name",
        "tool_calls",
        "tool_call_id",
        "function_call",
        "refusal",
        "audio",
        "annotations",
    ],
    parts: &["text", "image_url", "input_audio", "file", "refusal"],
    text: &["type", "text"],
    silence: true,
    part,
};

const IMAGES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Reads all messages and the order of them.
pub fn read(body: &Fields<'_>) -> Result<Conversation, Fault> {
    let mut messages = MESSAGES.read(body)?;
    read_calls_and_results(&mut messages, &["function", "custom"])?;
    read_function_calls(&mut messages)?;
    refuse_a_wrong_order(&messages)?;
    Ok(MESSAGES.conversation(messages))
}

fn part(kind: &str, part: &Fields<'_>, role: &str, turn: &mut Turn) -> Result<(), Fault> {
    let inner = |name: &str| part.object(name)?.ok_or_else(|| Fault::Missing(part.path(name)));
    if kind == "refusal" {
        turn.text.push_str(&part.needed_text("refusal")?);
        return Ok(());
    }
    if role != "user" {
        let what = if kind == "image_url" { "Image URLs are" } else { "Such parts are" };
        let message = format!("{what} only allowed for messages with role 'user', but this message has role '{role}'.");
        return Err(Fault::value(part.path("type"), message));
    }
    turn.media.push(match kind {
        "image_url" => {
            let image = inner("image_url")?;
            image.only(&[&["url", "detail"]])?;
            image_of(&image.needed_text("url")?, &image.path("url"))?
        }
        "input_audio" => {
            let audio = inner("input_audio")?;
            audio.only(&[&["data", "format"]])?;
            let format = audio.word("format", &["wav", "mp3"])?.ok_or_else(|| Fault::Missing(audio.path("format")))?;
            Media::of_base64(Kind::Audio, format, &audio.needed_text("data")?, &audio.path("data"))?
        }
        _ => {
            let file = inner("file")?;
            file.only(&[&["file_data", "file_id", "filename"]])?;
            document_of(&file)?
        }
    });
    Ok(())
}

fn image_of(url: &str, path: &str) -> Result<Media, Fault> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Media::at(Kind::Image, url));
    }
    match data_url(url) {
        Some((kind, data)) if IMAGES.contains(&kind) => Media::of_base64(Kind::Image, kind, data, path),
        _ => {
            let message = "You uploaded an unsupported image. Please make sure your image has of one the following formats: \
                           ['png', 'jpeg', 'gif', 'webp'].";
            Err(Fault::coded("", "invalid_image_format", message))
        }
    }
}

fn document_of(file: &Fields<'_>) -> Result<Media, Fault> {
    if let Some(id) = file.text("file_id")? {
        return Ok(Media::at(Kind::File, id));
    }
    let (path, url) = (file.path("file_data"), file.needed_text("file_data")?);
    let given = data_url(&url);
    if let Some((kind @ "application/pdf", data)) = given {
        return Media::of_base64(Kind::File, kind, data, &path);
    }
    let message = format!(
        "Invalid file data: '{path}'. Expected a base64-encoded data URL with an application/pdf MIME type (e.g. \
         'data:application/pdf;base64,SGVsbG8sIFdvcmxkIQ=='), but got unsupported MIME type '{}'.",
        given.map_or("", |(kind, _)| kind)
    );
    Err(Fault::coded(path, "invalid_value", message))
}

/// `function_call` and messages of the role `function`, the first form of tools: a result belongs to the function of its name.
fn read_function_calls(messages: &mut [Message<'_>]) -> Result<(), Fault> {
    for message in messages {
        if let Some(call) = message.fields.object("function_call")? {
            let name = call.needed_text("name")?;
            message.turn.calls.push(EarlierCall { id: name.clone(), name });
        }
        if message.role == "function" {
            let name = message.fields.needed_text("name")?;
            let text = std::mem::take(&mut message.turn.text);
            message.turn.results = vec![ToolResult { id: name.clone(), name, text }];
        }
    }
    Ok(())
}

/// Messages of the role `tool` follow the calls that they answer, and answer all of them.
fn refuse_a_wrong_order(messages: &[Message<'_>]) -> Result<(), Fault> {
    let mut open: Vec<&str> = Vec::new();
    let mut calls_before = false;
    let unanswered = |index: usize, open: &[&str]| {
        let message = format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The \
             following tool_call_ids did not have response messages: {}",
            open.join(", ")
        );
        Fault::coded(format!("messages.[{index}].role"), "", message)
    };
    for (index, message) in messages.iter().enumerate() {
        if message.role != "tool" {
            if !open.is_empty() {
                return Err(unanswered(index, &open));
            }
            let ours = message.fields.has("tool_calls");
            calls_before = ours && !message.turn.calls.is_empty();
            open = message.turn.calls.iter().filter(|_| ours).map(|call| call.id.as_str()).collect();
            continue;
        }
        if !calls_before {
            let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
            return Err(Fault::coded(format!("messages.[{index}].role"), "", message));
        }
        let id = message.turn.results.first().map_or("", |result| result.id.as_str());
        let Some(at) = open.iter().position(|call| *call == id) else {
            let message =
                format!("Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous message.");
            return Err(Fault::coded(format!("messages.[{index}].tool_call_id"), "", message));
        };
        open.remove(at);
    }
    if open.is_empty() { Ok(()) } else { Err(unanswered(messages.len() - 1, &open)) }
}
