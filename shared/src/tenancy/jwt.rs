//! JSON Web Tokens, read strictly: the key says which algorithm counts, and the token only whether it agrees.

use crate::openai::json;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};
use std::time::Duration;

/// The longest token that is read.
const MAX_BYTES: usize = 16 * 1024;

/// A token whose signature nobody has looked at yet.
pub struct Jwt<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// What is signed.
    message: &'a str,
    signature: &'a str,
}

/// What a token that was signed by who it says claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

/// Why a token is not accepted. For the log: the caller hears only that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// An algorithm that keys are made for here, with the name that tokens call it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// HMAC with SHA-256: our own tokens only.
    Hs256,
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Signature {
    /// As in a token's `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

impl<'a> Jwt<'a> {
    /// Reads a token without believing it.
    ///
    /// # Errors
    /// [`Refused`] when it is none, or asks for something that is not understood here.
    pub fn read(text: &'a str) -> Result<Self, Refused> {
        let no_token = Refused("not three parts of base 64");
        let (message, signature) = text.rsplit_once('.').filter(|_| text.len() <= MAX_BYTES).ok_or(no_token)?;
        let (header, claims) = message.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or(no_token)?;
        let (header, claims) = (object(header).ok_or(no_token)?, object(claims).ok_or(no_token)?);
        // RFC 7515 § 4.1.11: who does not understand what is critical must refuse.
        if header.contains_key("crit") || header.contains_key("zip") || header.contains_key("enc") {
            return Err(Refused("an extension that is not understood"));
        }
        Ok(Self { header, claims, message, signature })
    }

    /// Which key it says it is signed with.
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid")?.as_str()
    }

    /// Who it says has signed it. Only to find the key: it is checked again by whose key it is.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// Whom it says it is about, which is not to be believed.
    pub fn subject(&self) -> Option<&str> {
        self.claims.get("sub")?.as_str()
    }

    /// Whether it says that it is signed in this way.
    pub fn is_signed_with(&self, signature: Signature) -> bool {
        self.header.get("alg").and_then(Value::as_str) == Some(signature.name())
    }

    /// What it claims, if this key signed it, in the way that this key signs.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(self, key: &DecodingKey, signature: Signature) -> Result<Claims, Refused> {
        if !self.is_signed_with(signature) {
            return Err(Refused("signed in another way than its key signs"));
        }
        match jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, signature.algorithm()) {
            Ok(true) => Ok(Claims(self.claims)),
            Ok(false) | Err(_) => Err(Refused("the signature does not fit")),
        }
    }
}

impl Claims {
    /// That it is by this issuer, for this audience, and of now; gives the moment at which it ends, since the Unix epoch.
    ///
    /// # Errors
    /// [`Refused`] says which of these it is not.
    pub fn check(&self, issuer: &str, audience: &str, now: Duration, skew: Duration) -> Result<Duration, Refused> {
        if self.text("iss") != Some(issuer) {
            return Err(Refused("another issuer's"));
        }
        if !self.texts("aud").any(|one| one == audience) {
            return Err(Refused("for another audience"));
        }
        let ends = self.moment("exp")?.ok_or(Refused("without an end"))?;
        if ends <= now {
            return Err(Refused("expired"));
        }
        if self.moment("nbf")?.is_some_and(|begins| begins > now + skew) {
            return Err(Refused("not yet valid"));
        }
        Ok(ends)
    }

    /// A claim that is a string. A name with dots in it leads into objects, unless a claim has that very name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.find(name)?.as_str()
    }

    /// A claim that is a string or an array with strings.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let claim = self.find(name);
        let one = claim.and_then(Value::as_str);
        let several = claim.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        one.into_iter().chain(several)
    }

    fn find(&self, name: &str) -> Option<&Value> {
        let inside = || {
            let mut path = name.split('.');
            let first = self.0.get(path.next()?)?;
            path.try_fold(first, |value, name| value.get(name))
        };
        self.0.get(name).or_else(inside)
    }

    /// A NumericDate (RFC 7519 § 2), which need not be whole.
    fn moment(&self, name: &str) -> Result<Option<Duration>, Refused> {
        let Some(claim) = self.0.get(name) else { return Ok(None) };
        let moment = claim.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        moment.map(Some).ok_or(Refused("a time that is none"))
    }
}

/// A part of a token: one strict JSON object.
fn object(part: &str) -> Option<Map<String, Value>> {
    match json::parse(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}
