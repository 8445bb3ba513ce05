//! Tokens that are only a proof of possession: `<id>_<secret>`, as `inv_…_…` for an invitation and `rft_…_…` for a session. The id finds
//! the row, the 256-bit secret is compared with its hash.

use sha2::{Digest, Sha256};
use std::{
    fmt::{self, Display},
    str::FromStr,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const SECRET_BYTES: usize = 32;
const MAX_CHARS: usize = 128;

/// A token in the clear. It is given out once and never stored.
pub struct OpaqueToken<Id> {
    id: Id,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

/// Not a token of that kind; deliberately without a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no such token")]
pub struct NoToken;

impl<Id: Copy + Display> OpaqueToken<Id> {
    /// A new token. `secret` must be random.
    pub fn new(id: Id, secret: Zeroizing<[u8; SECRET_BYTES]>) -> Self {
        Self { id, secret }
    }

    /// The public part.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The whole text, to be given out once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(bs58::encode(self.secret.as_slice()).into_string());
        Zeroizing::new(format!("{}_{}", self.id, secret.as_str()))
    }

    /// What is stored: SHA-256 of the secret. It is random, so there is nothing to guess and no pepper is needed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_slice()).into()
    }

    /// Whether a stored hash is this token's, in constant time.
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.hash().as_slice().ct_eq(stored).into()
    }
}

impl<Id: FromStr> FromStr for OpaqueToken<Id> {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        // Bounded before it is decoded: base 58 is quadratic.
        let (id, secret) = text.rsplit_once('_').filter(|_| text.len() <= MAX_CHARS).ok_or(NoToken)?;
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        match bs58::decode(secret).onto(bytes.as_mut_slice()) {
            Ok(SECRET_BYTES) => Ok(Self { id: id.parse().map_err(|_| NoToken)?, secret: bytes }),
            _ => Err(NoToken),
        }
    }
}

impl<Id: Display> fmt::Debug for OpaqueToken<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpaqueToken({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::{InvitationId, RefreshTokenId};
    use std::time::Duration;

    fn token() -> OpaqueToken<InvitationId> {
        OpaqueToken::new(InvitationId::generate(Duration::from_secs(1)), Zeroizing::new([7; SECRET_BYTES]))
    }

    #[test]
    fn a_token_is_read_back_and_fits_its_hash_only() {
        let token = token();
        let text = token.reveal();
        let read: OpaqueToken<InvitationId> = text.parse().expect("its own text");
        assert_eq!(read.id(), token.id());
        assert!(text.starts_with("inv_") && read.matches(&token.hash()));
        let other = OpaqueToken::new(token.id(), Zeroizing::new([8; SECRET_BYTES]));
        assert!(!read.matches(&other.hash()) && !read.matches(&[]));
    }

    #[test]
    fn what_is_no_token_of_that_kind_is_refused() {
        let text = token().reveal().to_string();
        assert!(text.parse::<OpaqueToken<RefreshTokenId>>().is_err(), "an invitation is no session");
        for wrong in
            ["", "_", "inv_", &text[1..], &text[..text.len() - 2], &format!("{text}{text}{text}"), &format!("{text}0")]
        {
            assert!(wrong.parse::<OpaqueToken<InvitationId>>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_does_not_print_its_secret() {
        let token = token();
        let secret = token.reveal().rsplit_once('_').map(|(_, secret)| secret.to_owned()).expect("two parts");
        assert!(!format!("{token:?}").contains(&secret));
    }
}
