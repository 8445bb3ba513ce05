//! The harness: real Postgres, a mock of the five providers, an emulator of Lambda, and the functions in the test's own process.

pub mod app;
pub mod canned;
pub mod docs;
pub mod dynamo;
pub mod issuer;
pub mod kms;
pub mod lambda;
pub mod logs;
pub mod mock;
pub mod office;
pub mod page;
pub mod postgres;
pub mod timing;
