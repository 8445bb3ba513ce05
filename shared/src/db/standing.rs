//! A tenant's standing, as the look-ups give it.

use super::Error;
use crate::tenancy::{CredentialId, CredentialRef, ModelList, Standing, TenantId};
use std::collections::BTreeMap;
use tokio_postgres::Row;
use uuid::Uuid;

/// Reads the columns of `app.standing` from a row that has them among others.
pub(in crate::db) fn read(row: &Row) -> Result<Standing, Error> {
    let unknown = |_| Error::Unexpected("a tenant's standing that this version does not know");
    let (status, tier): (&str, &str) = (row.try_get("status")?, row.try_get("tier")?);
    let models: Option<Vec<String>> = row.try_get("allowed_models")?;
    let credentials: serde_json::Value = row.try_get("credentials")?;
    let credentials: BTreeMap<String, [Uuid; 2]> =
        serde_json::from_value(credentials).map_err(|_| Error::Unexpected("credentials that are none"))?;
    let credential = |[tenant, id]: [Uuid; 2]| CredentialRef {
        tenant: TenantId::from_uuid(tenant),
        id: CredentialId::from_uuid(id),
    };
    Ok(Standing {
        status: status.parse().map_err(unknown)?,
        tier: tier.parse().map_err(unknown)?,
        allowed_models: models.map(ModelList::new),
        allowed_providers: row.try_get("allowed_providers")?,
        cache_prompts: row.try_get("cache_prompts")?,
        credentials: credentials.into_iter().map(|(provider, pair)| (provider, credential(pair))).collect(),
    })
}
