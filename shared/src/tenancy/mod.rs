//! Who calls, and what they may do.

pub mod access_token;
pub mod api_key;
pub mod auth;
pub mod email;
pub mod ids;
pub mod issuers;
pub mod jwt;
pub mod key_check;
pub mod models;
pub mod oidc;
pub mod opaque;
pub mod principal;
pub mod rbac;
pub mod standing;
pub mod tags;

pub use access_token::{AccessToken, TokenKeys};
pub use email::Email;
pub use ids::{
    AuditId, BudgetId, CacheEntryId, CredentialId, InvitationId, KeyId, PersonId, PriceId, RefreshTokenId, RequestId,
    SessionId, TenantId,
};
pub use models::ModelList;
pub use opaque::OpaqueToken;
pub use principal::{Actor, Principal, Rights, Role};
pub use rbac::{Grant, Permission};
pub use standing::{CredentialRef, Standing, Status, Tier};
