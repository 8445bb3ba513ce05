//! The DynamoDB table.

mod fault;
mod idempotency;
mod items;
mod limiter;
mod marks;
mod reservations;
mod slicing;
mod useless;
mod waiting;

pub use fault::Fault;
pub use idempotency::KeyClaim;
pub use items::Reserved;
pub use limiter::{Admission, Limiter, NotAdmitted};
pub use marks::Turn;
pub use reservations::{OpenReservation, Reservations};
pub use waiting::{WAITING_PARTITIONS, Waiting};

use crate::causes::BoxError;
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, retry::RetryConfig},
    types::{AttributeValue, TableStatus},
};
use std::time::Duration;
use time::OffsetDateTime;

/// How long the SDK waits at most before it tries for the first time again. By default it is a second, so that whoever is throttled has
/// no answer in time, and a tenant's throttled item could not be told from a table that does not answer.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The table, by name.
pub struct Table {
    client: Client,
    name: String,
}

/// Where something is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// What is counted, for whom.
    pub key: String,
    /// In which window of time.
    pub window: u64,
    /// When it is of no use any more, in seconds since the Unix epoch: DynamoDB removes it then.
    pub expires_at: u64,
}

impl Table {
    /// A handle; nothing is asked yet.
    pub fn new(aws: &aws_config::SdkConfig, name: String) -> Self {
        let retries = RetryConfig::standard().with_initial_backoff(FIRST_WAIT);
        Self { client: Client::from_conf(Builder::from(aws).retry_config(retries).build()), name }
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

    // The SDK's futures are boxed: they are large, and so deep that who awaits them in turn does not compile.

    /// Counts one more, unless there are so many already; then false. One conditional write, so that of many at once no more get through.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn count(&self, counter: &Counter, most: u64) -> Result<bool, BoxError> {
        let counted = self
            .update(counter)
            .update_expression("SET expires_at = :expires_at ADD attempts :one")
            .condition_expression("attribute_not_exists(attempts) OR attempts < :most")
            .expression_attribute_values(":expires_at", number(counter.expires_at))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most));
        match Box::pin(counted.send()).await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes one back.
    ///
    /// # Errors
    /// When it was not taken back; for the log.
    pub async fn take_back(&self, counter: &Counter) -> Result<(), BoxError> {
        let taken = self
            .update(counter)
            .update_expression("SET attempts = attempts - :one")
            .condition_expression("attempts >= :one")
            .expression_attribute_values(":one", number(1));
        Box::pin(taken.send()).await.map(drop).map_err(Into::into)
    }

    /// Begins to count anew.
    ///
    /// # Errors
    /// When it was not cleared; for the log.
    pub async fn clear(&self, counter: &Counter) -> Result<(), BoxError> {
        let cleared = self
            .update(counter)
            .update_expression("SET attempts = :none")
            .condition_expression("attribute_exists(attempts)")
            .expression_attribute_values(":none", number(0));
        Box::pin(cleared.send()).await.map(drop).map_err(Into::into)
    }

    fn update(&self, counter: &Counter) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(counter.key.clone()))
            .key("sk", AttributeValue::S(counter.window.to_string()))
    }
}

fn at(at_ms: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at_ms).unwrap_or_default())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
