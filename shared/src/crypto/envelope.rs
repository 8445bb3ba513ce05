//! How a provider's key is sealed: AES-256-GCM under a data key of its own, which KMS wraps. What the seal covers besides the key is whose
//! and what it is, so that a row which is moved to another tenant, provider, credential or version does not open.

use super::secret::ProviderKey;
use crate::tenancy::{CredentialId, TenantId};
use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use std::fmt;
use zeroize::Zeroizing;

/// The form that is written now.
pub const VERSION: i16 = 1;
/// NIST SP 800-38D: 96 bits, random. A data key seals one secret, so they cannot repeat under it.
pub const NONCE_BYTES: usize = 12;
const KEY_BYTES: usize = 32;

/// A key that seals one credential.
pub struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

/// Whose and what a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label<'a> {
    /// Whose.
    pub tenant: TenantId,
    /// Which provider's.
    pub provider: &'a str,
    /// Which.
    pub credential: CredentialId,
}

/// A sealed credential, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// [`VERSION`] of when it was written.
    pub version: i16,
    /// The data key, wrapped by KMS.
    pub wrapped_key: Vec<u8>,
    /// Under which KMS key.
    pub kms_key_id: String,
    /// For AES-GCM.
    pub nonce: [u8; NONCE_BYTES],
    /// With its tag.
    pub ciphertext: Vec<u8>,
}

/// It does not open: it was changed, moved, or sealed under another key. Deliberately without a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the envelope does not open")]
pub struct Broken;

impl DataKey {
    /// Takes the bytes over; none if there are not 32 of them.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let bytes = Zeroizing::new(bytes);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.copy_from_slice(&bytes);
        Some(Self(key))
    }

    /// Seals a credential. `nonce` must be random.
    ///
    /// # Errors
    /// [`Broken`] for a secret that is longer than AES-GCM takes, which no provider's key is.
    pub fn seal(&self, label: &Label<'_>, nonce: [u8; NONCE_BYTES], secret: &str) -> Result<Vec<u8>, Broken> {
        self.encrypt(nonce, secret.as_bytes(), &label.aad(VERSION))
    }

    /// Opens one.
    ///
    /// # Errors
    /// [`Broken`], whatever is wrong with it.
    pub fn open(&self, label: &Label<'_>, envelope: &Envelope) -> Result<ProviderKey, Broken> {
        Ok(ProviderKey::new(std::mem::take(&mut *self.secret(label, envelope)?)))
    }

    /// Opens one and seals the secret under another data key, in the form that is written now. `nonce` must be random.
    ///
    /// # Errors
    /// [`Broken`], whatever is wrong with it.
    pub fn reseal(
        &self,
        label: &Label<'_>,
        envelope: &Envelope,
        new: &Self,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Vec<u8>, Broken> {
        new.seal(label, nonce, &self.secret(label, envelope)?)
    }

    fn secret(&self, label: &Label<'_>, envelope: &Envelope) -> Result<Zeroizing<String>, Broken> {
        let secret = self.decrypt(envelope.nonce, &envelope.ciphertext, &label.aad(envelope.version))?;
        let secret = String::from_utf8(secret).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            Broken
        })?;
        Ok(Zeroizing::new(secret))
    }

    /// Seals any bytes; what the seal covers besides them is `aad`. `nonce` must be random, and a key may seal 2^32 times.
    ///
    /// # Errors
    /// [`Broken`] for more bytes than AES-GCM takes.
    pub fn encrypt(&self, nonce: [u8; NONCE_BYTES], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, Broken> {
        self.cipher()?.encrypt(&Nonce::from(nonce), Payload { msg, aad }).map_err(|_| Broken)
    }

    /// Opens what [`Self::encrypt`] sealed.
    ///
    /// # Errors
    /// [`Broken`], whatever is wrong with it.
    pub fn decrypt(&self, nonce: [u8; NONCE_BYTES], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, Broken> {
        self.cipher()?.decrypt(&Nonce::from(nonce), Payload { msg, aad }).map_err(|_| Broken)
    }

    fn cipher(&self) -> Result<Aes256Gcm, Broken> {
        Aes256Gcm::new_from_slice(self.0.as_slice()).map_err(|_| Broken)
    }
}

impl Label<'_> {
    /// Version, tenant, provider and credential, each behind its length, so that no two labels have the same bytes.
    fn aad(&self, version: i16) -> Vec<u8> {
        let mut aad = Vec::with_capacity(64);
        for field in [
            version.to_be_bytes().as_slice(),
            self.tenant.as_uuid().as_bytes(),
            self.provider.as_bytes(),
            self.credential.as_uuid().as_bytes(),
        ] {
            aad.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            aad.extend_from_slice(field);
        }
        aad
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(***)")
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("version", &self.version).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
