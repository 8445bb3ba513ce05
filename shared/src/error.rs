//! One message for the caller, another for the log. The only file that knows HTTP statuses and OpenAI's error types.

use crate::{
    causes::BoxError,
    db,
    limits::told::Told,
    openai::{
        Invalid,
        error::{ErrorBody, ErrorDetail},
    },
    providers::{Failure, FailureKind},
    tenancy::{
        auth::AuthError,
        rbac::{Denied, ModelDenied},
    },
};
use http::StatusCode;

/// Why a request has no answer. `Display` is what the caller reads; causes are sources and go to the log, once, at the edge.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The request is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The body of an administrative request is wrong, with every fault.
    #[error("{}", faults(.0))]
    InvalidBody(Vec<Invalid>),
    /// An administrator would give, or change, more than their own rights.
    #[error("`{param}` {problem}")]
    Beyond {
        /// The field.
        param: &'static str,
        /// What is too much.
        problem: String,
    },
    /// It is there already.
    #[error("{0}")]
    Conflict(String),
    /// The first request with this idempotency key is at work.
    #[error("{request} has the same idempotency key and is not done yet; try again")]
    IdempotencyInFlight {
        /// The first request.
        request: String,
    },
    /// Another request has this idempotency key.
    #[error("another request was sent with this idempotency key: a request of its own needs a key of its own")]
    IdempotencyKeyReused,
    /// The request was made, and its answer is not kept.
    #[error(
        "{request} had the same idempotency key, and its answer is not kept: it was a stream, too long, or an error that a provider may have billed"
    )]
    IdempotencyNotKept {
        /// The first request.
        request: String,
    },
    /// The body is longer than [`crate::gateway::call::MAX_BODY_BYTES`].
    #[error("the body is larger than 6 MB")]
    TooLarge,
    /// The body is not declared as JSON.
    #[error("the body must be JSON: send `Content-Type: application/json`")]
    NotJson,
    /// No valid key.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// An address and a password that do not belong together. Whether there is such an account is nobody's business.
    #[error("the e-mail address or the password is wrong")]
    WrongPassword,
    /// No refresh token, or one that is unknown, used or expired.
    #[error("the session has ended; sign in again")]
    SessionEnded,
    /// Too many attempts for one account or from one address.
    #[error("too many attempts; try again in {retry_after_s} seconds")]
    TooManyAttempts {
        /// How long to wait.
        retry_after_s: u64,
    },
    /// A limit on requests, tokens or requests at the same time is reached.
    #[error("{}", .0.message)]
    RateLimited(Box<Told>),
    /// A hard budget could be exceeded.
    #[error("{0}")]
    BudgetExceeded(String),
    /// A hard budget cannot be asked.
    #[error("budgets cannot be checked right now; try again")]
    BudgetsUnavailable(#[source] BoxError),
    /// Nobody knows what a request to this model can cost.
    #[error(
        "`{0}` has no price, so what this request can cost is not known; name another model, or ask whoever runs this deployment"
    )]
    NotPriced(String),
    /// Only for a person who signed in here, not for a key.
    #[error("this is about a person's own account: sign in at POST /v1/auth/login and send that access token")]
    PersonOnly,
    /// The deployment takes only who was invited.
    #[error("this deployment takes only people who were invited: register with an `invitation`")]
    InvitedOnly,
    /// The tenant is not served.
    #[error("this tenant is suspended; ask whoever runs this deployment")]
    TenantSuspended,
    /// The key may not do that.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller may not use that model.
    #[error(transparent)]
    ModelDenied(#[from] ModelDenied),
    /// No such model.
    #[error("{0}")]
    UnknownModel(String),
    /// The caller wanted a stored answer or none, and there is none.
    #[error(
        "the cache has no answer to this request ({0}), and `cache-control: only-if-cached` was sent: leave that out to ask the provider"
    )]
    NotCached(&'static str),
    /// No such route, or no such thing.
    #[error("there is nothing at {0}")]
    NotFound(String),
    /// The route exists, the method does not.
    #[error("this route does not take {0}")]
    MethodNotAllowed(String),
    /// Nobody's key serves this tenant at the provider.
    #[error(
        "there is no key of {0} for this tenant: store its own at POST /v1/tenant/keys, or ask whoever runs this deployment"
    )]
    NoCredential(&'static str),
    /// The tenant's key for the provider does not open. Another is never used in its place.
    #[error("the stored key of {0} cannot be read; store it again at PUT /v1/tenant/keys/{0}")]
    CredentialUnreadable(&'static str),
    /// The provider answered with an error.
    #[error("{}", failure_message(.provider, .failure))]
    Provider {
        /// Which.
        provider: &'static str,
        /// With what.
        failure: Box<Failure>,
        /// How long to wait, in seconds, if it says so.
        retry_after_s: Option<u64>,
    },
    /// The provider could not be reached, or the connection broke before its answer began.
    #[error("{provider} cannot be reached")]
    Unreachable {
        /// Which.
        provider: &'static str,
        /// Why, for the log.
        #[source]
        source: BoxError,
    },
    /// The provider's answer broke off, or is not what its protocol promises.
    #[error("{provider} sent an answer that cannot be read")]
    BadAnswer {
        /// Which.
        provider: &'static str,
        /// Why, for the log.
        #[source]
        source: BoxError,
    },
    /// The provider did not answer in time. It may have billed, so there was no second try.
    #[error("{provider} did not answer in time")]
    Timeout {
        /// Which.
        provider: &'static str,
    },
    /// A stream stopped before the provider's protocol says it ends.
    #[error("the answer is incomplete: {provider} closed the stream before its end")]
    Truncated {
        /// Which.
        provider: &'static str,
    },
    /// The function's own time ran out.
    #[error("the answer is incomplete: the gateway's time for one request ran out")]
    Deadline,
    /// Something we depend on is away.
    #[error("the service is not available right now; try again")]
    Unavailable(#[source] BoxError),
    /// A fault of ours.
    #[error("internal error; if it persists, report the request id")]
    Internal(#[source] BoxError),
}

/// How an error looks on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnTheWire<'a> {
    /// The status.
    pub status: StatusCode,
    /// OpenAI's class.
    pub kind: &'static str,
    /// For a program.
    pub code: &'a str,
    /// The field at fault.
    pub param: Option<&'a str>,
    /// For a `retry-after` header.
    pub retry_after_s: Option<u64>,
}

impl GatewayError {
    /// The only place that knows a status, an OpenAI `type` and a `code`; the message is `Display`.
    pub fn on_the_wire(&self) -> OnTheWire<'_> {
        let plain = |status, kind, code| OnTheWire { status, kind, code, param: None, retry_after_s: None };
        let invalid = "invalid_request_error";
        match self {
            Self::Invalid(error) => {
                OnTheWire { param: error.param.as_deref(), ..plain(StatusCode::BAD_REQUEST, invalid, error.code) }
            }
            Self::InvalidBody(faults) => {
                let param = faults.first().and_then(|fault| fault.param.as_deref());
                OnTheWire { param, ..plain(StatusCode::BAD_REQUEST, invalid, "invalid_value") }
            }
            Self::Beyond { param, .. } => {
                OnTheWire { param: Some(param), ..plain(StatusCode::FORBIDDEN, invalid, "permission_denied") }
            }
            Self::Conflict(_) => plain(StatusCode::CONFLICT, invalid, "conflict"),
            Self::IdempotencyInFlight { .. } => {
                OnTheWire { retry_after_s: Some(1), ..plain(StatusCode::CONFLICT, invalid, "idempotency_in_flight") }
            }
            Self::IdempotencyKeyReused => plain(StatusCode::UNPROCESSABLE_ENTITY, invalid, "idempotency_key_reused"),
            Self::IdempotencyNotKept { .. } => plain(StatusCode::CONFLICT, invalid, "idempotency_answer_not_kept"),
            Self::TooLarge => plain(StatusCode::PAYLOAD_TOO_LARGE, invalid, "request_too_large"),
            Self::NotJson => plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, invalid, "unsupported_media_type"),
            Self::Auth(AuthError::Invalid) => plain(StatusCode::UNAUTHORIZED, invalid, "invalid_api_key"),
            Self::Auth(AuthError::Several) => plain(StatusCode::BAD_REQUEST, invalid, "several_credentials"),
            Self::Auth(AuthError::Unavailable(db::Error::Unavailable(_)) | AuthError::IssuerUnavailable(_))
            | Self::Unavailable(_)
            | Self::BudgetsUnavailable(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "server_error", "unavailable"),
            Self::Auth(AuthError::Unavailable(_)) | Self::Internal(_) => {
                plain(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "internal_error")
            }
            Self::WrongPassword => plain(StatusCode::UNAUTHORIZED, invalid, "invalid_credentials"),
            Self::SessionEnded => plain(StatusCode::UNAUTHORIZED, invalid, "invalid_refresh_token"),
            Self::TooManyAttempts { retry_after_s } => OnTheWire {
                retry_after_s: Some(*retry_after_s),
                ..plain(StatusCode::TOO_MANY_REQUESTS, "requests", "rate_limit_exceeded")
            },
            Self::RateLimited(told) => OnTheWire {
                retry_after_s: told.retry_after_s,
                ..plain(StatusCode::TOO_MANY_REQUESTS, "requests", "rate_limit_exceeded")
            },
            Self::BudgetExceeded(_) => plain(StatusCode::PAYMENT_REQUIRED, "insufficient_quota", "budget_exceeded"),
            Self::NotPriced(_) => {
                OnTheWire { param: Some("model"), ..plain(StatusCode::BAD_REQUEST, invalid, "model_not_priced") }
            }
            Self::PersonOnly | Self::InvitedOnly => plain(StatusCode::FORBIDDEN, invalid, "permission_denied"),
            Self::TenantSuspended => plain(StatusCode::FORBIDDEN, invalid, "tenant_suspended"),
            Self::Denied(_) => plain(StatusCode::FORBIDDEN, invalid, "permission_denied"),
            Self::ModelDenied(_) => {
                OnTheWire { param: Some("model"), ..plain(StatusCode::FORBIDDEN, invalid, "permission_denied") }
            }
            Self::UnknownModel(_) => {
                OnTheWire { param: Some("model"), ..plain(StatusCode::NOT_FOUND, invalid, "model_not_found") }
            }
            // RFC 9111, section 5.2.1.7.
            Self::NotCached(_) => plain(StatusCode::GATEWAY_TIMEOUT, invalid, "not_cached"),
            Self::NotFound(_) => plain(StatusCode::NOT_FOUND, invalid, "not_found"),
            Self::MethodNotAllowed(_) => plain(StatusCode::METHOD_NOT_ALLOWED, invalid, "method_not_allowed"),
            Self::CredentialUnreadable(_) => {
                plain(StatusCode::FAILED_DEPENDENCY, invalid, "provider_credential_unreadable")
            }
            Self::NoCredential(_) => plain(StatusCode::FORBIDDEN, invalid, "byok_required"),
            Self::Provider { failure, retry_after_s, .. } => {
                OnTheWire { retry_after_s: *retry_after_s, ..failure_on_the_wire(failure) }
            }
            Self::Unreachable { .. } | Self::BadAnswer { .. } => {
                plain(StatusCode::BAD_GATEWAY, "server_error", "provider_error")
            }
            Self::Timeout { .. } => plain(StatusCode::GATEWAY_TIMEOUT, "server_error", "provider_timeout"),
            Self::Truncated { .. } => plain(StatusCode::BAD_GATEWAY, "server_error", "provider_stream_truncated"),
            Self::Deadline => plain(StatusCode::GATEWAY_TIMEOUT, "server_error", "gateway_deadline"),
        }
    }

    /// Runs `write` with the parts of OpenAI's error object.
    pub fn with_detail<T>(&self, write: impl FnOnce(ErrorDetail<'_>) -> T) -> T {
        let message = self.to_string();
        let OnTheWire { kind, code, param, .. } = self.on_the_wire();
        write(ErrorDetail { message: &message, kind, param, code })
    }

    /// Headers that tell of limits.
    pub fn headers(&self) -> &[(&'static str, String)] {
        match self {
            Self::RateLimited(told) => &told.headers,
            _ => &[],
        }
    }

    /// The provider's id of the request that failed, if it gave one.
    pub fn provider_request_id(&self) -> Option<&str> {
        match self {
            Self::Provider { failure, .. } => failure.request_id.as_deref(),
            _ => None,
        }
    }

    /// OpenAI's error body.
    pub fn body(&self) -> Vec<u8> {
        // Three strings and a null cannot fail to serialize; an empty body would still carry the status.
        self.with_detail(|error| serde_json::to_vec(&ErrorBody { error })).unwrap_or_default()
    }
}

/// All of them in one message, a line each.
fn faults(faults: &[Invalid]) -> String {
    faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("\n")
}

/// What a provider's failure is for the caller. A credential is ours to mend, so it is never a 401: the caller's own key is good.
fn failure_on_the_wire(failure: &Failure) -> OnTheWire<'_> {
    let invalid = "invalid_request_error";
    let (status, kind, code) = match failure.kind {
        FailureKind::BadRequest => {
            (StatusCode::BAD_REQUEST, invalid, failure.code.as_deref().unwrap_or("provider_bad_request"))
        }
        FailureKind::ContextLength => (StatusCode::BAD_REQUEST, invalid, "context_length_exceeded"),
        FailureKind::Credential => (StatusCode::BAD_GATEWAY, "server_error", "provider_auth"),
        FailureKind::ModelNotFound => (StatusCode::NOT_FOUND, invalid, "model_not_found"),
        FailureKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, invalid, "request_too_large"),
        FailureKind::ContentFilter => (StatusCode::BAD_REQUEST, invalid, "content_filter"),
        FailureKind::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "requests", "rate_limit_exceeded"),
        FailureKind::Quota => (StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", "insufficient_quota"),
        FailureKind::Overloaded | FailureKind::Server => (StatusCode::BAD_GATEWAY, "server_error", "provider_error"),
    };
    let param = if status.is_client_error() { failure.param.as_deref() } else { None };
    OnTheWire { status, kind, code, param, retry_after_s: None }
}

