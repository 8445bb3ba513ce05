//! Secrets and what seals them.

pub mod kms;
pub mod secret;

pub use secret::ProviderKey;
