//! The form of an API key: `sg_live_<id>_<secret>_<crc32>`. The id finds the row, the 256-bit secret proves possession, the checksum
//! lets a typo fail without a look-up and lets secret scanners recognise a leaked key.

use super::KeyId;
use crate::crypto::secret::Pepper;
use std::fmt;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

const PREFIX: &str = "sg_live_";
const SECRET_BYTES: usize = 32;

/// An API key in the clear. It is shown once, when it is made, and never stored.
pub struct ApiKey {
    id: KeyId,
    text: Zeroizing<String>,
}

/// What the database holds instead of a key: HMAC-SHA-256 of the whole text under the pepper.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

/// Not a key of ours; deliberately without a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct Malformed;

impl ApiKey {
    /// A new key. `secret` must be random.
    pub fn new(id: KeyId, secret: &[u8; SECRET_BYTES]) -> Self {
        let id_text = bs58::encode(id.as_uuid().as_bytes()).into_string();
        let secret = Zeroizing::new(bs58::encode(secret).into_string());
        let body = Zeroizing::new(format!("{PREFIX}{id_text}_{}", secret.as_str()));
        let text = Zeroizing::new(format!("{}_{:08x}", body.as_str(), crc32fast::hash(body.as_bytes())));
        Self { id, text }
    }

    /// Reads a key that a caller sent.
    ///
    /// # Errors
    /// [`Malformed`], whatever is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (body, checksum) = text.rsplit_once('_').ok_or(Malformed)?;
        let (id, secret) = body.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(Malformed)?;
        // Bounded before it is decoded: base 58 is quadratic.
        if text.len() > 128 || checksum != format!("{:08x}", crc32fast::hash(body.as_bytes())) {
            return Err(Malformed);
        }
        let mut id_bytes = [0; 16];
        let mut secret_bytes = Zeroizing::new([0; SECRET_BYTES]);
        let id_length = bs58::decode(id).onto(&mut id_bytes).map_err(|_| Malformed)?;
        let secret_length = bs58::decode(secret).onto(secret_bytes.as_mut_slice()).map_err(|_| Malformed)?;
        if (id_length, secret_length) != (id_bytes.len(), SECRET_BYTES) {
            return Err(Malformed);
        }
        Ok(Self { id: KeyId::from_uuid(Uuid::from_bytes(id_bytes)), text: Zeroizing::new(text.to_owned()) })
    }

    /// The public part.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The whole text, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Its last characters, by which people tell keys apart. They are the checksum's: nothing of the secret is in them that the rest of
    /// the key is not needed for.
    pub fn ends_with(&self) -> &str {
        self.text.get(self.text.len().saturating_sub(4)..).unwrap_or_default()
    }

    /// What is stored.
    pub fn hash(&self, pepper: &Pepper) -> KeyHash {
        KeyHash(pepper.mac(self.text.as_bytes()))
    }
}

impl KeyHash {
    /// For the database.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a stored hash is this one, in constant time.
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key() -> ApiKey {
        ApiKey::new(KeyId::generate(Duration::from_secs(1)), &[7; 32])
    }

    #[test]
    fn a_key_is_read_back() {
        let key = key();
        assert_eq!(ApiKey::parse(key.reveal()).expect("its own text").id(), key.id());
    }

    #[test]
    fn any_changed_character_makes_it_malformed() {
        let text = key().reveal().to_owned();
        for i in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[i] = if changed[i] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(ApiKey::parse(&changed).is_err(), "character {i}");
        }
        for other in ["", "_", "sg_live_", "sg_live___", "Bearer x", &format!("{text}0"), &text[1..]] {
            assert!(ApiKey::parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_hash_depends_on_the_key_and_on_the_pepper() {
        let pepper = |byte| Pepper::new(vec![byte; 32]).expect("long enough");
        let key = key();
        let hash = key.hash(&pepper(1));
        assert!(hash.matches(key.hash(&pepper(1)).as_bytes()));
        assert!(!hash.matches(key.hash(&pepper(2)).as_bytes()));
        let other = ApiKey::new(key.id(), &[8; 32]);
        assert!(!hash.matches(other.hash(&pepper(1)).as_bytes()));
        assert!(!hash.matches(&[]));
    }

    #[test]
    fn a_key_does_not_print() {
        assert!(!format!("{:?}", key()).contains("sg_live"));
    }
}
