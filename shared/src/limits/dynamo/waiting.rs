//! Rows of the ledger that wait for the database. An item holds all rows of one request, so that they stay all or none.
//!
//! The items are spread over sixteen partitions by the request's id, so that no tenant fills one, and are found by asking each.

use super::{Table, number};
use crate::{causes::BoxError, tenancy::RequestId, usage::UsageRow};
use aws_sdk_dynamodb::types::AttributeValue;
use std::time::Duration;

/// How many partitions the waiting rows are spread over.
pub const WAITING_PARTITIONS: u8 = 16;
/// DynamoDB removes what is older: tidiness, long after it was brought home or somebody read the alarm.
const KEPT_FOR: Duration = Duration::from_secs(400 * 86_400);

/// Rows of one request that wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    partition: u8,
    sort_key: String,
    /// What waits; none: what is written there cannot be read.
    pub rows: Option<Vec<UsageRow>>,
}

impl Waiting {
    /// Which request, for the log.
    pub fn request(&self) -> &str {
        &self.sort_key
    }
}

impl Table {
    /// Keeps the rows of one request until the database is back. The same rows again change nothing.
    ///
    /// # Errors
    /// When they were not kept; for the log.
    pub async fn put_waiting(&self, rows: &[UsageRow], now: Duration) -> Result<(), BoxError> {
        let Some(first) = rows.first() else { return Ok(()) };
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .item("pk", partition_key(partition_of(first.request())))
            .item("sk", AttributeValue::S(first.request().to_string()))
            .item("rows", AttributeValue::S(serde_json::to_string(rows)?))
            .item("expires_at", number((now + KEPT_FOR).as_secs()));
        Box::pin(put.send()).await.map(drop).map_err(Into::into)
    }

    /// The next rows that wait in a partition, after those of a request.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn waiting(&self, partition: u8, after: Option<&Waiting>, most: i32) -> Result<Vec<Waiting>, BoxError> {
        // A key may not be compared with nothing; a space sorts before every id.
        let after = after.map_or(" ", |waiting| waiting.sort_key.as_str()).to_owned();
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk > :after")
            .expression_attribute_values(":pk", partition_key(partition))
            .expression_attribute_values(":after", AttributeValue::S(after))
            .consistent_read(true)
            .limit(most);
        let found = Box::pin(query.send()).await?;
        let read = |item: std::collections::HashMap<String, AttributeValue>| {
            let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
            let rows = text("rows").and_then(|rows| serde_json::from_str(rows).ok());
            Waiting { partition, sort_key: text("sk").cloned().unwrap_or_default(), rows }
        };
        Ok(found.items.unwrap_or_default().into_iter().map(read).collect())
    }

    /// Whether rows of a request wait.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn is_waiting(&self, request: RequestId) -> Result<bool, BoxError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("pk", partition_key(partition_of(request)))
            .key("sk", AttributeValue::S(request.to_string()))
            .consistent_read(true);
        Ok(Box::pin(get.send()).await?.item.is_some())
    }

    /// Forgets rows that are home. Twice is as once.
    ///
    /// # Errors
    /// When they were not forgotten; for the log.
    pub async fn forget_waiting(&self, waiting: &Waiting) -> Result<(), BoxError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.name)
            .key("pk", partition_key(waiting.partition))
            .key("sk", AttributeValue::S(waiting.sort_key.clone()));
        Box::pin(delete.send()).await.map(drop).map_err(Into::into)
    }
}

fn partition_key(partition: u8) -> AttributeValue {
    AttributeValue::S(format!("waiting#{partition:x}"))
}

/// By the last bits of the id, which are random.
fn partition_of(request: RequestId) -> u8 {
    request.as_uuid().as_bytes()[15] % WAITING_PARTITIONS
}
