//! What a tenant's administrators do, and what is done by hand or on a schedule: one use case a file.

pub mod audit;
pub mod body;
pub mod create_operator_key;
pub mod create_tenant;
pub mod credentials;
mod erasing;
pub mod keys;
mod members;
pub mod migrate;
pub mod office;
pub mod page;
pub mod rotation;
pub mod shown;
pub mod tenant;

pub use office::Office;
