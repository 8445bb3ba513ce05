//! Who calls.

use super::{CredentialRef, KeyId, ModelList, PersonId, Standing, TenantId, standing::words};
use crate::{
    cache::settings::CacheRights,
    crypto::kept_answer::Salt,
    limits::policy::Policy,
    usage::{PriceList, ServedWith},
};
use std::{fmt, str::FromStr, sync::Arc};
use time::OffsetDateTime;

/// A caller whose credential was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// Whose data it may see.
    pub tenant: TenantId,
    /// Who it is.
    pub actor: Actor,
    /// What it may do.
    pub role: Role,
    /// With which bounds.
    pub rights: Arc<Rights>,
}

/// Who acts: a key, or a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// An API key.
    Key(KeyId),
    /// A person with an account here, or whom an identity provider vouches for.
    Person(PersonId),
}

/// The bounds of what a caller may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Rights {
    /// The tenant's.
    pub standing: Standing,
    /// The key's own models; none: whatever the tenant may use.
    pub models: Option<ModelList>,
    /// What the key's use is booked under.
    pub tags: Vec<String>,
    /// The key's own limits.
    pub limits: KeyLimits,
    /// On whom the use is booked: the person themselves, or whose key it is.
    pub member: Option<PersonId>,
    /// All limits, the key's own among them, and the budgets.
    pub policy: Policy,
    /// Prices in the place of the lists', and of models that no list has.
    pub prices: PriceList,
    /// What the cache does.
    pub cache: CacheRights,
    /// What opens the answers that are kept for the tenant.
    pub answers: Salt,
    /// When the key ends.
    pub expires_at: Option<OffsetDateTime>,
}

/// Limits of one key; none: only the tenant's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// Requests per minute.
    pub requests_per_minute: Option<i32>,
    /// Tokens per minute.
    pub tokens_per_minute: Option<i64>,
    /// Requests in flight.
    pub concurrency: Option<i32>,
}

/// What a key or a member was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs the deployment: tenants and the platform's own credentials. Only in [`TenantId::PLATFORM`].
    Operator,
    /// Everything of a tenant, its end included.
    Owner,
    /// Everything but the tenant's end.
    Admin,
    /// Use.
    Member,
    /// Look.
    Viewer,
}

words!(Role: Operator = "operator", Owner = "owner", Admin = "admin", Member = "member", Viewer = "viewer");

impl Role {
    /// Where it stands: who gives rights gives its own or lower ones. The same as `app.role_rank`.
    pub fn rank(self) -> u8 {
        match self {
            Self::Operator => 5,
            Self::Owner => 4,
            Self::Admin => 3,
            Self::Member => 2,
            Self::Viewer => 1,
        }
    }
}

impl Principal {
    /// Whose key of a provider serves it.
    pub fn served_with(&self, provider: &str) -> ServedWith {
        let own = |credential: &CredentialRef| credential.tenant == self.tenant && self.tenant != TenantId::PLATFORM;
        match self.rights.standing.credentials.get(provider).is_some_and(own) {
            true => ServedWith::OwnKey,
            false => ServedWith::PlatformKey,
        }
    }
}

impl Actor {
    /// The key, if it is one.
    pub fn key(self) -> Option<KeyId> {
        match self {
            Self::Key(key) => Some(key),
            Self::Person(_) => None,
        }
    }

    /// The person, if it is one.
    pub fn person(self) -> Option<PersonId> {
        match self {
            Self::Person(person) => Some(person),
            Self::Key(_) => None,
        }
    }
}

/// As the audit has it.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Person(person) => person.fmt(f),
        }
    }
}

#[cfg(test)]
impl Principal {
    /// A key of some tenant, with nothing but a role to bound it.
    pub(crate) fn of_role(role: Role) -> Self {
        let now = std::time::Duration::from_secs(1);
        let standing = Standing {
            status: super::Status::Active,
            tier: super::Tier::Free,
            allowed_models: None,
            allowed_providers: None,
            cache_prompts: true,
            credentials: std::collections::BTreeMap::new(),
        };
        let rights = Rights {
            standing,
            models: None,
            tags: Vec::new(),
            limits: KeyLimits::default(),
            member: None,
            policy: Policy::default(),
            prices: PriceList::default(),
            cache: CacheRights::new(true, &crate::cache::settings::Found::default()),
            answers: Salt::new(uuid::Uuid::nil()),
            expires_at: None,
        };
        let actor = Actor::Key(KeyId::generate(now));
        Self { tenant: TenantId::generate(now), actor, role, rights: Arc::new(rights) }
    }
}
