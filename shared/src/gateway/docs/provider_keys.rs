//! `/v1/tenant/keys`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::{
    operation::{Operation, delete, get, post, put},
    words::Provider,
};
use crate::tenancy::Permission;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A provider's key.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProviderKey {
    provider: Provider,
    /// As the provider gave it. Its form is checked here, whether the provider takes it is not.
    #[schema(write_only)]
    api_key: String,
}

/// The key in the place of the one that is stored.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ProviderKeyChange {
    #[schema(write_only)]
    api_key: String,
}

/// What is told of a stored key.
#[derive(ToSchema)]
struct ProviderKey {
    id: String,
    provider: Provider,
    last_four: String,
    /// The version of the envelope that it is sealed in.
    key_version: u32,
    created_at: OffsetDateTime,
    /// When it was last sealed: stored, or sealed anew in a rotation.
    sealed_at: OffsetDateTime,
    #[schema(required = true)]
    last_used_at: Option<OffsetDateTime>,
}

const STORED: &str = r#"{"id": "cred_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "provider": "openai", "last_four": "9f3c", "key_version": 1,
    "created_at": "2027-01-10T09:30:00Z", "sealed_at": "2027-01-10T09:30:00Z", "last_used_at": null}"#;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/tenant/keys", "listProviderKeys", "Lists the stored provider keys")
            .needs(Permission::ReadCredentials)
            .lists::<ProviderKey>("One for each provider at most.", STORED),
        post("/v1/tenant/keys", "storeProviderKey", "Stores a provider's key")
            .more("It is sealed under a data key of its own before it is stored. From then on the tenant's requests to that provider use it.")
            .needs(Permission::ManageCredentials)
            .takes::<NewProviderKey>(r#"{"provider": "openai", "api_key": "sk-proj-0123456789abcdef9f3c"}"#)
            .answers::<ProviderKey>(201, "What is told of it.", STORED)
            .refuses(&[409]),
        get("/v1/tenant/keys/{provider}", "readProviderKey", "Shows what is told of a stored key")
            .needs(Permission::ReadCredentials)
            .answers::<ProviderKey>(200, "What is told of it.", STORED),
        put("/v1/tenant/keys/{provider}", "replaceProviderKey", "Stores a key in the place of the one that is there")
            .needs(Permission::ManageCredentials)
            .takes::<ProviderKeyChange>(r#"{"api_key": "sk-proj-0123456789abcdef9f3c"}"#)
            .answers::<ProviderKey>(200, "It replaced another.", STORED)
            .answers::<ProviderKey>(201, "There was none.", STORED),
        delete("/v1/tenant/keys/{provider}", "deleteProviderKey", "Deletes a stored key, and the data key with it")
            .needs(Permission::ManageCredentials)
            .answers_plain(204, "Nobody can read it any more.", None),
    ]
}
