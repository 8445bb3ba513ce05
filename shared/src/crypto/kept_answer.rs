//! How an answer is sealed that is kept for a second request with the same idempotency key, and how a request is recognised without being kept.
//!
//! Both keys come from the pepper, which is in no database and no table (docs/adr/0005-kept-answers-are-sealed-under-the-pepper.md): each place
//! has an AES-256-GCM key of its own, HMAC-SHA-256 of the place and of its tenant's salt, which ends with the tenant. What the seal covers
//! besides the answer is whose it is and to which request, so that an item which is moved or put together anew does not open.

use super::{
    envelope::{Broken, DataKey, NONCE_BYTES},
    secret::{Pepper, Peppers},
};
use crate::tenancy::{RequestId, TenantId};
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};
use subtle::ConstantTimeEq;
use uuid::Uuid;

const VERSION_BYTES: usize = 2;

/// What is needed of a tenant to open what is kept for it, besides the pepper: once it is overwritten, nobody does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(Uuid);

/// Where an answer is kept: one tenant's, under one idempotency key. The caller's own words for it are nowhere; their hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    tenant: TenantId,
    salt: Salt,
    key: [u8; 32],
}

/// What is remembered of a request, to tell whether another is the same: a keyed hash of it, from which nobody without the pepper can find it
/// by trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Under which pepper.
    pub pepper_version: i16,
    /// HMAC-SHA-256.
    pub mac: Vec<u8>,
}

/// Seals and opens.
#[derive(Clone)]
pub struct KeptAnswers(Arc<Peppers>);

impl Salt {
    /// As the database has it.
    pub const fn new(salt: Uuid) -> Self {
        Self(salt)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(***)")
    }
}

impl Place {
    /// Of a tenant's idempotency key.
    pub fn new(tenant: TenantId, salt: Salt, key: &str) -> Self {
        Self { tenant, salt, key: Sha256::digest(key.as_bytes()).into() }
    }

    fn bytes(&self) -> Vec<u8> {
        [self.tenant.as_uuid().as_bytes().as_slice(), self.salt.0.as_bytes(), &self.key].concat()
    }
}

/// As a key of a table.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#", self.tenant.as_uuid().simple())?;
        self.key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl KeptAnswers {
    /// Under these peppers.
    pub fn new(peppers: Arc<Peppers>) -> Self {
        Self(peppers)
    }

    /// The mark of a request to a route.
    pub fn mark(&self, place: &Place, route: &str, body: &[u8]) -> Mark {
        Mark { pepper_version: self.0.version(), mac: mac_of(self.0.current(), place, route, body).to_vec() }
    }

    /// Whether a mark is that request's; none if it was made under a pepper that is gone.
    pub fn is_same(&self, mark: &Mark, place: &Place, route: &str, body: &[u8]) -> Option<bool> {
        let pepper = self.0.of_version(mark.pepper_version)?;
        Some(mac_of(pepper, place, route, body).as_slice().ct_eq(&mark.mac).into())
    }

    /// Seals the answer to a request. `nonce` must be random.
    ///
    /// # Errors
    /// [`Broken`] for an answer that is longer than AES-GCM takes.
    pub fn seal(
        &self,
        place: &Place,
        request: RequestId,
        nonce: [u8; NONCE_BYTES],
        answer: &[u8],
    ) -> Result<Vec<u8>, Broken> {
        let version = self.0.version().to_be_bytes();
        let sealed = data_key(self.0.current(), place)?.encrypt(nonce, answer, &label(place, request, version))?;
        Ok([version.as_slice(), &nonce, &sealed].concat())
    }

    /// Opens one.
    ///
    /// # Errors
    /// [`Broken`], whatever is wrong with it; also if its pepper is gone.
    pub fn open(&self, place: &Place, request: RequestId, sealed: &[u8]) -> Result<Vec<u8>, Broken> {
        let (version, rest) = sealed.split_first_chunk::<VERSION_BYTES>().ok_or(Broken)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Broken)?;
        let pepper = self.0.of_version(i16::from_be_bytes(*version)).ok_or(Broken)?;
        data_key(pepper, place)?.decrypt(*nonce, ciphertext, &label(place, request, *version))
    }
}

/// No API key begins like this, so what the pepper makes of either is nothing that it makes of the other.
fn mac_of(pepper: &Pepper, place: &Place, route: &str, body: &[u8]) -> [u8; 32] {
    let (route, body) = (Sha256::digest(route.as_bytes()), Sha256::digest(body));
    pepper.mac(&[b"idempotency mark 2\0".as_slice(), &place.bytes(), &route, &body].concat())
}

