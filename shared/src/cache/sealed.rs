//! How an entry is sealed: what was asked and answered, zstd and AES-256-GCM under its tenant's data key. The seal covers every column of
//! the row that does not change, so that a row which was changed, or copied to another tenant, namespace or prompt, does not open.

use super::answer::StoredAnswer;
use crate::{
    crypto::envelope::{Broken, DataKey, NONCE_BYTES},
    tenancy::{CacheEntryId, TenantId},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

/// The form that is written now, and part of what the seal covers.
const VERSION: u8 = 1;
/// More than any answer has; what is sealed is ours, so this only bounds a mistake.
const MOST_BYTES: usize = 8 << 20;
const COMPRESSION_LEVEL: i32 = 3;

/// SHA-256 of something that must be equal.
pub type Hash = [u8; 32];

/// What a row of the table says in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryLabel {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: CacheEntryId,
    /// Which data key it is sealed with.
    pub key: Uuid,
    /// All that must be equal.
    pub namespace: Hash,
    /// The prompt, byte by byte.
    pub exact: Hash,
    /// The prompt's canonical text, where that may answer.
    pub canonical: Option<Hash>,
    /// Who answered.
    pub provider: String,
    /// With which model.
    pub model: String,
    /// When.
    pub created_at: OffsetDateTime,
    /// Until when it answers the same prompt.
    pub exact_until: OffsetDateTime,
    /// Until when it answers the same canonical text.
    pub canonical_until: Option<OffsetDateTime>,
    /// Until when it answers a similar prompt.
    pub similar_until: Option<OffsetDateTime>,
    /// What it takes of the tenant's budget.
    pub bytes: i32,
    /// What the answer cost.
    pub cost_nanos: i64,
}

/// What is sealed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The last thing that the user said, as the guards compare it.
    pub prompt: String,
    /// The vector that belongs to it, see [`hash_of_vector`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Hash>,
    /// What was answered.
    pub answer: StoredAnswer,
}

impl EntryLabel {
    /// All columns in their order, each behind its length, an absent one behind none.
    fn aad(&self) -> Vec<u8> {
        let mut aad = vec![VERSION];
        let mut field = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => {
                aad.push(1);
                aad.extend_from_slice(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
                aad.extend_from_slice(bytes);
            }
            None => aad.push(0),
        };
        field(Some(self.tenant.as_uuid().as_bytes()));
        field(Some(self.id.as_uuid().as_bytes()));
        field(Some(self.key.as_bytes()));
        field(Some(&self.namespace));
        field(Some(&self.exact));
        field(self.canonical.as_ref().map(|hash| &hash[..]));
        field(Some(self.provider.as_bytes()));
        field(Some(self.model.as_bytes()));
        for time in [Some(self.created_at), Some(self.exact_until), self.canonical_until, self.similar_until] {
            field(time.map(|time| time.unix_timestamp_nanos().to_be_bytes()).as_ref().map(|bytes| &bytes[..]));
        }
        field(Some(&self.bytes.to_be_bytes()));
        field(Some(&self.cost_nanos.to_be_bytes()));
        aad
    }
}

/// Compresses what is to be sealed; the entry's size is known then, which the seal covers.
///
/// # Errors
/// [`Broken`] if it cannot be written or is too large.
pub fn pack(content: &Content) -> Result<Vec<u8>, Broken> {
    let json = serde_json::to_vec(content).map_err(|_| Broken)?;
    if json.len() > MOST_BYTES {
        return Err(Broken);
    }
    zstd::bulk::compress(&json, COMPRESSION_LEVEL).map_err(|_| Broken)
}

/// Seals what was packed. `nonce` must be random.
///
/// # Errors
/// [`Broken`] for more than AES-GCM takes.
pub fn seal(key: &DataKey, label: &EntryLabel, nonce: [u8; NONCE_BYTES], packed: &[u8]) -> Result<Vec<u8>, Broken> {
    key.encrypt(nonce, packed, &label.aad())
}

/// Opens an entry.
///
/// # Errors
/// [`Broken`], whatever is wrong with it.
pub fn open(key: &DataKey, label: &EntryLabel, nonce: [u8; NONCE_BYTES], sealed: &[u8]) -> Result<Content, Broken> {
    let packed = key.decrypt(nonce, sealed, &label.aad())?;
    let json = zstd::bulk::decompress(&packed, MOST_BYTES).map_err(|_| Broken)?;
    serde_json::from_slice(&json).map_err(|_| Broken)
}

/// What a vector is as the database keeps it: in 16 bits a number.
#[must_use]
pub fn as_stored(vector: &[f32]) -> Vec<f32> {
    pgvector::HalfVector::from_f32_slice(vector).as_slice().iter().map(|number| number.to_f32()).collect()
}

/// By which an entry knows its vector: another one in its place would answer what was not asked.
#[must_use]
pub fn hash_of_vector(stored: &[f32]) -> Hash {
    let mut hash = Sha256::new();
    stored.iter().for_each(|number| hash.update(number.to_le_bytes()));
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
