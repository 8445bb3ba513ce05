//! What Cohere accepts in `messages`.

use super::super::answer::Turn;
use super::super::fault::Fault;
use super::super::fields::{Conversation, Fields, Message, Messages};
use super::super::media::{Kind, Media, data_url};
use super::super::tools::read_calls_and_results;

const MESSAGES: Messages = Messages {
    roles: &["system", "user", "assistant", "tool"],
    system: &["system"],
    fields: &["role", "content", "tool_calls", "tool_plan", "tool_call_id", "citations"],
    parts: &["text", "image_url", "document", "thinking"],
    text: &[],
    silence: false,
    part,
};

/// Reads all messages and the order of them.
pub fn read(body: &Fields<'_>) -> Result<Conversation, Fault> {
    let mut messages = MESSAGES.read(body)?;
    read_calls_and_results(&mut messages, &["function"])?;
    for message in &messages {
        message.fields.text("tool_plan")?;
    }
    refuse_a_wrong_order(&messages)?;
    Ok(MESSAGES.conversation(messages))
}

fn part(kind: &str, part: &Fields<'_>, role: &str, turn: &mut Turn) -> Result<(), Fault> {
    let inner = |name: &str| part.object(name)?.ok_or_else(|| Fault::Missing(part.path(name)));
    let only_of = |wanted: &str| {
        let message = format!("{kind} content is only supported in messages of the role {wanted}, not {role}");
        if role == wanted { Ok(()) } else { Err(Fault::unsupported(part.path("type"), message)) }
    };
    match kind {
        "image_url" => {
            only_of("user")?;
            let image = inner("image_url")?;
            image.only(&[&["url", "detail"]])?;
            let url = image.needed_text("url")?;
            turn.media.push(match data_url(&url) {
                Some((kind, data)) => Media::of_base64(Kind::Image, kind, data, &image.path("url"))?,
                None if url.starts_with("https://") => Media::at(Kind::Image, &url),
                None => {
                    return Err(Fault::unsupported(image.path("url"), "image_url must be a data URL or an https URL"));
                }
            });
        }
        "document" => {
            only_of("tool")?;
            let document = inner("document")?;
            document.only(&[&["id", "data"]])?;
            let data = document.get("data").ok_or_else(|| Fault::Missing(document.path("data")))?;
            turn.text.push_str(&data.as_str().map_or_else(|| data.to_string(), str::to_owned));
        }
        _ => {
            only_of("assistant")?;
            part.needed_text("thinking")?;
        }
    }
    Ok(())
}

/// Messages of the role `tool` follow the calls that they answer, and answer all of them.
fn refuse_a_wrong_order(messages: &[Message<'_>]) -> Result<(), Fault> {
    let mut open: Vec<&str> = Vec::new();
    let wrong = |message: String| Err(Fault::unsupported("messages", message));
    let unanswered = |open: &[&str]| format!("missing tool results for tool calls with ids: {}", open.join(", "));
    for message in messages {
        if let Some(result) = message.turn.results.first() {
            let Some(at) = open.iter().position(|id| *id == result.id) else {
                return wrong(format!("tool call id {} not found in previous tool calls", result.id));
            };
            open.remove(at);
        } else if !open.is_empty() {
            return wrong(unanswered(&open));
        }
        open.extend(message.turn.calls.iter().map(|call| call.id.as_str()));
    }
    if open.is_empty() { Ok(()) } else { wrong(unanswered(&open)) }
}
