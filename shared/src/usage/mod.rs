//! What a request used and what that costs.

mod card;
mod event;
pub mod ledger;
mod note;
pub mod prices;
pub mod pricing;
pub mod report;
mod row;
mod tokens;

pub use card::{
    Card, Lane, Modality, ModelCard, ModelKind, Rates, SearchContext, SearchUnit, ServiceTier, Tier, WebSearch,
};
pub use event::MAX_END_USER_CHARS;
pub use note::Note;
pub use prices::{Price, PriceList, PriceSetter, ServedWith};
pub use pricing::{Cost, Nanos};
pub use row::UsageRow;
pub use tokens::{Billed, Terms, Tokens};
