//! The semantic cache.

pub mod embed;
