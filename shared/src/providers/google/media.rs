//! Images, sound and documents: <https://ai.google.dev/gemini-api/docs/generate-content/file-input-methods>.

use super::{
    models::takes_urls,
    signatures::Returned,
    wire::{Blob, Body, FileData, Part},
};
use crate::openai::{
    Invalid,
    chat::Message,
    content::{PartBody, Source},
};
use serde_json::Value;
use std::borrow::Cow;

/// What an assistant's message brings back that the model drew.
const DRAWN: &str = "images";

/// A part as Google takes it; `path` is where it stands in the request. None for a blank text, which Google refuses.
pub(super) fn part<'a>(model: &str, body: PartBody<'a>, path: &str) -> Result<Option<Part<'a>>, Invalid> {
    let url = match body {
        PartBody::Text(text) | PartBody::Refusal(text) => {
            return Ok((!text.trim().is_empty()).then(|| Part::text(text)));
        }
        PartBody::Audio(audio) => {
            let mime_type = Cow::Owned(format!("audio/{}", audio.format));
            return Ok(Some(Part::of(Body::InlineData(Blob { mime_type, data: &audio.data }))));
        }
        PartBody::Image(image) => &image.url,
        PartBody::File(file) => file.file_data.as_ref().ok_or_else(|| {
            Invalid::unsupported(
                format!("{path}.file.file_id"),
                "names a file at OpenAI; send its bytes as `file_data`",
            )
        })?,
    };
    let body = match Source::of(url) {
        Some(Source::Inline { media_type, data }) => {
            // Not a registered type, but a common slip.
            let mime_type = if media_type == "image/jpg" { "image/jpeg" } else { media_type };
            Body::InlineData(Blob { mime_type: Cow::Borrowed(mime_type), data })
        }
        Some(Source::Url(file_uri)) if takes_urls(model) => {
            Body::FileData(FileData { mime_type: mime_type(file_uri), file_uri })
        }
        _ => {
            let problem = "this model takes no URLs; send the bytes as a data URL, as `data:image/png;base64,...`";
            return Err(Invalid::unsupported(path, problem));
        }
    };
    Ok(Some(Part::of(body)))
}

/// The images that an assistant's message brings back, each with the signature it came with.
pub(super) fn drawn<'a>(message: &'a Message, returned: &Returned<'a>, path: &str) -> Result<Vec<Part<'a>>, Invalid> {
    let images = message.other.get(DRAWN).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let parts = images.iter().enumerate().map(|(j, image)| {
        let url = image.get("image_url").and_then(|it| it.get("url")).and_then(Value::as_str);
        let Some(Source::Inline { media_type, data }) = url.and_then(Source::of) else {
            return Err(Invalid::value(format!("{path}[{j}]"), "must be an `image_url` with a data URL"));
        };
        let body = Body::InlineData(Blob { mime_type: Cow::Borrowed(media_type), data });
        Ok(Part { body, thought: false, thought_signature: returned.of_image(j) })
    });
    parts.collect()
}

/// The name by which an unknown field of a message would be named as ignored, if it were not taken here.
pub(super) fn is_taken(ignored: &str) -> bool {
    ignored.strip_prefix("messages[].") == Some(DRAWN)
}

/// Whether a tool's result may hold it: <https://ai.google.dev/gemini-api/docs/function-calling#multimodal>.
pub(super) fn fits_in_result(part: &Part<'_>) -> bool {
    let Body::InlineData(blob) = &part.body else { return false };
    matches!(&*blob.mime_type, "image/png" | "image/jpeg" | "image/webp" | "application/pdf" | "text/plain")
}

/// By the name in the address. None where it says nothing: Google then finds out for itself.
fn mime_type(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let name = path.rsplit('/').next()?;
    Some(match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "html" => "text/html",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}
