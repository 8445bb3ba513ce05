//! Makes a tenant and its first key, which is shown this once.

use crate::{
    clock::Clock,
    crypto::secret::Peppers,
    db::{Database, TenantTx, api_keys, api_keys::NewKey, tenants},
    error::GatewayError,
    openai::Invalid,
    tenancy::{KeyId, Role, TenantId, api_key::ApiKey, principal::KeyLimits},
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

const MAX_NAME_CHARS: usize = 200;

pub(super) async fn create(
    db: &Database,
    peppers: &Peppers,
    clock: &dyn Clock,
    new: &NewTenant,
) -> Result<Value, GatewayError> {
    for (field, name) in [("name", &new.name), ("key_name", &new.key_name)] {
        let length = name.chars().count();
        if !(1..=MAX_NAME_CHARS).contains(&length) || name.chars().any(char::is_control) {
            return Err(Invalid::value(field, "must have 1 to 200 characters and no control characters").into());
        }
    }
    let now = clock.since_epoch();
    let tenant = TenantId::generate(now);
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|error| GatewayError::Internal(error.into()))?;
    let key = ApiKey::new(KeyId::generate(now), &secret);

    let tx = TenantTx::begin(db, tenant).await?;
    tenants::insert(&tx, &new.name).await?;
    let first = NewKey {
        id: key.id(),
        name: &new.key_name,
        role: Role::Owner,
        hash: &key.hash(peppers.current()),
        pepper_version: peppers.version(),
        ends_with: key.ends_with(),
        models: None,
        tags: &[],
        limits: KeyLimits::default(),
        expires_at: None,
        made_by: None,
    };
    api_keys::insert(&tx, &first).await?;
    tx.commit().await?;

    Ok(json!({ "tenant_id": tenant.to_string(), "key_id": key.id().to_string(), "api_key": key.reveal() }))
}
