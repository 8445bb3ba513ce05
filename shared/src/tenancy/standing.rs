//! What a tenant is to this deployment, as far as requests care.

use super::{CredentialId, ModelList, TenantId};
use std::{collections::BTreeMap, str::FromStr};

/// A tenant's standing, as it was when its caller was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is served.
    pub status: Status,
    /// What it pays for.
    pub tier: Tier,
    /// None: every model.
    pub allowed_models: Option<ModelList>,
    /// None: every provider.
    pub allowed_providers: Option<Vec<String>>,
    /// Whether its prompts and answers may be cached.
    pub cache_prompts: bool,
    /// Which credential serves which provider: the tenant's own, or the platform's where the tier allows that.
    pub credentials: BTreeMap<String, CredentialRef>,
}

/// A sealed credential, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CredentialRef {
    /// The tenant's own, or [`TenantId::PLATFORM`]'s.
    pub tenant: TenantId,
    /// Which.
    pub id: CredentialId,
}

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Active,
    /// An operator stopped it.
    Suspended,
    /// It is going away.
    Deleting,
}

/// What a tenant pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Nothing.
    Free,
    /// Something.
    Pro,
    /// By contract.
    Enterprise,
    /// By contract, and never with the platform's credentials.
    EnterpriseIndependent,
}

/// A word that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {0}")]
pub struct UnknownWord(String);

impl UnknownWord {
    pub(crate) fn new(known: &[&str]) -> Self {
        Self(known.join(", "))
    }
}

macro_rules! words {
    ($name:ident: $($variant:ident = $word:literal),+) => {
        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As the database and the API have it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl FromStr for $name {
            type Err = $crate::tenancy::standing::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::tenancy::standing::UnknownWord> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|one| one.as_str() == text)
                    .ok_or_else(|| $crate::tenancy::standing::UnknownWord::new(&[$($word),+]))
            }
        }
    };
}
pub(crate) use words;

words!(Status: Active = "active", Suspended = "suspended", Deleting = "deleting");
words!(Tier: Free = "free", Pro = "pro", Enterprise = "enterprise", EnterpriseIndependent = "enterprise-independent");
