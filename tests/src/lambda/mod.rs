//! A small AWS Lambda, so that tests and the bench run the real function binaries.
//!
//! A function is a process that asks `GET …/invocation/next` for work and posts its answers back. [`RuntimeApi`] is the other end of
//! that conversation, [`Function`] is it together with the process, [`Gateway`] puts an HTTP port in front, and [`Stack`] adds what
//! our functions need to live: a migrated database, a tenant with a key, a mock upstream.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use supergate_tests::lambda::{Function, Version, http_event};
//! # async fn example() {
//! let function = Function::start("target/debug/health", [("AWS_REGION", "eu-central-1")]).await;
//! let event = http_event("GET", "/health", &[], "", Version::V2);
//! let reply = function.invoke(event, Duration::from_secs(5)).await;
//! assert_eq!(reply.status, 200);
//! println!("{}", reply.text().await);
//! function.idle().await; // also what it does after the response is done now
//! # }
//! ```

mod board;
mod event;
mod function;
mod gateway;
mod process;
mod reply;
mod runtime_api;
mod stack;

pub use event::{Version, http_event};
pub use function::{Function, Launch, StartError};
pub use gateway::Gateway;
pub use reply::{InvokeError, Reply};
pub use runtime_api::RuntimeApi;
pub use stack::{Stack, binary, database_role};
