//! Supergate: one API in front of OpenAI, Anthropic, Google, Cohere and Mistral, as Lambda functions in the user's own account.
//!
//! The layers, each of which may know those under it and never one above: doors ([`web`], [`telemetry`]) → story ([`gateway`],
//! [`error`]) → hands ([`db`], [`http`], and the `dynamo`, `kms`, `auth`, `ledger`, `sink` files) → rules ([`providers`], [`routing`],
//! [`tenancy`], [`limits`], [`cache`], [`usage`], [`alerts`], [`crypto`], [`config`]) → words ([`openai`]). A test reads every `use crate::` against that.

pub mod alerts;
pub mod cache;
pub mod causes;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod error;
pub mod gateway;
pub mod http;
pub mod limits;
pub mod openai;
pub mod providers;
pub mod routing;
pub mod telemetry;
pub mod tenancy;
pub mod usage;
pub mod web;
