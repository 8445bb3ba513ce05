//! The rules of the cache: what is one question asked twice, and when its answer may be served again. Pure; the store is elsewhere.
//!
//! A request is looked at in this order: [`control`] (what its caller said), [`eligibility`] (what may be cached at all), [`namespace`] (what
//! must be equal byte for byte), [`text`] (tier 1), [`guards`] (tier 2), [`decide`] (which of them are asked and what is served). What is
//! known of how often that was wrong is [`trust`]; what it brought is [`savings`].

pub mod control;
pub mod decide;
pub mod eligibility;
pub mod guards;
pub mod namespace;
pub mod savings;
pub mod text;
pub mod trust;
