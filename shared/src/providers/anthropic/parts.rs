//! Parts of a message: <https://platform.claude.com/docs/en/build-with-claude/vision>, `/pdf-support` and `/files`.

use super::wire::{Block, Body, Source, is_id, is_of_id};
use crate::{
    openai::{
        Invalid,
        content::{self, Content, FileInput, ImageUrl, Part, PartBody},
    },
    providers::extras::Extras,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{borrow::Cow, fmt::Write as _};

const IMAGES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Content without its blank texts, which Anthropic refuses.
pub(super) fn blocks<'a>(content: &'a Content, path: &str, extras: &mut Extras<'_>) -> Result<Vec<Block<'a>>, Invalid> {
    let parts = match content {
        Content::Text(text) => {
            return Ok(Some(Block::text(text)).filter(|block| !block.is_blank()).into_iter().collect());
        }
        Content::Parts(parts) => parts,
    };
    let mut blocks = Vec::with_capacity(parts.len());
    for (j, part) in parts.iter().enumerate() {
        let path = format!("{path}.content[{j}]");
        let body = match part.body() {
            None | Some(PartBody::Text(_) | PartBody::Refusal(_)) => {
                blocks.extend(text(part).filter(|block| !block.is_blank()));
                continue;
            }
            Some(PartBody::Image(image)) => of_image(image, &path, extras)?,
            Some(PartBody::File(file)) => of_file(file, &path)?,
            Some(PartBody::Audio(_)) => return Err(Invalid::unsupported(path, "Anthropic takes no sound")),
        };
        blocks.push(Block { body, cache_control: part.cache_control.as_ref() });
    }
    Ok(blocks)
}

/// A part that is text.
pub(super) fn text(part: &Part) -> Option<Block<'_>> {
    part.as_text().map(|text| Block { cache_control: part.cache_control.as_ref(), ..Block::text(text) })
}

/// An id that Anthropic takes, the same for a call and its result: what is not allowed becomes its code.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    if is_id(id) {
        return Cow::Borrowed(id);
    }
    let mut out = String::from(if id.is_empty() { "call" } else { "" });
    for c in id.chars() {
        if is_of_id(c) {
            out.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "_{:x}", u32::from(c));
        }
    }
    Cow::Owned(out)
}

fn of_image<'a>(image: &'a ImageUrl, path: &str, extras: &mut Extras<'_>) -> Result<Body<'a>, Invalid> {
    if image.detail.as_deref().is_some_and(|detail| detail != "auto") {
        extras.ignore("messages[].content[].image_url.detail");
    }
    let source = match content::Source::of(&image.url) {
        Some(content::Source::Url(url)) => Source::Url { url },
        Some(content::Source::Inline { media_type, data }) if IMAGES.contains(&media_type) => {
            Source::Base64 { media_type, data }
        }
        _ => return Err(Invalid::unsupported(path, "Anthropic takes images as JPEG, PNG, GIF and WebP")),
    };
    Ok(Body::Image { source })
}

fn of_file<'a>(file: &'a FileInput, path: &str) -> Result<Body<'a>, Invalid> {
    let title = file.filename.as_deref().filter(|name| !name.trim().is_empty());
    let Some(data) = file.file_data.as_deref() else {
        return Err(Invalid::unsupported(
            path,
            "a file that was uploaded elsewhere cannot be read; send its `file_data`",
        ));
    };
    let source = match content::Source::of(data) {
        Some(content::Source::Url(url)) => Source::Url { url },
        Some(content::Source::Inline { media_type: media_type @ "application/pdf", data }) => {
            Source::Base64 { media_type, data }
        }
        Some(content::Source::Inline { media_type, data }) if IMAGES.contains(&media_type) => {
            return Ok(Body::Image { source: Source::Base64 { media_type, data } });
        }
        Some(content::Source::Inline { media_type, data }) if media_type.starts_with("text/") => {
            let bytes = STANDARD.decode(data).ok();
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            let data =
                text.ok_or_else(|| Invalid::value(format!("{path}.file.file_data"), "must be UTF-8 in base 64"))?;
            Source::Text { media_type: "text/plain", data }
        }
        _ => return Err(Invalid::unsupported(path, "Anthropic takes documents as PDF and as text")),
    };
    Ok(Body::Document { source, title })
}
