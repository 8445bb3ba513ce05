//! `GET /v1/audit`: what was done, newest first.

use super::{
    office::Office,
    page::Query,
    shown::{self, time},
};
use crate::{
    db::audit::{self, AuditEvent},
    error::GatewayError,
    gateway::call::{Call, Reply},
    tenancy::{AuditId, Permission},
};
use http::StatusCode;
use serde_json::{Value, json};

/// The longest actor that the audit holds.
const MAX_FILTER_CHARS: usize = 400;

/// Answers a request: `?limit=&cursor=&action=&actor=`, and for operators `&tenant_id=`, also of a tenant that is gone.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(office: &Office, call: Call) -> Result<Reply, GatewayError> {
    if call.path.trim_end_matches('/') != "/v1/audit" {
        return Err(GatewayError::NotFound("this path".into()));
    }
    let act = office.authorize(&call, Permission::ReadAudit).await?;
    let query = Query::read(&call.query, &["limit", "cursor", "action", "actor", "tenant_id"])?;
    let page = query.page::<AuditId>()?;
    let (action, actor) = (query.text("action", MAX_FILTER_CHARS)?, query.text("actor", MAX_FILTER_CHARS)?);
    let act = Office::on_named_tenant(act, &query)?;
    let tx = office.begin(&act).await?;
    let rows = audit::list(&tx, page.after, action, actor, page.rows()).await?;
    tx.commit().await?;
    // A tenant begins with an event: where an operator finds none at all, there never was a tenant.
    let all = page.after.is_none() && action.is_none() && actor.is_none();
    if rows.is_empty() && all && act.tenant() != act.grant.tenant() {
        return Err(shown::not_found());
    }
    Reply::json(StatusCode::OK, &page.list(rows, |event| event.id.to_string(), |event| show(&event)))
}

fn show(event: &AuditEvent) -> Value {
    json!({
        "id": event.id.to_string(),
        "at": time(event.at),
        "actor": event.actor,
        "action": event.action,
        "target": event.target,
        "address": event.address,
        "request_id": event.request.map(|request| request.to_string()),
        "before": event.before,
        "after": event.after,
    })
}
