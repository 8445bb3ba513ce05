//! The cache: what is one question asked twice, when its answer may be served again, and where answers are kept.
//!
//! A request is looked at in this order: [`control`] (what its caller said), [`eligibility`] (what may be cached at all), [`namespace`] (what
//! must be equal byte for byte), [`text`] (tier 1), [`guards`] (tier 2), [`decide`] (which of them are asked and what is served). What is
//! known of how often that was wrong is [`trust`]; what a tenant and a key set is [`settings`]; what it brought is [`savings`]. Those are pure. [`embed`] makes vectors, [`answer`] is
//! what is stored, [`store`] keeps it.

pub mod answer;
pub mod compare;
pub mod control;
pub mod decide;
pub mod eligibility;
pub mod embed;
pub mod embedding;
pub mod guards;
pub mod keys;
pub mod namespace;
pub mod resting;
pub mod savings;
pub mod sealed;
pub mod settings;
pub mod store;
pub mod text;
pub mod trust;
