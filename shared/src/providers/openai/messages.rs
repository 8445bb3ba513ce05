//! Messages and their parts. What other providers gave a message on its way (thoughts, cache marks) is not OpenAI's to see.

use super::{
    abilities::Abilities,
    wire::{Audio, Body, Called, Content, File, Image, Message, Part, Spoken, ToolCall, role},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        chat::{self, Role},
        content::{self, FileInput, PartBody, Source},
        tools,
    },
    providers::{
        dialogue::FROM_A_TOOL,
        fields::{Field, MESSAGE, PART},
    },
};

/// Where the prompt cache may end.
const CACHE_MARK: &str = "prompt_cache_breakpoint";

/// In their order. What tools gave besides text is shown after their results: older models refuse an image there ("Image URLs are only
/// allowed for messages with role 'user'"), newer ones take it and do not see it (openai/openai-openapi#523).
pub(super) fn translate<'a>(abilities: Abilities<'_>, request: &'a ChatRequest) -> Result<Vec<Message<'a>>, Invalid> {
    let (mut messages, mut shown) = (Vec::with_capacity(request.messages.len()), Vec::new());
    for (i, one) in request.messages.iter().enumerate() {
        let is_result = matches!(one.role, Role::Tool | Role::Function);
        if !is_result {
            show(&mut shown, &mut messages);
        }
        let mut message = message(abilities, one, &format!("messages[{i}]"))?;
        if is_result && let Some(Content::Parts(parts)) = &mut message.content {
            shown.extend(parts.extract_if(.., |part| !matches!(part.body, Body::Text { .. })));
            if parts.is_empty() {
                message.content = Some(Content::Text(""));
            }
        }
        messages.push(message);
    }
    show(&mut shown, &mut messages);
    Ok(messages)
}

fn show<'a>(shown: &mut Vec<Part<'a>>, messages: &mut Vec<Message<'a>>) {
    if shown.is_empty() {
        return;
    }
    let lead = Part { body: Body::Text { text: FROM_A_TOOL }, prompt_cache_breakpoint: None };
    let content = Some(Content::Parts(std::iter::once(lead).chain(shown.drain(..)).collect()));
    messages.push(Message { role: role(Role::User), content, ..Message::default() });
}

/// Which of the fields that not every provider has are sent.
pub(super) fn takes(abilities: Abilities<'_>, field: &Field<'_>) -> bool {
    match (field.beside, field.name) {
        (MESSAGE, "name") => true,
        (MESSAGE, "audio") => abilities.speaks(),
        (PART, CACHE_MARK) => abilities.takes_cache_marks(),
        _ => false,
    }
}

fn message<'a>(abilities: Abilities<'_>, message: &'a chat::Message, path: &str) -> Result<Message<'a>, Invalid> {
    let tool_calls: Vec<_> = message.tool_calls().iter().filter_map(call).collect();
    let spoken = message.other.get("audio").filter(|_| abilities.speaks()).and_then(|audio| audio["id"].as_str());
    let is_silent = tool_calls.is_empty() && message.refusal.is_none() && spoken.is_none();
    let content = match &message.content {
        // OpenAI refuses an assistant who neither said nor called anything.
        None if message.role == Role::Assistant && is_silent => Some(Content::Text("")),
        None => None,
        Some(content::Content::Text(text)) => Some(Content::Text(text)),
        // An empty list is refused too.
        Some(content::Content::Parts(parts)) if parts.is_empty() => is_silent.then_some(Content::Text("")),
        Some(content::Content::Parts(parts)) => {
            let parts = parts.iter().enumerate();
            let parts = parts.map(|(j, one)| part(abilities, one, &format!("{path}.content[{j}]")));
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
        audio: spoken.map(|id| Spoken { id }),
    })
}

/// What a provider put beside a call for itself stays here.
fn call(call: &tools::ToolCall) -> Option<ToolCall<'_>> {
    let called = match (&call.function, &call.custom) {
        (Some(function), _) => Called::Function { function },
        (None, Some(custom)) => Called::Custom { custom },
        (None, None) => return None,
    };
    Some(ToolCall { id: &call.id, called })
}

fn part<'a>(abilities: Abilities<'_>, part: &'a content::Part, path: &str) -> Result<Part<'a>, Invalid> {
    let body = match part.body() {
        Some(PartBody::Text(text)) => Body::Text { text },
        Some(PartBody::Refusal(refusal)) => Body::Refusal { refusal },
        Some(PartBody::Image(image)) => {
            Body::ImageUrl { image_url: Image { url: &image.url, detail: image.detail.as_deref() } }
        }
        Some(PartBody::Audio(audio)) => {
            Body::InputAudio { input_audio: Audio { data: &audio.data, format: &audio.format } }
        }
        Some(PartBody::File(input)) => file(input, path)?,
        None => return Err(Invalid::value(path, "is not a kind of content part")),
    };
    let mark = part.other.get(CACHE_MARK).filter(|mark| abilities.takes_cache_marks() && !mark.is_null());
    Ok(Part { body, prompt_cache_breakpoint: mark })
}

/// OpenAI takes a document's bytes or its id, and fetches none. Bytes without a name it takes for an id that is missing.
fn file<'a>(input: &'a FileInput, path: &str) -> Result<Body<'a>, Invalid> {
    let media_type = match input.file_data.as_deref().and_then(Source::of) {
        Some(Source::Url(_)) => {
            let why = "is a document at a URL, which this provider does not fetch; send its bytes as a data URL";
            return Err(Invalid::unsupported(path, why));
        }
        Some(Source::Inline { media_type, .. }) => Some(media_type),
        None => None,
    };
    let nameless = media_type.map(|media_type| if media_type == "application/pdf" { "file.pdf" } else { "file" });
    Ok(Body::File {
        file: File {
            file_data: input.file_data.as_deref(),
            file_id: input.file_id.as_deref(),
            filename: input.filename.as_deref().or(nameless),
        },
    })
}
