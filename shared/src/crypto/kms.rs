//! The KMS key that wraps data keys.

use super::envelope::DataKey;
use crate::{
    causes::{BoxError, chain},
    config::KmsKey,
    tenancy::TenantId,
};
use aws_sdk_kms::{
    Client, config,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::DataKeySpec,
};
use std::collections::HashMap;
use zeroize::Zeroize as _;

/// The key that wraps data keys.
pub struct MasterKey {
    client: Client,
    key: KmsKey,
}

/// A new data key, and the form of it that may be stored.
pub struct NewDataKey {
    /// In the clear.
    pub key: DataKey,
    /// Wrapped.
    pub wrapped: Vec<u8>,
    /// Under which KMS key.
    pub kms_key_id: String,
}

/// Why a data key was not made, or did not unwrap.
#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    /// KMS cannot be reached, or is busy.
    #[error("KMS is not available")]
    Unavailable(#[source] BoxError),
    /// KMS answered that it does not: what was to be unwrapped was changed, moved to another tenant, or wrapped by a key that is gone.
    #[error("KMS refused")]
    Refused(#[source] BoxError),
}

/// What a data key is for. Which function may have which of them made or unwrapped is a matter of its IAM role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A provider's key.
    ProviderKey,
    /// What a tenant has in the cache.
    Cache,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::ProviderKey => "provider-key",
            Self::Cache => "cache",
        }
    }
}

/// What a wrapped key is bound to. KMS checks it, and CloudTrail shows it.
fn context(tenant: TenantId, purpose: Purpose) -> HashMap<String, String> {
    [("tenant", tenant.to_string()), ("purpose", purpose.as_str().to_owned())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

impl MasterKey {
    /// A handle; nothing is asked yet.
    pub fn new(aws: &aws_config::SdkConfig, key: KmsKey) -> Self {
        let mut settings = config::Builder::from(aws);
        if let Some(endpoint) = &key.endpoint {
            settings.set_endpoint_url(Some(endpoint.clone()));
        }
        Self { client: Client::from_conf(settings.build()), key }
    }

    /// Whether the key is there and enabled.
    ///
    /// # Errors
    /// When it is not, or nobody answers; for the log.
    pub async fn ping(&self) -> Result<(), BoxError> {
        let answer = self.client.describe_key().key_id(&self.key.id).send().await?;
        match answer.key_metadata {
            Some(metadata) if metadata.enabled => Ok(()),
            _ => Err("the key is disabled".into()),
        }
    }

    // The SDK's futures are boxed: they are large, and so deep that who awaits them in turn does not compile.

    /// Makes a data key for something of a tenant.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn generate_data_key(&self, tenant: TenantId, purpose: Purpose) -> Result<NewDataKey, KmsError> {
        let asked = self
            .client
            .generate_data_key()
            .key_id(&self.key.id)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(context(tenant, purpose)));
        let answer = Box::pin(asked.send()).await.map_err(failed)?;
        let incomplete = || KmsError::Refused("an answer without a key".into());
        Ok(NewDataKey {
            key: data_key(answer.plaintext).ok_or_else(incomplete)?,
            wrapped: answer.ciphertext_blob.ok_or_else(incomplete)?.into_inner(),
            kms_key_id: answer.key_id.ok_or_else(incomplete)?,
        })
    }

    /// Unwraps a tenant's data key. Only under this KMS key, or the one before it: what another key wrapped is not ours.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn unwrap(&self, tenant: TenantId, purpose: Purpose, wrapped: Vec<u8>) -> Result<DataKey, KmsError> {
        let context = context(tenant, purpose);
        let Some(previous) = &self.key.previous else { return self.unwrap_under(&self.key.id, context, wrapped).await };
        match self.unwrap_under(&self.key.id, context.clone(), wrapped.clone()).await {
            Err(KmsError::Refused(_)) => self.unwrap_under(previous, context, wrapped).await,
            unwrapped => unwrapped,
        }
    }

    async fn unwrap_under(
        &self,
        key: &str,
        context: HashMap<String, String>,
        wrapped: Vec<u8>,
    ) -> Result<DataKey, KmsError> {
        let asked =
            self.client.decrypt().key_id(key).ciphertext_blob(Blob::new(wrapped)).set_encryption_context(Some(context));
        let answer = Box::pin(asked.send()).await.map_err(failed)?;
        data_key(answer.plaintext).ok_or_else(|| KmsError::Refused("an answer without a key".into()))
    }

    /// Wraps a tenant's data key of a provider's key anew under the current KMS key; it is not seen in the clear. Gives the wrapped form and the KMS key.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn rewrap(&self, tenant: TenantId, wrapped: Vec<u8>) -> Result<(Vec<u8>, String), KmsError> {
        let asked = self
            .client
            .re_encrypt()
            .ciphertext_blob(Blob::new(wrapped))
            .destination_key_id(&self.key.id)
            .set_source_encryption_context(Some(context(tenant, Purpose::ProviderKey)))
            .set_destination_encryption_context(Some(context(tenant, Purpose::ProviderKey)));
        let answer = Box::pin(asked.send()).await.map_err(failed)?;
        match (answer.ciphertext_blob, answer.key_id) {
            (Some(wrapped), Some(key)) => Ok((wrapped.into_inner(), key)),
            _ => Err(KmsError::Refused("an answer without a key".into())),
        }
    }
}

/// The SDK keeps the plaintext in a buffer of its own, which cannot be wiped; our copy is.
fn data_key(plaintext: Option<Blob>) -> Option<DataKey> {
    let mut bytes = plaintext?.into_inner();
    let key = DataKey::new(bytes.clone());
    bytes.zeroize();
    key
}

/// KMS's own answers that say no, and not "later".
const REFUSALS: &[&str] = &[
    "AccessDeniedException",
    "DisabledException",
    "IncorrectKeyException",
    "InvalidCiphertextException",
    "InvalidKeyUsageException",
    "KMSInvalidStateException",
    "NotFoundException",
    "ValidationException",
];

fn failed<E>(error: SdkError<E>) -> KmsError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    match code.is_some_and(|code| REFUSALS.contains(&code)) {
        true => KmsError::Refused(format!("{} ({})", code.unwrap_or_default(), chain(&error)).into()),
        false => KmsError::Unavailable(error.into()),
    }
}
