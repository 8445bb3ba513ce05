//! Secrets and what seals them.

pub mod envelope;
pub mod kept_answer;
pub mod kms;
pub mod password;
pub mod secret;
pub mod vault;

pub use secret::ProviderKey;