fn data_key(pepper: &Pepper, place: &Place) -> Result<DataKey, Broken> {
    let key = pepper.mac(&[b"idempotency seal 2\0".as_slice(), &place.bytes()].concat());
    DataKey::new(key.to_vec()).ok_or(Broken)
}

fn label(place: &Place, request: RequestId, version: [u8; VERSION_BYTES]) -> Vec<u8> {
    [version.as_slice(), &place.bytes(), request.as_uuid().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SALT: Salt = Salt::new(Uuid::from_u128(1));
    const ANOTHER: Salt = Salt::new(Uuid::from_u128(2));

    fn peppers(version: i16, current: u8, previous: Option<u8>) -> KeptAnswers {
        let pepper = |byte| Pepper::new(vec![byte; 32]).expect("long enough");
        KeptAnswers::new(Arc::new(Peppers::new(version, pepper(current), previous.map(pepper))))
    }

    fn request(millis: u64) -> RequestId {
        RequestId::generate(Duration::from_millis(millis))
    }

    #[test]
    fn an_answer_opens_as_what_it_is_and_as_nothing_else() {
        let (tenant, other) = (TenantId::generate(Duration::from_secs(1)), TenantId::generate(Duration::from_secs(2)));
        let (place, asked) = (Place::new(tenant, SALT, "a"), request(1));
        let ours = peppers(2, 1, Some(9));
        let sealed = ours.seal(&place, asked, [7; NONCE_BYTES], b"an answer").expect("sealed");
        assert!(!sealed.windows(6).any(|piece| piece == b"answer"), "it is not in clear");
        let changed: Vec<u8> =
            sealed.iter().rev().enumerate().map(|(i, b)| if i == 0 { b ^ 1 } else { *b }).rev().collect();
        #[rustfmt::skip]
        let table = [
            (&ours,                   place,                   asked,      &sealed[..],     true,  "what was sealed"),
            (&peppers(3, 4, Some(1)), place,                   asked,      &sealed[..],     true,  "under the pepper before"),
            (&peppers(4, 5, Some(4)), place,                   asked,      &sealed[..],     false, "its pepper is gone"),
            (&peppers(2, 3, None),    place,                   asked,      &sealed[..],     false, "another pepper"),
            (&ours,                   Place::new(other, SALT, "a"),  asked,      &sealed[..],     false, "another tenant's place"),
            (&ours,                   Place::new(tenant, SALT, "b"), asked,      &sealed[..],     false, "another key's place"),
            (&ours,                   Place::new(tenant, ANOTHER, "a"), asked, &sealed[..], false, "the salt is gone with its tenant"),
            (&ours,                   place,                   request(2), &sealed[..],     false, "another request"),
            (&ours,                   place,                   asked,      &changed[..],    false, "a changed byte"),
            (&ours,                   place,                   asked,      &sealed[..20],   false, "cut off"),
            (&ours,                   place,                   asked,      &sealed[..1],    false, "next to nothing"),
        ];
        for (keys, place, request, sealed, opens, why) in table {
            assert_eq!(
                keys.open(&place, request, sealed).as_deref().ok(),
                opens.then_some(b"an answer".as_slice()),
                "{why}"
            );
        }
    }

    #[test]
    fn a_request_is_recognised_by_route_and_body() {
        let tenant = TenantId::generate(Duration::from_secs(1));
        let place = Place::new(tenant, SALT, "a");
        let ours = peppers(2, 1, Some(9));
        let mark = ours.mark(&place, "chat", b"{}");
        #[rustfmt::skip]
        let table = [
            (&ours,                   place,                   "chat",       "{}",  Some(true),  "the same"),
            (&peppers(3, 4, Some(1)), place,                   "chat",       "{}",  Some(true),  "after the pepper changed"),
            (&peppers(4, 5, Some(4)), place,                   "chat",       "{}",  None,        "its pepper is gone"),
            (&ours,                   place,                   "embeddings", "{}",  Some(false), "another route"),
            (&ours,                   place,                   "chat",       "{ }", Some(false), "another body"),
            (&ours,                   Place::new(tenant, SALT, "b"), "chat",       "{}",  Some(false), "another place"),
            (&ours,                   Place::new(tenant, ANOTHER, "a"), "chat",    "{}",  Some(false), "without its salt no guess is told to be right"),
        ];
        for (keys, place, route, body, expected, why) in table {
            assert_eq!(keys.is_same(&mark, &place, route, body.as_bytes()), expected, "{why}");
        }
    }

    #[test]
    fn a_place_does_not_say_the_callers_word_for_it() {
        let place = Place::new(TenantId::generate(Duration::from_secs(1)), SALT, "order of ada@example.com");
        assert!(!place.to_string().contains("ada"));
        assert_eq!(place.to_string().len(), 32 + 1 + 64);
    }
}
