//! Turns a credential into a principal.

use super::{Actor, Principal, api_key::ApiKey, key_check};
use crate::{
    clock::Clock,
    crypto::secret::Peppers,
    db::{self, Database, api_keys, api_keys::KeyRow},
};
use http::{HeaderMap, header};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a principal is remembered: a revoked key works for at most this long.
pub const PRINCIPAL_TTL: Duration = Duration::from_secs(30);
/// For how long after the last look-up that worked a principal is served while the database is away.
pub const PRINCIPAL_TTL_WITHOUT_DATABASE: Duration = Duration::from_secs(15 * 60);
/// How many principals are remembered in one process.
const MAX_REMEMBERED: usize = 10_000;
/// Where clients of other APIs put their key. Beside `Authorization` nobody could say which counts.
const OTHER_CREDENTIALS: &[&str] = &["api-key", "x-api-key", "x-goog-api-key"];

/// Checks credentials.
pub struct Authenticator {
    db: Database,
    peppers: Arc<Peppers>,
    clock: Arc<dyn Clock>,
    remembered: Mutex<HashMap<[u8; 32], Remembered>>,
}

struct Remembered {
    principal: Principal,
    /// Since the Unix epoch: a frozen process's other clock may stand still.
    until: Duration,
    /// Should the database be away then.
    without_database_until: Duration,
}

/// Why there is no principal.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No key, or a malformed, unknown, revoked or expired one. Which of them is nobody's business.
    #[error("no valid API key: send `Authorization: Bearer <key>`")]
    Invalid,
    /// Two credentials, of which nobody could say which counts.
    #[error("more than one credential: send one `Authorization: Bearer <key>` and nothing else")]
    Several,
    /// The look-up did not work; the key may well be good.
    #[error("keys cannot be checked right now; try again")]
    Unavailable(#[source] db::Error),
}

impl Authenticator {
    /// Checks keys against this database.
    pub fn new(db: Database, peppers: Arc<Peppers>, clock: Arc<dyn Clock>) -> Self {
        Self { db, peppers, clock, remembered: Mutex::default() }
    }

    /// Checks who sends these headers. Also tells whether the database was asked, rather than the memory.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] only when the look-up worked and found nothing that fits.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<(Principal, bool), AuthError> {
        let key = ApiKey::parse(credential(headers)?).map_err(|_| AuthError::Invalid)?;
        let fingerprint = key.fingerprint();
        let now = self.clock.since_epoch();
        let known = self.recall(&fingerprint);
        if let Some((principal, _)) = known.as_ref().filter(|(_, until)| *until > now) {
            return Ok((principal.clone(), false));
        }
        let row = match (api_keys::find(&self.db, key.id()).await, known) {
            (Ok(row), _) => row,
            (Err(error @ db::Error::Unavailable(_)), Some((principal, _))) => {
                tracing::warn!(error = %crate::causes::chain(&error), "the database is away: a known key is served from memory");
                self.wait_with_the_next_look_up(&fingerprint);
                return Ok((principal, false));
            }
            (Err(error), _) => return Err(AuthError::Unavailable(error)),
        };
        match self.principal(&key, row) {
            Ok((principal, ttl)) => {
                self.remember(fingerprint, principal.clone(), ttl);
                Ok((principal, true))
            }
            Err(error) => {
                self.forget(&fingerprint);
                Err(error)
            }
        }
    }

    /// Whom a row makes of a key, and for how long that holds at most.
    fn principal(&self, key: &ApiKey, row: Option<KeyRow>) -> Result<(Principal, Duration), AuthError> {
        let now = self.clock.now();
        let good = key_check::check(key, row.as_ref().map(|row| &row.stored), &self.peppers, now);
        let (Some(good), Some(row)) = (good, row) else { return Err(AuthError::Invalid) };
        // A key that ends within the time it would be remembered is remembered until then.
        let left = good.until.and_then(|at| Duration::try_from(at - now).ok());
        let principal =
            Principal { tenant: row.tenant, actor: Actor::Key(key.id()), role: row.role, rights: Arc::new(row.rights) };
        Ok((principal, left.map_or(PRINCIPAL_TTL_WITHOUT_DATABASE, |left| left.min(PRINCIPAL_TTL_WITHOUT_DATABASE))))
    }

    fn recall(&self, fingerprint: &[u8; 32]) -> Option<(Principal, Duration)> {
        let now = self.clock.since_epoch();
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = remembered.get(fingerprint).filter(|entry| entry.without_database_until > now)?;
        Some((entry.principal.clone(), entry.until))
    }

    /// A database that is away can take long to say so: not every request has to wait for that.
    fn wait_with_the_next_look_up(&self, fingerprint: &[u8; 32]) {
        let until = self.clock.since_epoch() + PRINCIPAL_TTL;
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = remembered.get_mut(fingerprint) {
            entry.until = until.min(entry.without_database_until);
        }
    }

    fn forget(&self, fingerprint: &[u8; 32]) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).remove(fingerprint);
    }

    fn remember(&self, fingerprint: [u8; 32], principal: Principal, ttl: Duration) {
        let now = self.clock.since_epoch();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, entry| entry.until > now);
        }
        if remembered.len() < MAX_REMEMBERED {
            let entry =
                Remembered { principal, until: now + ttl.min(PRINCIPAL_TTL), without_database_until: now + ttl };
            remembered.insert(fingerprint, entry);
        }
    }
}

/// The one credential of a request: the token of `Authorization: Bearer <token>`.
fn credential(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let first = all.next();
    let others = OTHER_CREDENTIALS.iter().filter(|name| headers.contains_key(**name)).count();
    if all.next().is_some() || (first.is_some() && others > 0) {
        return Err(AuthError::Several);
    }
    // Bytes that are no text are no key.
    first.and_then(|value| value.to_str().ok()).and_then(bearer).ok_or(AuthError::Invalid)
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110 § 11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}
