//! Who calls, and what they may do.

pub mod api_key;
pub mod auth;
pub mod ids;
pub mod principal;
pub mod rbac;

pub use ids::{KeyId, RequestId, TenantId};
pub use principal::{Principal, Role};
pub use rbac::{Grant, Permission};
