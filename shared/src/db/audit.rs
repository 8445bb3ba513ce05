//! The audit: who did what. Append-only.

use super::{Error, TenantTx};
use crate::tenancy::{AuditId, RequestId};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::types::Type;
use uuid::Uuid;

/// An administrative act.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AuditEvent {
    pub(crate) id: AuditId,
    pub(crate) at: OffsetDateTime,
    /// `key_…`, `usr_…`, or `deployment`.
    pub(crate) actor: String,
    /// As `keys.create`.
    pub(crate) action: String,
    /// The id of what was acted on.
    pub(crate) target: String,
    /// The address that API Gateway saw.
    pub(crate) address: Option<String>,
    pub(crate) request: Option<RequestId>,
    /// What was changed, without secrets.
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

const INSERT: &str = "\
    insert into audit_events (tenant_id, id, at, actor, action, target, address, request_id, before, after) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Appends an event to the transaction's tenant's audit. The act and its event are stored together or not at all.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert(tx: &TenantTx, event: &AuditEvent) -> Result<(), Error> {
    tx.query(
        INSERT,
        &[
            (tx.tenant().as_uuid(), Type::UUID),
            (event.id.as_uuid(), Type::UUID),
            (&event.at, Type::TIMESTAMPTZ),
            (&event.actor, Type::TEXT),
            (&event.action, Type::TEXT),
            (&event.target, Type::TEXT),
            (&event.address, Type::TEXT),
            (&event.request.as_ref().map(RequestId::as_uuid), Type::UUID),
            (&event.before, Type::JSONB),
            (&event.after, Type::JSONB),
        ],
    )
    .await?;
    Ok(())
}

const LIST: &str = "\
    select id, at, actor, action, target, address, request_id, before, after from audit_events \
    where ($1::uuid is null or id < $1) and ($2::text is null or action = $2) and ($3::text is null or actor = $3) \
    order by id desc limit $4";

/// The transaction's tenant's events, newest first, from before one of them on.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn list(
    tx: &TenantTx,
    before: Option<AuditId>,
    action: Option<&str>,
    actor: Option<&str>,
    most: i64,
) -> Result<Vec<AuditEvent>, Error> {
    let params: super::tx::Params<'_> = &[
        (&before.as_ref().map(AuditId::as_uuid), Type::UUID),
        (&action, Type::TEXT),
        (&actor, Type::TEXT),
        (&most, Type::INT8),
    ];
    let rows = tx.query(LIST, params).await?;
    rows.iter()
        .map(|row| {
            let request: Option<Uuid> = row.try_get("request_id")?;
            Ok(AuditEvent {
                id: AuditId::from_uuid(row.try_get("id")?),
                at: row.try_get("at")?,
                actor: row.try_get("actor")?,
                action: row.try_get("action")?,
                target: row.try_get("target")?,
                address: row.try_get("address")?,
                request: request.map(RequestId::from_uuid),
                before: row.try_get("before")?,
                after: row.try_get("after")?,
            })
        })
        .collect()
}
