//! `GET /v1/usage` and what is below it: what was used, by whom, and what it cost. Members see their own; who may see everything is in
//! `tenancy/rbac.rs`.

mod asked;
mod export;
mod logs;
mod sums;

use super::office::Office;
use crate::{
    error::GatewayError,
    gateway::call::{Call, Reply},
};

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(office: &Office, call: Call) -> Result<Reply, GatewayError> {
    match call.path.trim_end_matches('/') {
        "/v1/usage" => sums::totals(office, &call).await,
        "/v1/usage/breakdown" => sums::breakdown(office, &call).await,
        "/v1/usage/chart" => sums::chart(office, &call).await,
        "/v1/usage/logs" => logs::list(office, &call).await,
        "/v1/usage/export" => export::stream(office, &call).await,
        _ => Err(GatewayError::NotFound("this path".into())),
    }
}
