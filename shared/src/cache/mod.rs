//! The rules of the cache: what is one question asked twice, and when its answer may be served again. Pure; the store is elsewhere.

pub mod eligibility;
pub mod guards;
pub mod namespace;
pub mod text;
