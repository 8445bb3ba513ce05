//! Secrets that have nowhere to go: no `Display`, `Serialize`, `Clone` or `PartialEq`.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, header::InvalidHeaderValue};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// A provider's API key. It leaves only as a header that is marked sensitive.
pub struct ProviderKey(Zeroizing<String>);

impl ProviderKey {
    /// Takes a key over.
    pub fn new(key: String) -> Self {
        Self(Zeroizing::new(key))
    }

    /// Strikes the key out of a text, should somebody quote it.
    pub fn strike_out(&self, text: &mut String) {
        // A placeholder of a few letters is no secret, and would make holes in ordinary words.
        if self.0.len() >= 8 && text.contains(self.0.as_str()) {
            *text = text.replace(self.0.as_str(), "***");
        }
    }

    /// The header value `<scheme><key>`, as `Bearer …`.
    ///
    /// # Errors
    /// When the key holds what a header cannot (a line break that slipped in with a paste).
    pub fn header(&self, scheme: &str) -> Result<HeaderValue, InvalidHeaderValue> {
        let text = Zeroizing::new(format!("{scheme}{}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&text)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderKey(***)")
    }
}

/// The secret under which API keys are hashed, ready to hash.
pub struct Pepper(Hmac<Sha256>);

impl Pepper {
    /// The fewest bytes that make a pepper.
    pub const MIN_BYTES: usize = 32;

    /// Takes the bytes over; none if there are fewer than [`Self::MIN_BYTES`].
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let bytes = Zeroizing::new(bytes);
        if bytes.len() < Self::MIN_BYTES {
            return None;
        }
        Hmac::new_from_slice(&bytes).ok().map(Self)
    }

    /// HMAC-SHA-256 of a text.
    pub(crate) fn mac(&self, text: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(text).finalize().into_bytes().into()
    }
}

/// The pepper under which new keys are hashed, and the one before it, under which older rows still are.
#[derive(Debug)]
pub struct Peppers {
    version: i16,
    /// The current one, and the one before it: the current one again if there is none.
    both: [Pepper; 2],
    has_previous: bool,
}

impl Peppers {
    /// `previous` has the version before `version`.
    pub fn new(version: i16, current: Pepper, previous: Option<Pepper>) -> Self {
        let has_previous = previous.is_some();
        let previous = previous.unwrap_or_else(|| Pepper(current.0.clone()));
        Self { version, both: [current, previous], has_previous }
    }

    /// For new keys.
    pub fn current(&self) -> &Pepper {
        &self.both[0]
    }

    /// Of [`Self::current`], as rows carry it.
    pub fn version(&self) -> i16 {
        self.version
    }

    /// The one that a row was hashed under; none if that is neither of the two.
    pub fn of_version(&self, version: i16) -> Option<&Pepper> {
        let (pepper, is_it) = self.to_check(version);
        is_it.then_some(pepper)
    }

    /// The one that a row was hashed under, or else another, and whether it is that one. Takes the same steps for every version.
    pub(crate) fn to_check(&self, version: i16) -> (&Pepper, bool) {
        let is_previous = (version == self.version.wrapping_sub(1)) & self.has_previous;
        (&self.both[usize::from(is_previous)], is_previous | (version == self.version))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let key = ProviderKey::new("sk-canary".into());
        assert!(!format!("{key:?}").contains("canary"));
        let header = key.header("Bearer ").expect("plain text");
        assert!(!format!("{header:?}").contains("canary"), "a sensitive header hides itself");
    }

    #[test]
    fn a_key_that_is_quoted_is_struck_out() {
        let mut text = "bad key Bearer sk-canary-123".to_owned();
        ProviderKey::new("sk-canary-123".into()).strike_out(&mut text);
        assert_eq!(text, "bad key Bearer ***");
    }

    #[test]
    fn a_key_with_a_line_break_is_refused_and_not_sent_as_two_headers() {
        assert!(ProviderKey::new("sk\r\nx-evil: 1".into()).header("Bearer ").is_err());
    }
}
