//! The semantic cache.

pub mod answer;
pub mod embed;
pub mod embedding;
pub mod keys;
pub mod sealed;
pub mod store;
