//! Makes a key of the platform's operators, which is shown this once. Who may invoke the function may do anything anyway.

use super::{
    body::{MAX_NAME_CHARS, plain_text},
    create_tenant::{by_hand, insert_first_key},
};
use crate::{
    clock::Clock,
    crypto::secret::Peppers,
    db::{Database, TenantTx, audit},
    error::GatewayError,
    openai::Invalid,
    tenancy::{Role, TenantId},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the key is called.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOperatorKey {
    /// For people.
    #[serde(default = "operator_key")]
    pub name: String,
}

fn operator_key() -> String {
    "operator".into()
}

pub(super) async fn create(
    db: &Database,
    peppers: &Peppers,
    clock: &dyn Clock,
    new: &NewOperatorKey,
) -> Result<Value, GatewayError> {
    plain_text(&new.name, MAX_NAME_CHARS).map_err(|problem| Invalid::value("name", problem))?;
    let tx = TenantTx::begin(db, TenantId::PLATFORM).await?;
    let key = insert_first_key(&tx, peppers, clock, &new.name, Role::Operator).await?;
    let after = json!({ "name": new.name, "role": Role::Operator.as_str() });
    audit::insert(&tx, &by_hand(clock, "keys.create", key.id().to_string(), after)).await?;
    tx.commit().await?;
    Ok(json!({ "key_id": key.id().to_string(), "api_key": key.reveal() }))
}
