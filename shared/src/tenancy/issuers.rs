//! The keys of identity providers: fetched from where the configuration says, remembered, and asked for again when a token names one
//! that is not known.

use super::{
    jwt::{Claims, Jwt, Refused},
    oidc::{Issuer, KeySet, Vouched},
};
use crate::{causes::BoxError, clock::Clock, http::client::Upstream};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long an issuer's keys are used without asking again.
pub const KEYS_TTL: Duration = Duration::from_secs(10 * 60);
/// For how long they are used while the issuer does not answer.
pub const KEYS_TTL_WITHOUT_ISSUER: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon an issuer is asked again: tokens with invented keys must not become requests of ours.
const PAUSE: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_JWKS_BYTES: usize = 1 << 20;

/// The identity providers of the configuration.
pub struct Issuers {
    all: Vec<Known>,
    /// None where there are no issuers.
    upstream: Option<Upstream>,
    clock: Arc<dyn Clock>,
}

struct Known {
    issuer: Issuer,
    fetched: Mutex<Fetched>,
    /// Locked while the issuer is asked: one at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Fetched {
    keys: Option<Arc<KeySet>>,
    /// When these keys came, and when they were last asked for; since the Unix epoch.
    at: Duration,
    asked: Option<Duration>,
}

/// Why nobody is vouched for.
#[derive(Debug, thiserror::Error)]
pub(super) enum VouchError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the identity provider's keys cannot be fetched")]
    Unavailable(#[source] BoxError),
}

impl Issuers {
    /// The issuers of the configuration; nothing is fetched yet.
    ///
    /// # Errors
    /// When TLS cannot be set up, which would be a fault of the build.
    pub fn new(issuers: Vec<Issuer>, clock: Arc<dyn Clock>) -> Result<Self, BoxError> {
        let upstream = if issuers.is_empty() { None } else { Some(Upstream::new(PATIENCE)?) };
        let all = issuers
            .into_iter()
            .map(|issuer| Known { issuer, fetched: Mutex::default(), asking: tokio::sync::Mutex::default() })
            .collect();
        Ok(Self { all, upstream, clock })
    }

    /// Whom a token vouches for.
    pub(super) async fn vouch(&self, token: Jwt<'_>) -> Result<Vouched, VouchError> {
        let known = self.all.iter().find(|known| token.issuer() == Some(known.issuer.name()));
        let (Some(known), Some(upstream)) = (known, &self.upstream) else {
            return Err(Refused("of nobody whom this deployment believes").into());
        };
        let claims = self.claims(known, upstream, token).await?;
        Ok(known.issuer.vouch(&claims, self.clock.since_epoch())?)
    }

    /// Who names a key that is known waits for nobody: an issuer can be slow, and anybody can invent a key.
    async fn claims(&self, known: &Known, upstream: &Upstream, token: Jwt<'_>) -> Result<Claims, VouchError> {
        let now = self.clock.since_epoch();
        if let Some(keys) = known.keys(now, KEYS_TTL).filter(|keys| keys.has_key_of(&token)) {
            return Ok(keys.verify(token)?);
        }
        let asking = match known.asking.try_lock() {
            Ok(asking) => asking,
            Err(_) => match known.keys(now, KEYS_TTL_WITHOUT_ISSUER).filter(|keys| keys.has_key_of(&token)) {
                Some(keys) => return Ok(keys.verify(token)?),
                None => known.asking.lock().await,
            },
        };
        let found = known.keys(now, KEYS_TTL).filter(|keys| keys.has_key_of(&token));
        if found.is_none() && known.may_ask(now) {
            match fetch(upstream, &known.issuer).await {
                Ok(keys) => known.keep(keys, now),
                Err(error) => {
                    let error_text = crate::causes::chain(&*error).to_string();
                    tracing::warn!(
                        error = error_text,
                        issuer = known.issuer.name(),
                        "an issuer's keys were not fetched"
                    );
                }
            }
        }
        drop(asking);
        match known.keys(now, KEYS_TTL_WITHOUT_ISSUER) {
            Some(keys) => Ok(keys.verify(token)?),
            None => Err(VouchError::Unavailable("no keys of the issuer are known".into())),
        }
    }
}

impl Known {
    /// The keys, if they are no older than that.
    fn keys(&self, now: Duration, ttl: Duration) -> Option<Arc<KeySet>> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.keys.clone().filter(|_| fetched.at + ttl > now)
    }

    /// Whether it is time to ask again; then it counts as asked.
    fn may_ask(&self, now: Duration) -> bool {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let may = fetched.asked.is_none_or(|asked| asked + PAUSE <= now);
        if may {
            fetched.asked = Some(now);
        }
        may
    }

    fn keep(&self, keys: KeySet, now: Duration) {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        (fetched.keys, fetched.at) = (Some(Arc::new(keys)), now);
    }
}

async fn fetch(upstream: &Upstream, issuer: &Issuer) -> Result<KeySet, BoxError> {
    let answer = upstream.get(issuer.jwks_url(), PATIENCE).await?;
    if answer.status != 200 {
        return Err(format!("the issuer answered with status {}", answer.status).into());
    }
    let body = tokio::time::timeout(PATIENCE, answer.whole(MAX_JWKS_BYTES)).await??;
    Ok(KeySet::parse(&body)?)
}
