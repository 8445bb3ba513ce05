//! `/v1/keys`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{Operation, PAGE, delete, get, patch, post};
use crate::tenancy::{Permission, Role};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// What a new key may do. Nobody gives more than they have: role, models, end and limits are within those of the key that makes it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    role: Role,
    /// The models it reaches: `provider/model`, `provider/*`, or a bare name that one provider has. Absent or null: every model.
    #[schema(max_items = 1000)]
    models: Option<Vec<String>>,
    /// What its use is booked under: letters, digits and `_ . : / -`, up to 64. Those of the key that makes it are added.
    #[schema(max_items = 50)]
    tags: Option<Vec<String>>,
    /// When it ends. Absent or null: never.
    expires_at: Option<OffsetDateTime>,
    limits: Option<Limits>,
}

/// What is to change; a field that is absent stays as it is. `models` and `expires_at` as null mean no bound.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyChange {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    role: Option<Role>,
    #[schema(max_items = 1000)]
    models: Option<Vec<String>>,
    #[schema(max_items = 50)]
    tags: Option<Vec<String>>,
    expires_at: Option<OffsetDateTime>,
    limits: Option<Limits>,
}

/// How much at most. Absent or null: no limit of the key's own.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// Requests per minute.
    #[schema(minimum = 1, maximum = 2147483647)]
    rpm: Option<i32>,
    /// Tokens per minute.
    #[schema(minimum = 1)]
    tpm: Option<i64>,
    /// Requests at the same time.
    #[schema(minimum = 1, maximum = 2147483647)]
    concurrency: Option<i32>,
}

/// How long the secret before it still works.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// 0 to 30 days; a day if it is not given.
    #[schema(minimum = 0, maximum = 2592000)]
    overlap_seconds: Option<i64>,
}

/// A key without its secret.
#[derive(ToSchema)]
struct Key {
    id: String,
    name: String,
    /// Its last characters, to tell keys apart.
    masked: String,
    role: Role,
    status: KeyStatus,
    #[schema(required = true)]
    models: Option<Vec<String>>,
    tags: Vec<String>,
    limits: Limits,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    #[schema(required = true)]
    expires_at: Option<OffsetDateTime>,
    #[schema(required = true)]
    revoked_at: Option<OffsetDateTime>,
    /// To within a minute or so; null if it never was.
    #[schema(required = true)]
    last_used_at: Option<OffsetDateTime>,
    /// Until when the secret before the last rotation works.
    #[schema(required = true)]
    previous_until: Option<OffsetDateTime>,
}

/// Whether it opens anything.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum KeyStatus {
    Active,
    Expired,
    Revoked,
}

/// A key with its secret, which is shown only here.
#[derive(ToSchema)]
struct KeyWithSecret {
    /// `sg_live_<id>_<secret>_<checksum>`: store it now.
    key: String,
    #[serde(flatten)]
    rest: Key,
}

const KEY: &str = r#"{
    "id": "key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "name": "search, production", "masked": "sg_live_…x7Qa", "role": "member", "status": "active",
    "models": ["openai/gpt-4o-mini"], "tags": ["team:search"], "limits": {"rpm": 600, "tpm": null, "concurrency": 20},
    "created_at": "2027-01-10T09:30:00Z", "updated_at": "2027-01-10T09:30:00Z", "expires_at": "2099-01-01T00:00:00Z",
    "revoked_at": null, "last_used_at": null, "previous_until": null
}"#;

fn with_secret() -> String {
    KEY.replacen('{', r#"{"key": "sg_live_<id>_<secret>_<checksum>","#, 1)
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/keys", "listKeys", "Lists the tenant's keys, newest first")
            .needs(Permission::ReadKeys)
            .query(PAGE)
            .lists::<Key>("A page of keys.", KEY),
        post("/v1/keys", "createKey", "Makes a key")
            .needs(Permission::ManageKeys)
            .takes::<NewKey>(
                r#"{"name": "search, production", "role": "member", "models": ["openai/gpt-4o-mini"], "tags": ["team:search"],
                    "expires_at": "2099-01-01T00:00:00Z", "limits": {"rpm": 600, "concurrency": 20}}"#,
            )
            .answers::<KeyWithSecret>(201, "The key, with its secret.", &with_secret()),
        get("/v1/keys/{key_id}", "readKey", "Shows a key")
            .needs(Permission::ReadKeys)
            .answers::<Key>(200, "The key.", KEY),
        patch("/v1/keys/{key_id}", "updateKey", "Changes a key")
            .needs(Permission::ManageKeys)
            .takes::<KeyChange>(r#"{"name": "search, staging", "limits": {"rpm": 60}}"#)
            .answers::<Key>(200, "The key as it is now.", KEY)
            .refuses(&[409]),
        delete("/v1/keys/{key_id}", "revokeKey", "Revokes a key")
            .more("It works for up to 30 seconds more: that is how long a key that was checked is remembered.")
            .needs(Permission::ManageKeys)
            .answers_plain(204, "It is revoked.", None)
            .refuses(&[409]),
        post("/v1/keys/{key_id}/rotate", "rotateKey", "Gives a key a new secret")
            .more("The one before works on for the overlap, so that callers can be changed one after the other.")
            .needs(Permission::ManageKeys)
            .may_take::<Rotation>(r#"{"overlap_seconds": 3600}"#)
            .answers::<KeyWithSecret>(200, "The key, with its new secret.", &with_secret())
            .refuses(&[409]),
    ]
}
