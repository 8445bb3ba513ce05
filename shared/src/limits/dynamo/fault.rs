//! Why nobody knows what became of a write: whether it says something of the whole table, or of one item.

use crate::causes::BoxError;
use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::update_item::UpdateItemError,
};

/// What DynamoDB answers to everybody who asks for this table, with these credentials, although it is there.
const OF_THE_TABLE: [&str; 6] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
];

/// A write of which nobody knows what became.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The table does not answer, whoever asks.
    #[error("the table does not answer")]
    Table(#[source] BoxError),
    /// This item is too large, throttled, or asked for something that DynamoDB does not do. Others are none the worse for it.
    #[error("the item cannot be written")]
    Item(#[source] BoxError),
}

impl Fault {
    /// Of an error that is no answer to the condition. What is not known is the item's: a tenant can cause that, and must not
    /// move others by it.
    pub(super) fn of(error: SdkError<UpdateItemError>) -> Self {
        let is_tables = match &error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
            SdkError::ServiceError(answer) => {
                let code = answer.err().code();
                answer.raw().status().as_u16() >= 500 || code.is_some_and(|code| OF_THE_TABLE.contains(&code))
            }
            _ => false,
        };
        let cause = error.into();
        if is_tables { Self::Table(cause) } else { Self::Item(cause) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::{config::http::HttpResponse, error::ErrorMetadata};

    fn answered(status: u16, code: &str) -> SdkError<UpdateItemError> {
        let raw = HttpResponse::new(status.try_into().expect("a status"), "".into());
        SdkError::service_error(UpdateItemError::generic(ErrorMetadata::builder().code(code).build()), raw)
    }

    #[test]
    fn only_what_says_nothing_of_the_item_is_the_tables_fault() {
        #[rustfmt::skip]
        let table = [
            (answered(500, "InternalServerError"),                      true,  "DynamoDB is ill"),
            (answered(503, "ServiceUnavailable"),                       true,  "DynamoDB is away"),
            (SdkError::timeout_error("slow"),                           true,  "nobody answers"),
            (answered(400, "ResourceNotFoundException"),                true,  "there is no table"),
            (answered(400, "AccessDeniedException"),                    true,  "nobody may write"),
            (answered(400, "ValidationException"),                      false, "too long an expression, or too large an item"),
            (answered(400, "ItemCollectionSizeLimitExceededException"), false, "too large a partition"),
            (answered(400, "ThrottlingException"),                      false, "one partition is asked too often"),
            (answered(400, "ProvisionedThroughputExceededException"),   false, "the same"),
            (answered(400, "SomethingNewException"),                    false, "what is not known moves nobody else"),
            (SdkError::construction_failure("odd"),                     false, "it was never sent"),
        ];
        for (error, is_tables, why) in table {
            let fault = Fault::of(error);
            assert_eq!(matches!(fault, Fault::Table(_)), is_tables, "{why}: {fault:?}");
        }
    }
}
