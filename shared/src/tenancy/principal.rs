//! Who calls.

use super::{KeyId, TenantId};
use std::str::FromStr;

/// A caller whose credential was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose data it may see.
    pub tenant: TenantId,
    /// With which key it came.
    pub key: KeyId,
    /// What it may do.
    pub role: Role,
}

/// What a key was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything, the tenant's end included.
    Owner,
    /// Everything but the tenant's end.
    Admin,
    /// Use.
    Member,
    /// Look.
    Viewer,
}

impl Role {
    /// As the database and the API have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }
}

/// A role that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of owner, admin, member, viewer")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        [Self::Owner, Self::Admin, Self::Member, Self::Viewer]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}
