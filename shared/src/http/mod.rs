//! The way out: one client, and the bytes that come back turned into events.

pub mod aws;
pub mod client;
pub mod events;
pub mod runtime_api;
pub mod tls;
