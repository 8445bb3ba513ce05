//! The DynamoDB table.

use crate::causes::BoxError;
use aws_sdk_dynamodb::{Client, types::TableStatus};

/// The table, by name.
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// A handle; nothing is asked yet.
    pub fn new(aws: &aws_config::SdkConfig, name: String) -> Self {
        Self { client: Client::new(aws), name }
    }

    /// Whether the table is there and usable.
    ///
    /// # Errors
    /// When it is not, or nobody answers; for the log.
    pub async fn ping(&self) -> Result<(), BoxError> {
        let answer = self.client.describe_table().table_name(&self.name).send().await?;
        match answer.table.and_then(|table| table.table_status) {
            Some(TableStatus::Active | TableStatus::Updating) => Ok(()),
            status => Err(format!("the table's status is {status:?}").into()),
        }
    }
}
