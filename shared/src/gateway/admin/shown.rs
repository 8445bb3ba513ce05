//! What administrative bodies have in common: times, names of models, tags, and what is not there.

use crate::{error::GatewayError, gateway::call::Reply, providers, routing::plan, tenancy::tags};
use http::StatusCode;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// RFC 3339, in UTC.
pub(crate) fn time(at: OffsetDateTime) -> String {
    // Only years of five digits have no such form, and the database's times are read from a clock.
    at.format(&Rfc3339).unwrap_or_default()
}

/// An answer that holds a secret, which is given out this once: nobody in between may keep it.
///
/// # Errors
/// [`GatewayError::Internal`] when it cannot be written.
pub(crate) fn once(status: StatusCode, value: &Value) -> Result<Reply, GatewayError> {
    let mut reply = Reply::json(status, value)?;
    reply.set("cache-control", "no-store");
    Ok(reply)
}

/// What is not there, and what is another tenant's: the same.
pub(crate) fn not_found() -> GatewayError {
    GatewayError::NotFound("this id".into())
}

/// Who set something: the tenant's administrators, or the operators of the deployment, whose word the tenant cannot change.
pub(crate) fn set_by(operator: bool) -> &'static str {
    if operator { "operator" } else { "tenant" }
}

/// The full name of a model: `provider/model`, `provider/*`, or a bare name that one provider has.
///
/// # Errors
/// What is wrong with it, for a person.
pub(crate) fn model_name(text: &str) -> Result<String, String> {
    if let Some(provider) = text.strip_suffix("/*") {
        return match providers::provider(provider) {
            Some(_) => Ok(text.to_owned()),
            None => Err("names a provider that there is none of".into()),
        };
    }
    plan::resolve(text).map(|candidate| candidate.name()).map_err(|unknown| unknown.0)
}

/// The id of a provider.
///
/// # Errors
/// What is wrong with it, for a person.
pub(crate) fn provider_name(text: &str) -> Result<String, String> {
    let ids: Vec<&str> = providers::ALL.iter().map(|provider| provider.id()).collect();
    if ids.contains(&text) { Ok(text.to_owned()) } else { Err(format!("must be one of {}", ids.join(", "))) }
}

/// Something that use is booked under: letters, digits and `_ . : / -`.
///
/// # Errors
/// What is wrong with it, for a person.
pub(crate) fn tag(text: &str) -> Result<String, String> {
    tags::check(text).map(|()| text.to_owned())
}
