//! Images, documents and sound in a prompt: what the answer says it got.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fault::Fault;

/// What a part of a prompt is, beside text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A picture.
    Image,
    /// A document.
    File,
    /// Sound.
    Audio,
}

/// One such part, as the answer lists it.
#[derive(Debug, Clone)]
pub struct Media {
    kind: Kind,
    /// `image/png 68 bytes`, or an address.
    what: String,
}

impl Media {
    /// Bytes in base64; `label` is a MIME type, or a sound's format.
    ///
    /// # Errors
    /// It is not base64, or nothing.
    pub fn of_base64(kind: Kind, label: &str, data: &str, path: &str) -> Result<Self, Fault> {
        let bytes = STANDARD.decode(data).ok().filter(|bytes| !bytes.is_empty());
        let message = "is not valid base64 data".to_owned();
        let bytes = bytes.ok_or_else(|| Fault::Value { path: path.to_owned(), message })?;
        let label = match kind {
            Kind::Audio if label.is_empty() => sound_format(&bytes),
            _ => label.strip_prefix("audio/").unwrap_or(label),
        };
        Ok(Self { kind, what: format!("{label} {} bytes", bytes.len()) })
    }

    /// A document that is plain text.
    pub fn of_text(text: &str) -> Self {
        Self { kind: Kind::File, what: format!("text/plain {} bytes", text.len()) }
    }

    /// Something at an address, or known to the provider by an id.
    pub fn at(kind: Kind, address: &str) -> Self {
        Self { kind, what: address.to_owned() }
    }
}

/// `data:image/png;base64,…` as its type and its data.
pub fn data_url(url: &str) -> Option<(&str, &str)> {
    let (kind, data) = url.strip_prefix("data:")?.split_once(',')?;
    Some((kind.strip_suffix(";base64")?, data))
}

/// Mistral is not told the format and looks for itself.
fn sound_format(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(b"RIFF") { "wav" } else { "mp3" }
}

/// `images: image/png 68 bytes`, and the like for files and sound.
pub fn facts<'a>(media: impl Iterator<Item = &'a Media> + Clone) -> Vec<String> {
    let of = |(name, kind)| {
        let listed: Vec<&str> = media.clone().filter(|one| one.kind == kind).map(|one| one.what.as_str()).collect();
        (!listed.is_empty()).then(|| format!("{name}: {}", listed.join(", ")))
    };
    [("images", Kind::Image), ("files", Kind::File), ("audio", Kind::Audio)].into_iter().filter_map(of).collect()
}
