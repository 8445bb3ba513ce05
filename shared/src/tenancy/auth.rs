//! Turns a credential into a principal.

use super::{Principal, TenantId, api_key::ApiKey};
use crate::{
    clock::Clock,
    crypto::secret::Pepper,
    db::{self, Database, api_keys},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a principal is remembered: a revoked key works for at most this long.
pub const PRINCIPAL_TTL: Duration = Duration::from_secs(30);
/// How many principals are remembered in one process.
const MAX_REMEMBERED: usize = 10_000;
/// The only pepper so far; rows carry the version so that it can be rotated.
pub const PEPPER_VERSION: i16 = 1;

/// Checks API keys.
pub struct Authenticator {
    db: Database,
    pepper: Pepper,
    clock: Arc<dyn Clock>,
    remembered: Mutex<HashMap<[u8; 32], Remembered>>,
}

struct Remembered {
    principal: Principal,
    /// Since the Unix epoch: a frozen process's other clock may stand still.
    until: Duration,
}

/// Why there is no principal.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No key, or a malformed, unknown, revoked or expired one. Which of them is nobody's business.
    #[error("no valid API key: send `Authorization: Bearer <key>`")]
    Invalid,
    /// The look-up did not work; the key may well be good.
    #[error("keys cannot be checked right now; try again")]
    Unavailable(#[source] db::Error),
}

impl Authenticator {
    /// Checks keys against this database.
    pub fn new(db: Database, pepper: Pepper, clock: Arc<dyn Clock>) -> Self {
        Self { db, pepper, clock, remembered: Mutex::default() }
    }

    /// Checks the value of an `Authorization` header.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] only when the look-up worked and found nothing that fits.
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<Principal, AuthError> {
        let key = authorization.and_then(bearer).and_then(|text| ApiKey::parse(text).ok()).ok_or(AuthError::Invalid)?;
        let fingerprint = key.fingerprint();
        if let Some(principal) = self.recall(&fingerprint) {
            return Ok(principal);
        }
        let row = api_keys::find(&self.db, key.id()).await.map_err(AuthError::Unavailable)?;
        // The hash is computed whether or not there is a row, so that the time does not tell.
        let hash = key.hash(&self.pepper);
        let row = row.filter(|row| hash.matches(&row.hash)).ok_or(AuthError::Invalid)?;
        let now = self.clock.now();
        let usable = row.pepper_version == PEPPER_VERSION
            && !row.revoked
            && row.expires_at.is_none_or(|at| at > now)
            && row.tenant_status == "active";
        let role = row.role.parse().map_err(|_| AuthError::Invalid)?;
        if !usable {
            return Err(AuthError::Invalid);
        }
        let principal = Principal { tenant: TenantId::from_uuid(row.tenant_id), key: key.id(), role };
        // A key that expires within the time it would be remembered is remembered until then.
        let left = row.expires_at.and_then(|at| Duration::try_from(at - now).ok()).unwrap_or(PRINCIPAL_TTL);
        self.remember(fingerprint, principal.clone(), left.min(PRINCIPAL_TTL));
        Ok(principal)
    }

    fn recall(&self, fingerprint: &[u8; 32]) -> Option<Principal> {
        let now = self.clock.since_epoch();
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(fingerprint).filter(|entry| entry.until > now).map(|entry| entry.principal.clone())
    }

    fn remember(&self, fingerprint: [u8; 32], principal: Principal, ttl: Duration) {
        let now = self.clock.since_epoch();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, entry| entry.until > now);
        }
        if remembered.len() < MAX_REMEMBERED {
            remembered.insert(fingerprint, Remembered { principal, until: now + ttl });
        }
    }
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110 § 11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}
