//! The KMS key that seals provider keys.

use crate::causes::BoxError;
use aws_sdk_kms::Client;

/// The key, by id, ARN or alias.
pub struct MasterKey {
    client: Client,
    id: String,
}

impl MasterKey {
    /// A handle; nothing is asked yet.
    pub fn new(aws: &aws_config::SdkConfig, id: String) -> Self {
        Self { client: Client::new(aws), id }
    }

    /// Whether the key is there and enabled.
    ///
    /// # Errors
    /// When it is not, or nobody answers; for the log.
    pub async fn ping(&self) -> Result<(), BoxError> {
        let answer = self.client.describe_key().key_id(&self.id).send().await?;
        match answer.key_metadata {
            Some(metadata) if metadata.enabled => Ok(()),
            _ => Err("the key is disabled".into()),
        }
    }
}
