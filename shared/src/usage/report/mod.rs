//! What was used, as reports tell it: over which time, by what, and as which table.

mod entry;
mod sheet;
mod sums;
mod window;

pub use entry::Entry;
pub use sheet::{Sheet, Titles};
pub use sums::{Dimension, Group, Grouping, Sums};
pub use window::{Cut, Period, Window};
