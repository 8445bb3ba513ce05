//! Turns a credential into a principal.

use super::{
    AccessToken, Actor, PersonId, Principal, Rights, Role, Standing, Status, TenantId, TokenKeys, access_token,
    api_key::ApiKey,
    issuers::{Issuers, VouchError},
    jwt::{Jwt, Refused},
    key_check,
    principal::KeyLimits,
};
use crate::{
    causes::BoxError,
    clock::Clock,
    config::Credentials,
    crypto::secret::Peppers,
    db::{self, Database, api_keys, api_keys::KeyRow, bounds::Bounds, people, tenants},
};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a principal is remembered: a revoked key, or the token of a removed member, works for at most this long.
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
    tokens: Arc<TokenKeys>,
    issuers: Issuers,
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

/// Whether a principal that is remembered is enough.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    Serves,
    IsNotAsked,
}

/// A credential that has the form of one.
enum Credential<'a> {
    Key(ApiKey),
    Token(Jwt<'a>),
}

/// Why there is no principal.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No key or token, or a malformed, unknown, revoked or expired one. Which of them is nobody's business.
    #[error("no valid API key or token: send `Authorization: Bearer <key>`")]
    Invalid,
    /// Two credentials, of which nobody could say which counts.
    #[error("more than one credential: send one `Authorization: Bearer <key>` and nothing else")]
    Several,
    /// The look-up did not work; the key may well be good.
    #[error("keys cannot be checked right now; try again")]
    Unavailable(#[from] db::Error),
    /// The identity provider's keys are not known; the token may well be good.
    #[error("tokens of this identity provider cannot be checked right now; try again")]
    IssuerUnavailable(#[source] BoxError),
}

impl Authenticator {
    /// Checks credentials against this database and what the configuration trusts.
    ///
    /// # Errors
    /// When TLS cannot be set up, which would be a fault of the build.
    pub fn new(db: Database, trusted: Credentials, clock: Arc<dyn Clock>) -> Result<Self, BoxError> {
        let Credentials { peppers, tokens, issuers } = trusted;
        let issuers = Issuers::new(issuers, Arc::clone(&clock))?;
        Ok(Self { db, peppers, tokens, issuers, clock, remembered: Mutex::default() })
    }

    /// Checks who sends these headers. Also tells whether the database was asked, rather than the memory.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] only when the look-up worked and found nothing that fits.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<(Principal, bool), AuthError> {
        self.identify(headers, Memory::Serves).await
    }

    /// The same, and always asks the database: for what lasts longer than the memory does. Who was removed or revoked a moment ago makes
    /// nothing any more.
    ///
    /// # Errors
    /// Those of [`Self::authenticate`]; also [`AuthError::Unavailable`] for who is known, when the database is away.
    pub async fn authenticate_anew(&self, headers: &HeaderMap) -> Result<Principal, AuthError> {
        Ok(self.identify(headers, Memory::IsNotAsked).await?.0)
    }

    async fn identify(&self, headers: &HeaderMap, memory: Memory) -> Result<(Principal, bool), AuthError> {
        let text = bearer_of(headers)?;
        let credential = Credential::read(text).ok_or(AuthError::Invalid)?;
        // The whole of it, never a prefix.
        let fingerprint = Sha256::digest(text.as_bytes()).into();
        let now = self.clock.since_epoch();
        let known = self.recall(&fingerprint).filter(|_| memory == Memory::Serves);
        if let Some((principal, _)) = known.as_ref().filter(|(_, until)| *until > now) {
            return Ok((principal.clone(), false));
        }
        let found = match credential {
            Credential::Key(key) => self.look_up_key(&key).await,
            // Boxed: it is large, and most callers have a key.
            Credential::Token(token) => Box::pin(self.look_up_token(token)).await,
        };
        match (found, known) {
            (Ok((principal, ttl)), _) => {
                self.remember(fingerprint, principal.clone(), ttl);
                Ok((principal, true))
            }
            (Err(error), Some((principal, _))) if error.is_outage() => {
                tracing::warn!(error = %crate::causes::chain(&error), "a known caller is served from memory");
                self.wait_with_the_next_look_up(&fingerprint);
                Ok((principal, false))
            }
            (Err(error), _) => {
                // Nobody knows whether it is good: for what memory is enough for, it still is.
                if !error.is_outage() {
                    self.forget(&fingerprint);
                }
                Err(error)
            }
        }
    }

    /// Who sends one of our own access tokens; none if it is another credential. Whether the membership stands is not asked.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] when there is no credential, or a token that is not good.
    pub fn own_token(&self, headers: &HeaderMap) -> Result<Option<AccessToken>, AuthError> {
        match Credential::read(bearer_of(headers)?).ok_or(AuthError::Invalid)? {
            Credential::Token(token) if is_own(&token) => Ok(Some(self.check_own(token)?)),
            _ => Ok(None),
        }
    }

    async fn look_up_key(&self, key: &ApiKey) -> Result<(Principal, Duration), AuthError> {
        let row = api_keys::find(&self.db, key.id()).await?;
        self.principal(key, row)
    }

    /// Our own tokens name a membership and a session, which are looked up; who an identity provider vouches for has none, and the tenant is.
    async fn look_up_token(&self, token: Jwt<'_>) -> Result<(Principal, Duration), AuthError> {
        let (person, tenant, ends, found) = if is_own(&token) {
            let token = self.check_own(token)?;
            let tenant = token.tenant.ok_or(AuthError::Invalid)?;
            let found = people::find_member(&self.db, tenant, token.person, token.session).await?;
            (token.person, tenant, token.ends, found)
        } else {
            let vouched = self.issuers.vouch(token).await.map_err(|error| match error {
                VouchError::Unavailable(source) => AuthError::IssuerUnavailable(source),
                VouchError::Refused(reason) => refused(reason),
            })?;
            let found = tenants::find_standing(&self.db, vouched.tenant, Some(vouched.person)).await?;
            (
                vouched.person,
                vouched.tenant,
                vouched.ends,
                found.map(|(standing, bounds)| (vouched.role, standing, bounds)),
            )
        };
        let (role, standing, bounds) = found.ok_or(AuthError::Invalid)?;
        self.person_principal(person, tenant, role, (standing, bounds), ends)
    }

    fn person_principal(
        &self,
        person: PersonId,
        tenant: TenantId,
        role: Role,
        (standing, bounds): (Standing, Bounds),
        ends: Duration,
    ) -> Result<(Principal, Duration), AuthError> {
        if standing.status != Status::Active {
            return Err(AuthError::Invalid);
        }
        let left = ends.saturating_sub(self.clock.since_epoch());
        let rights = Rights {
            standing,
            models: None,
            tags: Vec::new(),
            limits: KeyLimits::default(),
            member: Some(person),
            policy: bounds.policy,
            prices: bounds.prices,
            cache: bounds.cache,
            answers: bounds.answers,
            // A token's end is not its person's: what they make may last longer.
            expires_at: None,
        };
        let principal = Principal { tenant, actor: Actor::Person(person), role, rights: Arc::new(rights) };
        Ok((principal, left.min(PRINCIPAL_TTL_WITHOUT_DATABASE)))
    }

    fn check_own(&self, token: Jwt<'_>) -> Result<AccessToken, AuthError> {
        self.tokens.verify(token, self.clock.since_epoch()).map_err(refused)
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

impl<'a> Credential<'a> {
    fn read(text: &'a str) -> Option<Self> {
        ApiKey::parse(text).map(Self::Key).ok().or_else(|| Jwt::read(text).map(Self::Token).ok())
    }
}

impl AuthError {
    /// Whether nobody knows whether the credential is good.
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(db::Error::Unavailable(_)) | Self::IssuerUnavailable(_))
    }
}

