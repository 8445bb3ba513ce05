//! What was told to somebody and is not told again for a while, whichever process would. Only UpdateItem.

use super::{Table, number};
use crate::causes::BoxError;
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use std::time::Duration;

/// Whose turn it is to tell something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Who asked. It must say what became of it.
    Ours,
    /// Nobody's until then, since the Unix epoch: it was told, or another process is at it.
    NobodysUntil(Duration),
}

impl Table {
    /// Takes the turn to tell something, for so long: a process that is killed meanwhile leaves it to the next. `expires_at` is when DynamoDB
    /// may forget it.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn take_turn(
        &self,
        key: &str,
        now: Duration,
        until: Duration,
        expires_at: Duration,
    ) -> Result<Turn, BoxError> {
        let taken = self
            .mark(key)
            .update_expression("SET quiet_until = :until, expires_at = :expires_at")
            .condition_expression("attribute_not_exists(quiet_until) OR quiet_until <= :now")
            .expression_attribute_values(":until", number(until.as_secs()))
            .expression_attribute_values(":expires_at", number(expires_at.as_secs()))
            .expression_attribute_values(":now", number(now.as_secs()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match Box::pin(taken.send()).await.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) => Ok(Turn::Ours),
            Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let until = failed.item.as_ref().and_then(|item| item.get("quiet_until")?.as_n().ok()?.parse().ok());
                Ok(Turn::NobodysUntil(until.map_or(until_next(now), Duration::from_secs)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a turn: it was told, and nobody does so again until then; or it was not, and somebody else may from then on.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn end_turn(&self, key: &str, until: Duration) -> Result<(), BoxError> {
        let ended = self
            .mark(key)
            .update_expression("SET quiet_until = :until")
            .expression_attribute_values(":until", number(until.as_secs()));
        Box::pin(ended.send()).await.map(drop).map_err(Into::into)
    }

    fn mark(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(format!("alert#{key}")))
            .key("sk", AttributeValue::S("0".into()))
    }
}

/// Where the item does not say so: a moment later.
fn until_next(now: Duration) -> Duration {
    now + Duration::from_secs(1)
}
