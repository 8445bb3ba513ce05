//! Limits and budgets: what bounds a caller, how often somebody may try to sign in, and the table in which it is counted.

pub mod attempts;
pub mod dynamo;
pub mod policy;

pub use policy::{Budget, BudgetScope, LimitRule, LimitScope, Period, Policy, Spending};
