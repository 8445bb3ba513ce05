//! Anthropic's content blocks.

use super::super::answer::Turn;
use super::super::fault::Fault;
use super::super::fields::{Fields, Messages};
use super::super::media::{Kind, Media};
use super::super::thought;
use super::super::tools::{EarlierCall, ToolResult};

/// What may stand in `messages`.
pub const MESSAGES: Messages = Messages {
    roles: &["user", "assistant"],
    system: &[],
    fields: &["role", "content"],
    parts: &[
        "text",
        "image",
        "document",
        "search_result",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "container_upload",
        "mcp_tool_use",
        "mcp_tool_result",
    ],
    text: &["type", "text", "cache_control", "citations"],
    silence: false,
    part,
};

fn part(kind: &str, part: &Fields<'_>, role: &str, turn: &mut Turn) -> Result<(), Fault> {
    match kind {
        "tool_use" => turn.calls.push(tool_use(part, role)?),
        "tool_result" => tool_result(part, role, turn)?,
        "thinking" => {
            part.only(&[&["type", "thinking", "signature"]])?;
            let said = part.text("thinking")?.ok_or_else(|| Fault::Missing(part.path("thinking")))?;
            let signature = part.text("signature")?.ok_or_else(|| Fault::Missing(part.path("signature")))?;
            // A thought that was not shown comes back empty, with its signature.
            if !(thought::is_of(signature, said) || said.is_empty() && thought::is_ours(signature)) {
                let at = part.place().replace('[', ".").replace(']', "");
                return Err(Fault::unsupported(part.place(), format!("{at}: Invalid `signature` in `thinking` block")));
            }
        }
        "redacted_thinking" => {
            part.only(&[&["type", "data"]])?;
            if !thought::is_ours(&part.needed_text("data")?) {
                let at = part.place().replace('[', ".").replace(']', "");
                let message = format!("{at}: Invalid `data` in `redacted_thinking` block");
                return Err(Fault::unsupported(part.place(), message));
            }
        }
        "image" => {
            part.only(&[&["type", "source", "cache_control"]])?;
            turn.media.push(image(&source(part)?)?);
        }
        "document" => {
            part.only(&[&["type", "source", "cache_control", "citations", "context", "title"]])?;
            turn.media.push(document(&source(part)?)?);
        }
        _ => {}
    }
    Ok(())
}

fn tool_use(part: &Fields<'_>, role: &str) -> Result<EarlierCall, Fault> {
    if role != "assistant" {
        let message = "`tool_use` blocks can only be in `assistant` messages";
        return Err(Fault::value(part.place(), message));
    }
    let part = part.moved("tool_use");
    part.only(&[&["type", "id", "name", "input", "cache_control", "caller"]])?;
    let id = part.needed_text("id")?;
    check_id(&id, &part.path("id"))?;
    part.object("input")?.ok_or_else(|| Fault::Missing(part.path("input")))?;
    Ok(EarlierCall { id, name: part.needed_text("name")? })
}

fn tool_result(part: &Fields<'_>, role: &str, turn: &mut Turn) -> Result<(), Fault> {
    if role != "user" {
        let message = "`tool_result` blocks can only be in `user` messages";
        return Err(Fault::value(part.place(), message));
    }
    let part = part.moved("tool_result");
    part.only(&[&["type", "tool_use_id", "content", "is_error", "cache_control"]])?;
    let id = part.needed_text("tool_use_id")?;
    check_id(&id, &part.path("tool_use_id"))?;
    part.flag("is_error")?;
    let mut inside = Turn::default();
    if let Some(content) = part.get("content") {
        MESSAGES.content(content, &part.path("content"), (true, true), "tool", &mut inside)?;
    }
    turn.results.push(ToolResult { id, name: String::new(), text: inside.text });
    turn.media.extend(inside.media);
    Ok(())
}

fn check_id(id: &str, path: &str) -> Result<(), Fault> {
    if id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Ok(());
    }
    Err(Fault::value(path, "String should match pattern '^[a-zA-Z0-9_-]+$'"))
}

fn source<'a>(part: &Fields<'a>) -> Result<Fields<'a>, Fault> {
    part.object("source")?.ok_or_else(|| Fault::Missing(part.path("source")))
}

fn image(source: &Fields<'_>) -> Result<Media, Fault> {
    match source.word("type", &["base64", "url", "file"])? {
        Some("base64") => {
            let kinds = &["image/jpeg", "image/png", "image/gif", "image/webp"];
            let kind = source.word("media_type", kinds)?.ok_or_else(|| Fault::Missing(source.path("media_type")))?;
            Media::of_base64(Kind::Image, kind, &source.needed_text("data")?, &source.path("data"))
        }
        Some("url") => at_url(Kind::Image, source),
        Some(_) => Ok(Media::at(Kind::Image, &source.needed_text("file_id")?)),
        None => Err(Fault::Missing(source.path("type"))),
    }
}

fn document(source: &Fields<'_>) -> Result<Media, Fault> {
    match source.word("type", &["base64", "text", "content", "url", "file"])? {
        Some("base64") => {
            let kind = source.word("media_type", &["application/pdf"])?;
            let kind = kind.ok_or_else(|| Fault::Missing(source.path("media_type")))?;
            Media::of_base64(Kind::File, kind, &source.needed_text("data")?, &source.path("data"))
        }
        Some("text") => {
            source.word("media_type", &["text/plain"])?.ok_or_else(|| Fault::Missing(source.path("media_type")))?;
            Ok(Media::of_text(&source.needed_text("data")?))
        }
        Some("content") => Ok(Media::at(Kind::File, "content")),
        Some("url") => at_url(Kind::File, source),
        Some(_) => Ok(Media::at(Kind::File, &source.needed_text("file_id")?)),
        None => Err(Fault::Missing(source.path("type"))),
    }
}

fn at_url(kind: Kind, source: &Fields<'_>) -> Result<Media, Fault> {
    let url = source.needed_text("url")?;
    if url.starts_with("https://") {
        return Ok(Media::at(kind, &url));
    }
    Err(Fault::unsupported(source.path("url"), "Only HTTPS URLs are supported."))
}
