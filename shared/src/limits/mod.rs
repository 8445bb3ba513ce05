//! Limits and budgets: what bounds a caller, what a request asks of that and when it is refused, and the table in which it is counted.
//! `docs/limits.md` says what callers and operators can rely on.

pub mod attempts;
pub mod claim;
pub mod dynamo;
pub mod estimate;
pub mod idempotency;
pub mod local;
pub mod permit;
pub mod policy;
pub mod refusals;
#[cfg(test)]
mod samples;
pub mod slices;
pub mod state;
pub mod told;
pub mod verdict;
pub mod window;

pub use claim::{Ask, ItemKey, Worst};
pub use permit::{Actual, Permit};
pub use policy::{Budget, BudgetScope, LimitRule, LimitScope, Period, Policy, Spending};
pub use verdict::{Headroom, Headrooms, OverBudget, Refusal};
