//! Our own access tokens: what a person who signed in carries, for fifteen minutes. HS256, because the only ones who check them are
//! functions of this deployment, which share their secrets; the key's version is its id.

use super::{
    PersonId, SessionId, TenantId,
    jwt::{Jwt, Refused, Signature},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde_json::json;
use std::{fmt, time::Duration};
use zeroize::Zeroizing;

/// How long an access token is good for.
pub const ACCESS_TOKEN_TTL: Duration = Duration::from_secs(15 * 60);
/// Who signs, and for whom.
pub const ISSUER: &str = "supergate";
const TYPE: &str = "at+jwt"; // RFC 9068

/// Who carries a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessToken {
    /// The person.
    pub person: PersonId,
    /// The tenant that they act for; none for somebody who is a member of none. Whether the membership stands is asked at every use.
    pub tenant: Option<TenantId>,
    /// The session that it came from.
    pub session: SessionId,
    /// When it ends, since the Unix epoch.
    pub ends: Duration,
}

/// The key that signs new tokens, and the one before it, whose tokens are still about.
pub struct TokenKeys {
    version: u16,
    signs: EncodingKey,
    checks: DecodingKey,
    previous: Option<DecodingKey>,
}

impl TokenKeys {
    /// The fewest bytes that make a key.
    pub const MIN_BYTES: usize = 32;

    /// From secrets; `previous` has the version before `version`. None if one is shorter than [`Self::MIN_BYTES`].
    pub fn new(version: u16, current: &Zeroizing<String>, previous: Option<&Zeroizing<String>>) -> Option<Self> {
        let long_enough = |secret: &Zeroizing<String>| secret.len() >= Self::MIN_BYTES;
        if !long_enough(current) || previous.is_some_and(|secret| !long_enough(secret)) {
            return None;
        }
        Some(Self {
            version,
            signs: EncodingKey::from_secret(current.as_bytes()),
            checks: DecodingKey::from_secret(current.as_bytes()),
            previous: previous.map(|secret| DecodingKey::from_secret(secret.as_bytes())),
        })
    }

    /// Writes a token.
    ///
    /// # Errors
    /// [`Refused`] when it cannot be written, which would be a fault of ours.
    pub fn sign(&self, token: &AccessToken, now: Duration) -> Result<String, Refused> {
        let header =
            Header { typ: Some(TYPE.into()), kid: Some(key_id(self.version)), ..Header::new(Algorithm::HS256) };
        let claims = json!({
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": token.person.to_string(),
            "tenant": token.tenant.map(|tenant| tenant.to_string()),
            "session": token.session.to_string(),
            "iat": now.as_secs(),
            "exp": token.ends.as_secs(),
        });
        jsonwebtoken::encode(&header, &claims, &self.signs).map_err(|_| Refused("a token cannot be written"))
    }

    /// Reads a token that one of the two keys signed and that has not ended.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(&self, token: Jwt<'_>, now: Duration) -> Result<AccessToken, Refused> {
        let key = self.key(token.key_id()).ok_or(Refused("signed with a key that is not ours any more"))?;
        let claims = token.verify(key, Signature::Hs256)?;
        let ends = claims.check(ISSUER, ISSUER, now, Duration::ZERO)?;
        let (person, session) = (claims.text("sub"), claims.text("session"));
        let none = Refused("not of our form");
        Ok(AccessToken {
            person: person.and_then(|id| id.parse().ok()).ok_or(none)?,
            tenant: claims.text("tenant").map(str::parse).transpose().map_err(|_| none)?,
            session: session.and_then(|id| id.parse().ok()).ok_or(none)?,
            ends,
        })
    }

    fn key(&self, id: Option<&str>) -> Option<&DecodingKey> {
        let id = id?;
        if id == key_id(self.version) {
            return Some(&self.checks);
        }
        self.previous.as_ref().filter(|_| self.version.checked_sub(1).is_some_and(|version| id == key_id(version)))
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKeys({})", self.version)
    }
}

fn key_id(version: u16) -> String {
    format!("v{version}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn secret(letter: &str) -> Zeroizing<String> {
        Zeroizing::new(letter.repeat(32))
    }

    fn keys(version: u16, current: &str, previous: Option<&str>) -> TokenKeys {
        TokenKeys::new(version, &secret(current), previous.map(secret).as_ref()).expect("long enough")
    }

    fn token() -> AccessToken {
        AccessToken {
            person: PersonId::generate(NOW),
            tenant: Some(TenantId::generate(NOW)),
            session: SessionId::generate(NOW),
            ends: NOW + ACCESS_TOKEN_TTL,
        }
    }

    fn verify(keys: &TokenKeys, text: &str, now: Duration) -> Result<AccessToken, Refused> {
        keys.verify(Jwt::read(text)?, now)
    }

    #[test]
    fn a_token_is_read_back_until_it_ends() {
        let (keys, token) = (keys(1, "a", None), token());
        let text = keys.sign(&token, NOW).expect("a token");
        assert_eq!(verify(&keys, &text, NOW), Ok(token));
        let last = NOW + ACCESS_TOKEN_TTL - Duration::from_millis(1);
        assert_eq!(verify(&keys, &text, last), Ok(token));
        assert_eq!(verify(&keys, &text, NOW + ACCESS_TOKEN_TTL), Err(Refused("expired")));
    }

    #[test]
    fn a_rotated_key_is_good_for_one_rotation() {
        let text = keys(1, "a", None).sign(&token(), NOW).expect("a token");
        #[rustfmt::skip]
        let table = [
            (keys(1, "a", None),      true,  "its own key"),
            (keys(2, "b", Some("a")), true,  "the key before"),
            (keys(2, "b", None),      false, "the key before is gone"),
            (keys(3, "c", Some("b")), false, "two rotations ago"),
            (keys(1, "b", None),      false, "another key of the same version"),
            (keys(3, "c", Some("a")), false, "the right key under another version"),
        ];
        for (keys, good, why) in table {
            assert_eq!(verify(&keys, &text, NOW).is_ok(), good, "{why}");
        }
    }

    #[test]
    fn a_changed_token_is_refused_wherever_it_is_changed() {
        let keys = keys(1, "a", None);
        let text = keys.sign(&token(), NOW).expect("a token");
        for i in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(verify(&keys, &changed, NOW).is_err(), "character {i}");
        }
    }

    #[test]
    fn what_a_token_says_about_its_own_algorithm_does_not_count() {
        let keys = keys(1, "a", None);
        let text = keys.sign(&token(), NOW).expect("a token");
        let claims = text.split('.').nth(1).expect("claims");
        for header in [
            json!({"alg": "none", "kid": "v1"}),
            json!({"alg": "None", "kid": "v1"}),
            json!({"alg": "HS512", "kid": "v1"}),
            json!({"alg": "RS256", "kid": "v1"}),
            json!({"alg": "HS256"}),
            json!({"alg": "HS256", "kid": "v1", "crit": ["x"]}),
            json!({"kid": "v1"}),
        ] {
            let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
            for signature in ["", text.rsplit('.').next().expect("a signature")] {
                assert!(verify(&keys, &format!("{header}.{claims}.{signature}"), NOW).is_err(), "{header}");
            }
        }
    }

    #[test]
    fn a_key_is_long_and_does_not_print() {
        let short = Zeroizing::new("a".repeat(31));
        assert!(TokenKeys::new(1, &short, None).is_none());
        assert!(TokenKeys::new(2, &secret("a"), Some(&short)).is_none());
        assert_eq!(format!("{:?}", keys(1, "a", None)), "TokenKeys(1)");
    }
}
