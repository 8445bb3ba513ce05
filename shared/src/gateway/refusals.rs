//! What a policy refuses before anything is reserved leaves a row in the ledger too: a caller who cannot get on is seen there. A process
//! writes the same refusal once a minute, so that one who hammers costs no more.

use super::{
    Gateway,
    admission::note_refusal,
    attempt::{Asked, Attempt},
    call::Call,
    upstream,
};
use crate::{
    error::GatewayError,
    routing::plan::{self, Candidate, Unresolved},
    tenancy::{Actor, Grant, TenantId},
    usage::{ModelKind, ledger::UsageEvent},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// For how long the same refusal is not written again.
const QUIET: Duration = Duration::from_secs(60);
/// How many a process remembers. Beyond that each is written.
const MAX_REMEMBERED: usize = 10_000;

/// What this process has written, until when.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Kind, Duration>>);

/// What makes two refusals the same.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    tenant: TenantId,
    actor: Actor,
    status: u16,
    code: Option<String>,
    model: String,
}

impl Refusals {
    fn is_news(&self, row: &UsageEvent, now: Duration) -> bool {
        let kind = Kind {
            tenant: row.tenant,
            actor: row.actor,
            status: row.status,
            code: row.error_code.as_deref().map(str::to_owned),
            model: format!("{}/{}", row.provider, row.model),
        };
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.get(&kind).is_some_and(|until| *until > now) {
            return false;
        }
        if written.len() >= MAX_REMEMBERED {
            written.retain(|_, until| *until > now);
        }
        if written.len() < MAX_REMEMBERED {
            written.insert(kind, now + QUIET);
        }
        true
    }
}

/// Writes the row of a refusal after the response, unless the same was written a moment ago. Nothing may be reserved for the request: the
/// sweeper settles that by the row.
pub(super) fn note(gateway: &Gateway, call: &Call, row: UsageEvent) {
    if gateway.refusals.is_news(&row, gateway.clock.since_epoch()) {
        note_refusal(gateway, call, row);
    }
}

/// The model that the caller names, at the price that holds for them, if it makes that and the caller may use it.
///
/// # Errors
/// 404 for a name that nobody knows; 400 for a model of another kind, or one without a price; 403 for one that the caller may not use. The
/// last two leave a row.
pub(super) fn resolve(
    gateway: &Gateway,
    call: &Call,
    grant: &Grant,
    asked: Asked<'_>,
    tags: &[String],
    kind: ModelKind,
) -> Result<Candidate, GatewayError> {
    let served = |provider: &str| grant.served_with(provider);
    let found = plan::resolve_at(asked.model, &grant.rights().prices, served, gateway.clock.now());
    let (like, unpriced, error) = match found {
        Ok(candidate) => {
            let candidate = candidate.of_kind(kind)?;
            match grant.allow_model(candidate.provider.id(), &candidate.model.id) {
                Ok(()) => return Ok(candidate),
                Err(denied) => (candidate, None, denied.into()),
            }
        }
        Err(Unresolved::NotPriced { name, like: Some(like) }) => {
            let model = name.split_once('/').map_or("", |(_, model)| model).to_owned();
            (like, Some(model), GatewayError::NotPriced(name))
        }
        Err(unresolved) => return Err(upstream::unresolved(unresolved)),
    };
    let mut attempt = Attempt::new(like, grant, call, asked, &gateway.clock);
    attempt.tags = tags.to_vec();
    let row = attempt.refused(&error);
    let row = match unpriced {
        // Only its kind is that of the one it is based on.
        Some(model) => UsageEvent { model: model.into(), price_version: None, ..row },
        None => row,
    };
    note(gateway, call, row);
    Err(error)
}
