//! `/v1/audit`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{Operation, PAGE, Query, get};
use crate::tenancy::Permission;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{ToSchema, openapi::Type};

/// One administrative act.
#[derive(ToSchema)]
struct AuditEvent {
    id: String,
    at: OffsetDateTime,
    /// The key or the person: `key_…`, `usr_…`.
    actor: String,
    /// As `keys.create`.
    action: String,
    /// The id of what it was done to.
    target: String,
    /// Whence the request came.
    #[schema(required = true)]
    address: Option<String>,
    #[schema(required = true)]
    request_id: Option<String>,
    /// What it was, without secrets; null for what was made.
    before: Value,
    /// What it became, without secrets; null for what was ended.
    after: Value,
}

const EVENT: &str = r#"{"id": "aud_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "at": "2027-01-10T09:30:00Z",
    "actor": "key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "action": "provider_keys.store", "target": "cred_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e",
    "address": "203.0.113.10", "request_id": "req_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e",
    "before": null, "after": {"id": "cred_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "provider": "openai", "last_four": "9f3c"}}"#;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/audit", "listAudit", "Lists what was done, newest first")
            .needs(Permission::ReadAudit)
            .query(PAGE)
            .query([
                Query("action", Type::String, "Only acts of this kind, as `keys.create`."),
                Query("actor", Type::String, "Only acts of this key or person."),
                Query("tenant_id", Type::String, "Another tenant, for operators; the caller's own if it is not given."),
            ])
            .lists::<AuditEvent>("A page of acts.", EVENT),
    ]
}
