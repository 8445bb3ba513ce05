//! Idempotency keys in the table: an item each, which one request claims and the others find. Only UpdateItem, one call each.

use super::{Table, number};
use crate::{
    causes::BoxError,
    crypto::kept_answer::{Mark, Place},
    limits::idempotency::{KEPT_FOR, Remembered, State},
    tenancy::RequestId,
};
use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    primitives::Blob,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use std::{collections::HashMap, time::Duration};

const OPEN: &str = "open";
const DONE: &str = "done";
const VOID: &str = "void";

/// A request that claims its key.
#[derive(Debug)]
pub struct KeyClaim<'a> {
    /// Whose key, and which.
    pub place: &'a Place,
    /// Which request.
    pub request: RequestId,
    /// By which another is recognised as the same.
    pub mark: &'a Mark,
    /// Now, since the Unix epoch.
    pub now: Duration,
    /// When it is over at the latest: after that nobody waits for it any more.
    pub until: Duration,
}

impl Table {
    /// Claims a key. None if it is this request's now; else what is remembered of the request that has it. The same claim again is its own.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn claim_key(&self, claim: &KeyClaim<'_>) -> Result<Option<Remembered>, BoxError> {
        // What is older than a day is gone, whether or not DynamoDB has removed it; so is what a killed process left open.
        let claimed = self
            .key_item(claim.place)
            .update_expression(
                "SET #state = :open, #request = :request, #mark = :mark, #pepper = :pepper, #until = :until, #expires = :expires \
                 REMOVE #answer",
            )
            .condition_expression(
                "attribute_not_exists(pk) OR #expires <= :now OR #state = :void OR (#state = :open AND #until <= :now) \
                 OR (#state = :open AND #request = :request)",
            )
            .expression_attribute_names("#mark", "mark")
            .expression_attribute_names("#pepper", "pepper")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":open", word(OPEN))
            .expression_attribute_values(":void", word(VOID))
            .expression_attribute_values(":request", word(&claim.request.to_string()))
            .expression_attribute_values(":mark", AttributeValue::B(Blob::new(claim.mark.mac.clone())))
            .expression_attribute_values(":pepper", AttributeValue::N(claim.mark.pepper_version.to_string()))
            .expression_attribute_values(":until", number(claim.until.as_secs()))
            .expression_attribute_values(":expires", number((claim.now + KEPT_FOR).as_secs()))
            .expression_attribute_values(":now", number(claim.now.as_secs()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match Box::pin(claimed.send()).await {
            Ok(_) => return Ok(None),
            Err(error) => error.into_service_error(),
        };
        match error {
            aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed) => {
                let item = failed.item.ok_or("a claim that was refused without its reason")?;
                remembered(&item).map(Some).ok_or_else(|| "an item of a key that cannot be read".into())
            }
            other => Err(other.into()),
        }
    }

    /// Keeps what became of a request, for a day from now; nothing where another has the key by now. `answer` is sealed.
    ///
    /// # Errors
    /// When it was not kept; for the log.
    pub async fn finish_key(
        &self,
        place: &Place,
        request: RequestId,
        answer: Option<Vec<u8>>,
        now: Duration,
    ) -> Result<(), BoxError> {
        let update = self
            .key_item(place)
            .expression_attribute_values(":state", word(DONE))
            .expression_attribute_values(":request", word(&request.to_string()))
            .expression_attribute_values(":expires", number((now + KEPT_FOR).as_secs()));
        let update = match answer {
            Some(answer) => update
                .update_expression("SET #state = :state, #expires = :expires, #answer = :answer")
                .expression_attribute_values(":answer", AttributeValue::B(Blob::new(answer))),
            None => update.update_expression("SET #state = :state, #expires = :expires REMOVE #answer"),
        };
        if_own(update).await
    }

    /// Gives a key back, as if it had never been claimed; nothing where another has it by now.
    ///
    /// # Errors
    /// When it was not given back; for the log.
    pub async fn release_key(&self, place: &Place, request: RequestId, now: Duration) -> Result<(), BoxError> {
        let update = self
            .key_item(place)
            .update_expression("SET #state = :state, #expires = :expires REMOVE #answer")
            .expression_attribute_values(":state", word(VOID))
            .expression_attribute_values(":request", word(&request.to_string()))
            .expression_attribute_values(":expires", number(now.as_secs()));
        if_own(update).await
    }

    fn key_item(&self, place: &Place) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.name)
            .key("pk", word(&format!("idempotency#{place}")))
            .key("sk", word("key"))
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#request", "request")
            .expression_attribute_names("#expires", "expires_at")
            .expression_attribute_names("#answer", "answer")
    }
}

async fn if_own(update: UpdateItemFluentBuilder) -> Result<(), BoxError> {
    match Box::pin(update.condition_expression("#request = :request").send()).await {
        Err(error) if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

fn word(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn remembered(item: &HashMap<String, AttributeValue>) -> Option<Remembered> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let bytes = |name: &str| item.get(name)?.as_b().ok().map(|blob| blob.as_ref().to_vec());
    let state = match text("state")?.as_str() {
        OPEN => State::Open,
        DONE => bytes("answer").map_or(State::Done, State::Answered),
        _ => return None,
    };
    let pepper_version = item.get("pepper")?.as_n().ok()?.parse().ok()?;
    Some(Remembered { request: text("request")?, mark: Mark { pepper_version, mac: bytes("mark")? }, state })
}
