//! `/v1/tenant`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{Operation, Query, delete, get, patch, post};
use crate::tenancy::{Permission, Status, Tier};
use time::OffsetDateTime;
use utoipa::{ToSchema, openapi::Type};

/// A new tenant.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The name of its first key; `first key` if it is not given.
    #[schema(min_length = 1, max_length = 200)]
    key_name: Option<String>,
    /// `free` if it is not given.
    tier: Option<Tier>,
    settings: Option<SettingsChange>,
}

/// What is to change; a field that is absent stays as it is. `tier` and `status` are the operators' to set.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct TenantChange {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    settings: Option<SettingsChange>,
    tier: Option<Tier>,
    /// `active` or `suspended`: a suspended tenant's keys open nothing.
    status: Option<Status>,
}

/// Null in a list's place: everything is allowed.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct SettingsChange {
    /// `provider/model`, `provider/*`, or a bare name that one provider has.
    #[schema(max_items = 1000)]
    allowed_models: Option<Vec<String>>,
    /// Providers' ids.
    #[schema(max_items = 20)]
    allowed_providers: Option<Vec<String>>,
    cache_prompts: Option<bool>,
}

/// The name again, so that a slip does not end a tenant.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct EndOfTenant {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// A tenant.
#[derive(ToSchema)]
struct Tenant {
    id: String,
    name: String,
    status: Status,
    tier: Tier,
    settings: Settings,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

/// What its callers may do, whatever their keys say.
#[derive(ToSchema)]
struct Settings {
    /// Null: every model.
    #[schema(required = true)]
    allowed_models: Option<Vec<String>>,
    /// Null: every provider.
    #[schema(required = true)]
    allowed_providers: Option<Vec<String>>,
    /// Whether its prompts and answers may be cached.
    cache_prompts: bool,
}

/// A new tenant with its first key, an owner's, which is shown only here.
#[derive(ToSchema)]
struct TenantWithKey {
    #[serde(flatten)]
    tenant: Tenant,
    key_id: String,
    api_key: String,
}

/// How far the end of a tenant is.
#[derive(ToSchema)]
struct Ended {
    id: String,
    /// `deleted`, or `deleting` where rows are left: ask again.
    status: String,
    /// How many stored provider keys can no longer be opened by anybody.
    data_keys_destroyed: u64,
    /// Whether anything readable is left.
    readable_left: bool,
}

const TENANT: &str = r#"{
    "id": "ten_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "name": "Search team", "status": "active", "tier": "pro",
    "settings": {"allowed_models": null, "allowed_providers": ["openai", "mistral"], "cache_prompts": true},
    "created_at": "2027-01-10T09:30:00Z", "updated_at": "2027-01-10T09:30:00Z"
}"#;
const ENDED: &str = r#"{"id": "ten_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "status": "deleted", "data_keys_destroyed": 2, "readable_left": false}"#;

fn with_key() -> String {
    let key = r#"{"key_id": "key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0f", "api_key": "sg_live_<id>_<secret>_<checksum>","#;
    TENANT.replacen('{', key, 1)
}

fn another() -> [Query; 1] {
    [Query("tenant_id", Type::String, "Another tenant, for operators; the caller's own if it is not given.")]
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/tenant", "readTenant", "Shows the tenant")
            .needs(Permission::ReadTenant)
            .query(another())
            .answers::<Tenant>(200, "The tenant.", TENANT)
            .refuses(&[404]),
        post("/v1/tenant", "createTenant", "Makes a tenant with a first key")
            .needs(Permission::ManageTenants)
            .takes::<NewTenant>(
                r#"{"name": "Search team", "tier": "pro", "settings": {"allowed_providers": ["openai", "mistral"]}}"#,
            )
            .answers::<TenantWithKey>(201, "The tenant, with its first key.", &with_key()),
        patch("/v1/tenant", "updateTenant", "Renames the tenant, changes its settings; for operators also tier and status")
            .needs(Permission::UpdateTenant)
            .query(another())
            .takes::<TenantChange>(r#"{"name": "Search and ads", "settings": {"cache_prompts": false}}"#)
            .answers::<Tenant>(200, "The tenant as it is now.", TENANT)
            .refuses(&[404]),
        delete("/v1/tenant", "deleteTenant", "Ends the tenant")
            .more("Its data keys are destroyed first, so that its stored provider keys are unreadable from then on, then its rows.")
            .needs(Permission::DeleteTenant)
            .query(another())
            .takes::<EndOfTenant>(r#"{"name": "Search and ads"}"#)
            .answers::<Ended>(200, "Nothing readable is left.", ENDED)
            .answers::<Ended>(
                202,
                "Rows are left: ask again.",
                &ENDED.replace("deleted\"", "deleting\"").replace("false", "true"),
            )
            .refuses(&[404, 409]),
    ]
}
