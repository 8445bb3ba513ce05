//! What a request used and what that costs.

mod card;
pub mod ledger;
pub mod pricing;
pub mod report;
mod tokens;

pub use card::{Lane, Modality, ModelCard, ModelKind, Rates, SearchContext, SearchUnit, ServiceTier, Tier, WebSearch};
pub use pricing::{Cost, Nanos};
pub use tokens::{Billed, Terms, Tokens};