/// A provider's own words are passed on only where they are about the caller's request: what it says about a credential can hold a
/// piece of the key, and what it says about its own faults helps nobody.
fn failure_message(provider: &str, failure: &Failure) -> String {
    let own_words = failure.message.as_deref().map(bounded).filter(|text| !text.is_empty());
    match (failure.kind, own_words) {
        (FailureKind::Credential, _) => format!("{provider} refused this deployment's credential; ask whoever runs it"),
        (
            FailureKind::BadRequest | FailureKind::ContextLength | FailureKind::TooLarge | FailureKind::ContentFilter,
            Some(text),
        ) => {
            format!("{provider}: {text}")
        }
        (FailureKind::BadRequest, None) => format!("{provider} refused the request (status {})", failure.status),
        (FailureKind::ContextLength, None) => format!("the messages are longer than the model's context ({provider})"),
        (FailureKind::TooLarge, None) => format!("the request is too large for {provider}"),
        (FailureKind::ContentFilter, None) => format!("a filter of {provider} blocked the request"),
        (FailureKind::ModelNotFound, _) => format!("{provider} does not offer this model"),
        (FailureKind::RateLimited, _) => format!("{provider} limits the rate of requests; wait and try again"),
        (FailureKind::Quota, _) => format!("this deployment's account at {provider} is out of credit"),
        (FailureKind::Overloaded, _) => format!("{provider} is overloaded; try again"),
        (FailureKind::Server, _) => format!("{provider} failed (status {})", failure.status),
    }
}

