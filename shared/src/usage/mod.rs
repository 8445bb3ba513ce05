//! What a request used and what that costs.

pub mod ledger;
pub mod pricing;

pub use pricing::{Cost, ModelCard, ModelKind, Nanos, Rates, Tier, Tokens};