/// What stands in `Authorization` beside another credential, such as a cookie, which counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// Something that says of itself that it is this person's access token. It may have ended, and nobody has checked it.
    TokenOf(PersonId),
    /// Something else.
    Another,
}

/// Looks at what a request brings beside a credential that counts. Whom it names gives nobody a right: it is for refusing.
pub fn beside(headers: &HeaderMap) -> Beside {
    if !headers.contains_key(header::AUTHORIZATION) {
        return if has_another(headers) { Beside::Another } else { Beside::Nothing };
    }
    let token = bearer_of(headers).ok().and_then(|text| Jwt::read(text).ok()).filter(is_own);
    let person = token.and_then(|token| token.subject()?.parse().ok());
    person.map_or(Beside::Another, Beside::TokenOf)
}

fn is_own(token: &Jwt<'_>) -> bool {
    token.issuer() == Some(access_token::ISSUER)
}

/// Whoever runs this must be able to find out why a token does not count; who sent it need not know.
fn refused(reason: Refused) -> AuthError {
    tracing::info!(%reason, "a token was refused");
    AuthError::Invalid
}

/// The one credential of a request: the token of `Authorization: Bearer <token>`.
fn bearer_of(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let first = all.next();
    // Bytes that are no text are no key.
    let text = first.and_then(|value| value.to_str().ok());
    if all.next().is_some() || (first.is_some() && has_another(headers)) || text.is_some_and(is_joined) {
        return Err(AuthError::Several);
    }
    text.and_then(bearer).ok_or(AuthError::Invalid)
}

/// Whether there is a credential where other APIs have it.
fn has_another(headers: &HeaderMap) -> bool {
    OTHER_CREDENTIALS.iter().any(|name| headers.contains_key(*name))
}

/// Whether it is several headers in one, as API Gateway's HTTP APIs hand them on. No credential of ours has a comma.
fn is_joined(authorization: &str) -> bool {
    authorization.contains(',') && authorization.split(',').any(|part| bearer(part).is_some())
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110 § 11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}
