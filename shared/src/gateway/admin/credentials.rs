//! `/v1/tenant/keys`: the providers' keys that a tenant brings. They go in and never come out.

use super::{
    body::Body,
    office::{Act, Office},
    page::Query,
    shown::{not_found, time},
};
use crate::{
    crypto::{
        envelope::{self, Envelope, Label},
        kms::{MasterKey, Purpose},
    },
    db::{
        credentials::{self, CredentialRow},
        tenants,
    },
    error::GatewayError,
    gateway::call::{Call, Reply},
    openai::Invalid,
    providers::{self, Provider},
    tenancy::{CredentialId, Permission, Status},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use zeroize::Zeroizing;

const ROUTE: &str = "/v1/tenant/keys";

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(office: &Office, master_key: &MasterKey, call: Call) -> Result<Reply, GatewayError> {
    let not_here = || GatewayError::NotFound("this path".into());
    let rest = call.path.strip_prefix(ROUTE).ok_or_else(not_here)?;
    let provider = match rest.strip_prefix('/') {
        None if rest.is_empty() => None,
        None => return Err(not_here()),
        Some(provider) => Some(provider.to_owned()),
    };
    match (&call.method, provider.as_deref()) {
        (&Method::GET, None) => list(office, &call).await,
        (&Method::POST, None) => store(office, master_key, &call, None).await,
        (&Method::GET, Some(provider)) => read(office, &call, provider).await,
        (&Method::PUT, Some(provider)) => store(office, master_key, &call, Some(provider)).await,
        (&Method::DELETE, Some(provider)) => delete(office, &call, provider).await,
        (method, _) => Err(GatewayError::MethodNotAllowed(method.to_string())),
    }
}

async fn list(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadCredentials).await?;
    Query::none(&call.query)?;
    let tx = office.begin(&act).await?;
    let rows = credentials::list(&tx, None).await?;
    tx.commit().await?;
    let data: Vec<Value> = rows.iter().map(show).collect();
    Reply::json(StatusCode::OK, &json!({ "data": data, "next_cursor": null }))
}

async fn read(office: &Office, call: &Call, provider: &str) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadCredentials).await?;
    Query::none(&call.query)?;
    let tx = office.begin(&act).await?;
    let rows = credentials::list(&tx, Some(provider)).await?;
    tx.commit().await?;
    let row = rows.first().ok_or_else(not_found)?;
    Reply::json(StatusCode::OK, &show(row))
}

/// Stores a new credential, or with a provider in the path replaces the one that is there.
async fn store(
    office: &Office,
    master_key: &MasterKey,
    call: &Call,
    in_path: Option<&str>,
) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageCredentials).await?;
    Query::none(&call.query)?;
    let (provider, secret) = read_body(call, in_path)?;
    let id = CredentialId::generate(office.clock.since_epoch());
    // Sealed before the transaction begins: nothing is stored half if KMS is away, and no connection waits for it.
    let envelope = seal(master_key, &act, provider, id, &secret).await?;
    let last_four = secret.get(secret.len().saturating_sub(4)..).unwrap_or_default();

    let tx = office.begin(&act).await?;
    // Of two who store, the second sees what the first did; and nothing is stored once a tenant's data keys are being destroyed.
    let tenant = tenants::lock(&tx).await?.ok_or_else(not_found)?;
    if tenant.status == Status::Deleting {
        return Err(GatewayError::Conflict("this tenant is being deleted".into()));
    }
    let replaced = match in_path {
        Some(_) => credentials::delete(&tx, provider.id()).await?,
        None => None,
    };
    credentials::insert(&tx, id, provider.id(), &envelope, last_four, act.at).await.map_err(|error| match error {
        crate::db::Error::Exists(_) => {
            GatewayError::Conflict(format!("there is a key of {0} already; PUT {ROUTE}/{0} replaces it", provider.id()))
        }
        other => other.into(),
    })?;
    let action = if replaced.is_some() { "provider_keys.replace" } else { "provider_keys.store" };
    let before = replaced.as_ref().map(|it| noted(it.id, provider.id(), &it.last_four));
    let after = noted(id, provider.id(), last_four);
    office.note(&tx, &act, action, id.to_string(), (before, Some(after))).await?;
    let rows = credentials::list(&tx, Some(provider.id())).await?;
    tx.commit().await?;
    let status = if replaced.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Reply::json(status, &show(rows.first().ok_or_else(not_found)?))
}

async fn delete(office: &Office, call: &Call, provider: &str) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageCredentials).await?;
    Query::none(&call.query)?;
    let tx = office.begin(&act).await?;
    let it = credentials::delete(&tx, provider).await?.ok_or_else(not_found)?;
    let before = noted(it.id, provider, &it.last_four);
    office.note(&tx, &act, "provider_keys.delete", it.id.to_string(), (Some(before), None)).await?;
    tx.commit().await?;
    Ok(Reply::empty())
}

/// What the audit log says of a credential.
fn noted(id: CredentialId, provider: &str, last_four: &str) -> Value {
    json!({ "id": id.to_string(), "provider": provider, "last_four": last_four })
}

fn read_body(call: &Call, in_path: Option<&str>) -> Result<(&'static dyn Provider, Zeroizing<String>), GatewayError> {
    let mut body = Body::read(call.json_body()?)?;
    let named = match in_path {
        Some(name) => Some(name.to_owned()),
        None => body.required_text("provider", 40),
    };
    let provider = named.and_then(|name| match providers::provider(&name) {
        None if in_path.is_none() => {
            let ids: Vec<&str> = providers::ALL.iter().map(|provider| provider.id()).collect();
            body.fault("provider", format!("must be one of {}", ids.join(", ")))
        }
        found => found,
    });
    let secret = body.required_secret("api_key").map(Zeroizing::new);
    if let (Some(provider), Some(secret)) = (provider, &secret)
        && let Err(problem) = providers::check_key(provider, secret)
    {
        body.fault::<()>("api_key", problem);
    }
    body.finish()?;
    match (provider, secret) {
        (Some(provider), Some(secret)) => Ok((provider, secret)),
        // The path names a provider that there is none of.
        (None, _) => Err(not_found()),
        (_, None) => Err(Invalid::value("api_key", "is required").into()),
    }
}

async fn seal(
    master_key: &MasterKey,
    act: &Act,
    provider: &dyn Provider,
    id: CredentialId,
    secret: &str,
) -> Result<Envelope, GatewayError> {
    // A KMS key that is disabled or denied to us is a dependency that failed, as one that cannot be reached: the log says which.
    let made = master_key.generate_data_key(act.tenant(), Purpose::ProviderKey).await;
    let made = made.map_err(|error| GatewayError::Unavailable(error.into()))?;
    let mut nonce = [0; envelope::NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|error| GatewayError::Internal(error.into()))?;
    let label = Label { tenant: act.tenant(), provider: provider.id(), credential: id };
    let ciphertext = made.key.seal(&label, nonce, secret).map_err(|error| GatewayError::Internal(error.into()))?;
    Ok(Envelope {
        version: envelope::VERSION,
        wrapped_key: made.wrapped,
        kms_key_id: made.kms_key_id,
        nonce,
        ciphertext,
    })
}

fn show(row: &CredentialRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "provider": row.provider,
        "last_four": row.last_four,
        "key_version": row.envelope_version,
        "created_at": time(row.created_at),
        "sealed_at": time(row.sealed_at),
        "last_used_at": row.last_used_at.map(time),
    })
}