fn bounded(text: &str) -> String {
    const MAX_CHARS: usize = 600;
    text.trim().chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_providers_failure_decides_what_the_caller_sees() {
        #[rustfmt::skip]
        let table = [
            (FailureKind::BadRequest,    400, "provider_bad_request",    true,  "the caller's mistake, in the provider's words"),
            (FailureKind::ContextLength, 400, "context_length_exceeded", true,  "the caller can shorten it"),
            (FailureKind::Credential,    502, "provider_auth",           false, "ours to mend; the words can hold a piece of the key"),
            (FailureKind::ModelNotFound, 404, "model_not_found",         false, "the caller can name another"),
            (FailureKind::TooLarge,      413, "request_too_large",       true,  "the caller can shorten it"),
            (FailureKind::ContentFilter, 400, "content_filter",          true,  "the caller can ask otherwise"),
            (FailureKind::RateLimited,   429, "rate_limit_exceeded",     false, "SDKs wait and retry"),
            (FailureKind::Quota,         429, "insufficient_quota",      false, "OpenAI's own code for it"),
            (FailureKind::Overloaded,    502, "provider_error",          false, "SDKs retry"),
            (FailureKind::Server,        502, "provider_error",          false, "SDKs retry"),
        ];
        for (kind, status, code, says, why) in table {
            let message = Some("own words".to_owned());
            let failure = Box::new(Failure { message, kind, ..Failure::of_status(418) });
            let error = GatewayError::Provider { provider: "openai", failure, retry_after_s: None };
            assert_eq!((error.on_the_wire().status.as_u16(), error.on_the_wire().code), (status, code), "{why}");
            assert_eq!(error.to_string().contains("own words"), says, "{why}");
        }
    }
}
