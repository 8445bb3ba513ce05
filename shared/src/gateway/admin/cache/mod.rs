//! `/v1/cache` and what is below it: what the cache brought, how often it was wrong, what is in it, and how far it may go. Never what was
//! asked or answered: the database role of this function may not read that.

mod entries;
mod settings;
mod stats;

use super::office::{Act, Office};
use crate::{
    alerts::{Alert, sink::Alerts},
    error::GatewayError,
    gateway::call::{Call, Reply},
};
use http::Method;
use std::sync::Arc;

const ROUTE: &str = "/v1/cache";

/// What the function is built of.
pub struct CacheOffice {
    /// Who calls, and their rows.
    pub office: Office,
    /// Where it is told that similar prompts are not answered any more.
    pub alerts: Arc<Alerts>,
}

impl CacheOffice {
    /// After the response: similar prompts of the act's tenant are not answered any more.
    fn tell_that_it_stopped(&self, call: &Call, act: &Act) {
        let (alerts, alert) =
            (Arc::clone(&self.alerts), Alert::CacheTrust { tenant: act.tenant(), serves: false, at: act.at });
        call.after.defer(async move { alerts.tell(&alert).await });
    }
}

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(function: &CacheOffice, call: Call) -> Result<Reply, GatewayError> {
    let office = &function.office;
    let path = call.path.trim_end_matches('/');
    let parts: Vec<&str> = match path.strip_prefix(ROUTE) {
        Some("") => Vec::new(),
        Some(rest) if rest.starts_with('/') => rest.split('/').skip(1).collect(),
        _ => return Err(GatewayError::NotFound("this path".into())),
    };
    match (&call.method, parts.as_slice()) {
        (&Method::GET, []) => entries::list(office, &call).await,
        (&Method::DELETE, []) => entries::delete_all(office, &call).await,
        (&Method::GET, ["stats"]) => stats::totals(office, &call).await,
        (&Method::GET, ["timeseries"]) => stats::timeseries(office, &call).await,
        (&Method::GET, ["settings"]) => settings::read(office, &call).await,
        (&Method::PATCH, ["settings"]) => settings::change(function, &call).await,
        (&Method::DELETE, ["settings"]) => settings::reset(function, &call).await,
        (method, ["stats" | "timeseries" | "settings"]) => Err(GatewayError::MethodNotAllowed(method.to_string())),
        (&Method::GET, [id]) => entries::read(office, &call, id).await,
        (&Method::DELETE, [id]) => entries::delete(office, &call, id).await,
        (&Method::POST, [id, "report"]) => entries::report(function, &call, id).await,
        (method, [] | [_] | [_, "report"]) => Err(GatewayError::MethodNotAllowed(method.to_string())),
        _ => Err(GatewayError::NotFound("this path".into())),
    }
}
