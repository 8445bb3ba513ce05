//! The harness: real Postgres, a mock of the five providers, an emulator of Lambda, and the functions in the test's own process.

pub mod app;
pub mod canned;
pub mod docs;
pub mod lambda;
pub mod mock;
pub mod postgres;
