//! Limits and budgets. So far how often somebody may try to sign in, and the table in which it is counted.

pub mod attempts;
pub mod dynamo;
