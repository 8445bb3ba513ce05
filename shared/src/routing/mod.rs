//! Which provider and model serve a request.

pub mod plan;
