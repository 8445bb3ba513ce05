//! What a tenant's administrators do, and what is done by hand or on a schedule: one use case a file.

pub mod audit;
pub mod body;
pub mod budgets;
pub mod cache;
pub mod create_operator_key;
pub mod create_tenant;
pub mod credentials;
mod erasing;
pub mod keys;
mod limits;
mod members;
pub mod migrate;
pub mod office;
pub mod page;
pub mod prices;
pub mod rotation;
pub mod shown;
pub mod tenant;
pub mod usage;

pub use office::Office;
