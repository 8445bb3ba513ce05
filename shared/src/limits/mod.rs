//! Limits and budgets. So far only the table they will live in, which the health function looks at.

pub mod dynamo;
