//! Makes a tenant and its first key, which is shown this once.

use super::body::{MAX_NAME_CHARS, plain_text};
use crate::{
    clock::Clock,
    crypto::secret::Peppers,
    db::{
        Database, TenantTx, api_keys,
        api_keys::NewKey,
        audit::{self, AuditEvent},
        tenants,
    },
    error::GatewayError,
    openai::Invalid,
    tenancy::{AuditId, KeyId, Role, TenantId, api_key::ApiKey, principal::KeyLimits},
};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Who the tenant is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// The tenant's name, for people.
    pub name: String,
    /// The first key's name, for people.
    #[serde(default = "first_key")]
    pub key_name: String,
}

fn first_key() -> String {
    "first key".into()
}

pub(super) async fn create(
    db: &Database,
    peppers: &Peppers,
    clock: &dyn Clock,
    new: &NewTenant,
) -> Result<Value, GatewayError> {
    for (field, name) in [("name", &new.name), ("key_name", &new.key_name)] {
        plain_text(name, MAX_NAME_CHARS).map_err(|problem| Invalid::value(field, problem))?;
    }
    let tenant = TenantId::generate(clock.since_epoch());
    let tx = TenantTx::begin(db, tenant).await?;
    tenants::insert(&tx, &new.name).await?;
    let key = insert_first_key(&tx, peppers, clock, &new.key_name, Role::Owner).await?;
    let after = json!({ "name": new.name, "key_id": key.id().to_string() });
    audit::insert(&tx, &by_hand(clock, "tenants.create", tenant.to_string(), after)).await?;
    tx.commit().await?;
    Ok(json!({ "tenant_id": tenant.to_string(), "key_id": key.id().to_string(), "api_key": key.reveal() }))
}

/// What was done by who may invoke the function, whom IAM knows and this program does not.
pub(super) fn by_hand(clock: &dyn Clock, action: &str, target: String, after: Value) -> AuditEvent {
    AuditEvent {
        id: AuditId::generate(clock.since_epoch()),
        at: clock.now(),
        actor: "deployment".into(),
        action: action.into(),
        target,
        address: None,
        request: None,
        before: None,
        after: Some(after),
    }
}

/// A key that the deployment makes, and nobody else.
pub(super) async fn insert_first_key(
    tx: &TenantTx,
    peppers: &Peppers,
    clock: &dyn Clock,
    name: &str,
    role: Role,
) -> Result<ApiKey, GatewayError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|error| GatewayError::Internal(error.into()))?;
    let key = ApiKey::new(KeyId::generate(clock.since_epoch()), &secret);
    let new = NewKey {
        id: key.id(),
        name,
        role,
        hash: &key.hash(peppers.current()),
        pepper_version: peppers.version(),
        ends_with: key.ends_with(),
        models: None,
        tags: &[],
        limits: KeyLimits::default(),
        expires_at: None,
        created_at: clock.now(),
        granted_by: None,
        member: None,
    };
    api_keys::insert(tx, &new).await?;
    Ok(key)
}
