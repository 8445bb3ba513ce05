//! The errors, from the code that makes them: each as a caller gets it, and what to do about it.

use super::operation::{JSON, refusal_name};
use crate::{
    error::GatewayError,
    openai::Invalid,
    providers::{self, Failure, FailureKind},
    tenancy::auth::AuthError,
};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{
    ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder, example::ExampleBuilder},
};

/// OpenAI's error body, whatever went wrong.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its fields are read by the derive")]
pub(super) struct Error {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its fields are read by the derive")]
pub(super) struct ErrorDetail {
    /// For a person: what to change. Of an administrative body every fault is named, a line each.
    message: String,
    /// OpenAI's class.
    r#type: String,
    /// The path of the field at fault, as `messages[2].content`.
    #[schema(required = true)]
    param: Option<String>,
    /// For a program. What a provider says about a request is passed on with the provider's own code.
    code: String,
}

/// One of each code, and what to do about it.
fn samples() -> Vec<(GatewayError, &'static str)> {
    let provider = providers::ALL.first().map_or("the provider", |provider| provider.id());
    let failed = |kind, status, message: Option<&str>| {
        let failure = Failure { kind, message: message.map(str::to_owned), ..Failure::of_status(status) };
        GatewayError::Provider { provider, failure: Box::new(failure), retry_after_s: None }
    };
    let over = "the budget of the tenant is $10.00 per day: $9.99 are spent, $0.00 are reserved for running requests, and this one could \
        cost $0.02; it resets at 2026-12-01T00:00:00Z"
        .to_owned();
    let away = || "away".into();
    vec![
        (Invalid::value("name", "is required").into(), "A field is missing, unknown or out of range."),
        (Invalid::json("the body must be a JSON object").into(), "The body is not strict JSON."),
        (Invalid::unsupported("audio", "is not offered here").into(), "Part of the dialect, but not offered here."),
        (
            Invalid { code: "model_not_supported", ..Invalid::value("model", "makes no vectors") }.into(),
            "The model exists and does something else.",
        ),
        (AuthError::Several.into(), "Send one credential."),
        (failed(FailureKind::BadRequest, 400, Some("…")), "The provider refuses the request and says why."),
        (failed(FailureKind::ContextLength, 400, None), "Shorten the messages."),
        (failed(FailureKind::ContentFilter, 400, None), "A filter of the provider blocked the request; ask otherwise."),
        (AuthError::Invalid.into(), "No key, or one that is wrong, revoked or expired."),
        (
            GatewayError::Beyond { param: "role", problem: "is more than your own, `admin`".into() },
            "The role lacks the permission, or would give more than it has.",
        ),
        (GatewayError::WrongPassword, "The same for an address that has no account."),
        (GatewayError::SessionEnded, "Sign in again."),
        (GatewayError::TenantSuspended, "The operators of this deployment stopped it."),
        (GatewayError::NoCredential(provider), "Store the tenant's own key of the provider."),
        (GatewayError::NotFound("this id".into()), "It does not exist, or it is another tenant's."),
        (GatewayError::UnknownModel("there is no model `x`".into()), "No provider here has the model."),
        (GatewayError::MethodNotAllowed("PUT".into()), "The route does not take the method."),
        (GatewayError::Conflict("this key is revoked".into()), "It exists already, or its state forbids that."),
        (
            GatewayError::IdempotencyInFlight { request: "req_…".into() },
            "The first request with this `Idempotency-Key` is at work: try again for its answer.",
        ),
        (
            GatewayError::IdempotencyNotKept { request: "req_…".into() },
            "It was made, and its answer is not kept: the logs have the request.",
        ),
        (GatewayError::IdempotencyKeyReused, "Another request was sent with this `Idempotency-Key`."),
        (GatewayError::TooLarge, "Send less."),
        (
            GatewayError::BudgetExceeded(over),
            "A hard budget could be exceeded; wait until it resets, or have it raised.",
        ),
        (
            GatewayError::NotPriced("provider/model".into()),
            "What the request can cost is not known, and a budget or a stream needs that.",
        ),
        (GatewayError::NotJson, "Say `content-type: application/json`."),
        (GatewayError::CredentialUnreadable(provider), "Store the key again; no other is used in its place."),
        (failed(FailureKind::RateLimited, 429, None), "Wait, for `retry-after` seconds if the header is there."),
        (failed(FailureKind::Quota, 429, None), "The account at the provider is out of credit."),
        (GatewayError::Internal(away()), "A fault of ours: report the request id."),
        (failed(FailureKind::Server, 500, None), "The provider failed; try again."),
        (failed(FailureKind::Credential, 401, None), "The provider refuses the stored key."),
        (GatewayError::Truncated { provider }, "The provider closed the stream before its end."),
        (GatewayError::Unavailable(away()), "Something that the gateway needs is away; try again."),
        (GatewayError::Timeout { provider }, "It may have billed, so there was no second try."),
        (GatewayError::Deadline, "The function's time ran out."),
        (GatewayError::NotCached("MISS"), "The cache has no answer, and `only-if-cached` wants no other."),
    ]
}

/// A response for each status, with an example for each code.
pub(super) fn responses() -> Vec<(String, Response)> {
    let mut by_status: BTreeMap<u16, Vec<(String, &str, Value)>> = BTreeMap::new();
    for (error, what) in samples() {
        let on_the_wire = error.on_the_wire();
        // Three strings and a null, which we wrote ourselves.
        let body = serde_json::from_slice(&error.body()).unwrap_or_default();
        let row = (on_the_wire.code.to_owned(), what, body);
        by_status.entry(on_the_wire.status.as_u16()).or_default().push(row);
    }
    by_status.into_iter().map(|(status, rows)| (refusal_name(status), response(rows))).collect()
}

fn response(rows: Vec<(String, &str, Value)>) -> Response {
    let lines: Vec<String> = rows.iter().map(|(code, what, _)| format!("- `{code}`: {what}")).collect();
    let examples = rows.into_iter().map(|(code, what, body)| {
        let example = ExampleBuilder::new().summary(what).value(Some(body)).build();
        (code, example)
    });
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).examples_from_iter(examples);
    let request_id = RefOr::Ref(Ref::new("#/components/headers/x-request-id"));
    let mut response = ResponseBuilder::new().description(lines.join("\n")).content(JSON, content.build()).build();
    response.headers.insert("x-request-id".to_owned(), request_id);
    response
}
