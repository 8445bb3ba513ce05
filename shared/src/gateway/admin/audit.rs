//! `GET /v1/audit`: what was done, newest first.

use super::{office::Office, page::Query, shown::time};
use crate::{
    db::audit::{self, AuditEvent},
    error::GatewayError,
    gateway::call::{Call, Reply},
    tenancy::{AuditId, Permission},
};
use http::StatusCode;
use serde_json::{Value, json};

/// Answers a request: `?limit=&cursor=&action=&actor=`.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(office: &Office, call: Call) -> Result<Reply, GatewayError> {
    if call.path.trim_end_matches('/') != "/v1/audit" {
        return Err(GatewayError::NotFound("this path".into()));
    }
    let act = office.authorize(&call, Permission::ReadAudit).await?;
    let query = Query::read(&call.query, &["limit", "cursor", "action", "actor"])?;
    let page = query.page::<AuditId>()?;
    let tx = office.begin(&act).await?;
    let rows = audit::list(&tx, page.after, query.get("action"), query.get("actor"), page.rows()).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &page.list(rows, |event| event.id.to_string(), show))
}

fn show(event: AuditEvent) -> Value {
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
