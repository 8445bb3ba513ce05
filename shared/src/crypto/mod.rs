//! Secrets and what seals them.

pub mod envelope;
pub mod kms;
pub mod secret;
pub mod vault;

pub use secret::ProviderKey;
