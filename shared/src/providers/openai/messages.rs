//! Messages and their parts. What other providers gave a message on its way (thoughts, cache marks) is not OpenAI's to see.

use super::wire::{Audio, Called, Content, File, Image, Message, Part, Spoken, ToolCall, role};
use crate::{
    openai::{
        ChatRequest, Invalid,
        chat::{self, Role},
        content::{self, FileInput, PartBody, Source},
        tools,
    },
    providers::extras::Extras,
};
use serde_json::Value;

const AUDIO: &str = "audio";

pub(super) fn translate<'a>(request: &'a ChatRequest, extras: &mut Extras<'_>) -> Result<Vec<Message<'a>>, Invalid> {
    let messages = request.messages.iter().enumerate();
    messages.map(|(i, one)| message(one, &format!("messages[{i}]"), extras)).collect()
}

fn message<'a>(message: &'a chat::Message, path: &str, extras: &mut Extras<'_>) -> Result<Message<'a>, Invalid> {
    if message.cache_control.is_some() {
        extras.ignore("cache_control");
    }
    let says_something = |value: &Value| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty());
    let audio = spoken(message);
    let is_sent = |name: &str| name == AUDIO && audio.is_some();
    for (name, _) in message.other.iter().filter(|(name, value)| says_something(value) && !is_sent(name)) {
        extras.ignore(format!("messages[].{name}"));
    }
    let tool_calls: Vec<_> = message.tool_calls().iter().filter_map(call).collect();
    let content = match &message.content {
        // OpenAI refuses an assistant who neither said nor called anything.
        None if message.role == Role::Assistant
            && tool_calls.is_empty()
            && message.refusal.is_none()
            && audio.is_none() =>
        {
            Some(Content::Text(""))
        }
        None => None,
        Some(content::Content::Text(text)) => Some(Content::Text(text)),
        Some(content::Content::Parts(parts)) => {
            let parts = parts.iter().enumerate();
            let parts = parts.map(|(j, one)| part(one, &format!("{path}.content[{j}]"), extras));
            Some(Content::Parts(parts.collect::<Result<_, _>>()?))
        }
    };
    Ok(Message {
        role: role(message.role),
        content,
        name: message.name.as_deref(),
        refusal: message.refusal.as_deref(),
        tool_calls,
        tool_call_id: message.tool_call_id.as_deref(),
        audio,
    })
}

/// What an assistant said aloud, by its id: the sound itself is with OpenAI already.
fn spoken(message: &chat::Message) -> Option<Spoken<'_>> {
    let audio = message.other.get(AUDIO).filter(|_| message.role == Role::Assistant)?;
    audio.get("id")?.as_str().map(|id| Spoken { id })
}

/// What a provider put beside a call for itself stays here.
fn call(call: &tools::ToolCall) -> Option<ToolCall<'_>> {
    let called = match (&call.function, call.other.get("custom")) {
        (Some(function), _) => Called::Function { function },
        (None, Some(custom)) => Called::Custom { custom },
        (None, None) => return None,
    };
    Some(ToolCall { id: &call.id, called })
}

fn part<'a>(part: &'a content::Part, path: &str, extras: &mut Extras<'_>) -> Result<Part<'a>, Invalid> {
    if part.cache_control.is_some() {
        extras.ignore("cache_control");
    }
    match part.body() {
        Some(PartBody::Text(text)) => Ok(Part::Text { text }),
        Some(PartBody::Refusal(refusal)) => Ok(Part::Refusal { refusal }),
        Some(PartBody::Image(image)) => {
            Ok(Part::ImageUrl { image_url: Image { url: &image.url, detail: image.detail.as_deref() } })
        }
        Some(PartBody::Audio(audio)) => {
            Ok(Part::InputAudio { input_audio: Audio { data: &audio.data, format: &audio.format } })
        }
        Some(PartBody::File(input)) => file(input, path),
        None => Err(Invalid::value(path, "is not a kind of content part")),
    }
}

/// OpenAI takes a document's bytes or its id, and fetches none. Bytes without a name it takes for an id that is missing.
fn file<'a>(input: &'a FileInput, path: &str) -> Result<Part<'a>, Invalid> {
    let media_type = match input.file_data.as_deref().and_then(Source::of) {
        Some(Source::Url(_)) => {
            let why = "is a document at a URL, which this provider does not fetch; send its bytes as a data URL";
            return Err(Invalid::unsupported(path, why));
        }
        Some(Source::Inline { media_type, .. }) => Some(media_type),
        None => None,
    };
    let nameless = media_type.map(|media_type| if media_type == "application/pdf" { "file.pdf" } else { "file" });
    Ok(Part::File {
        file: File {
            file_data: input.file_data.as_deref(),
            file_id: input.file_id.as_deref(),
            filename: input.filename.as_deref().or(nameless),
        },
    })
}
