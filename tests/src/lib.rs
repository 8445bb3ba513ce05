//! The harness: real Postgres, a mock of the five providers, an emulator of Lambda, and the functions in the test's own process.

pub mod app;
pub mod bill;
pub mod cache_rows;
pub mod canned;
pub mod docs;
pub mod dynamo;
pub mod gate;
pub mod issuer;
pub mod kms;
pub mod lambda;
pub mod leaks;
pub mod logs;
pub mod mock;
pub mod office;
pub mod page;
pub mod postgres;
pub mod similar;
pub mod table;
pub mod timing;
pub mod usage;
