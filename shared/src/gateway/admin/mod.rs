//! What is done by hand or on a schedule, one use case a function.

pub mod create_tenant;
pub mod migrate;
