//! What every request that calls a provider has in common: sending, reading, settling, and the headers that tell of it.

use super::{
    Gateway,
    admission::Booking,
    after_response::AfterResponse,
    attempt::{Attempt, Outcome, UsageFacts},
    call::{Call, PROVIDER_REQUEST_ID, Reply},
    echo, relay,
};
use crate::{
    crypto::vault::VaultError,
    db::credentials,
    error::GatewayError,
    http::client::{BodyError, MAX_ANSWER_BYTES, SendError, UpstreamAnswer},
    limits::told::Headers,
    openai::Invalid,
    providers::{AnswerError, Prepared, Provider},
    routing::plan::{Candidate, Unresolved},
    tenancy::CredentialRef,
    usage::{Nanos, ledger::UsageEvent},
};
use http::{HeaderMap, header};
use std::time::Duration;

/// How much of an error answer is read, and for how long: it is a sentence or two.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// The longest id of a request that is passed on.
const MAX_ID_BYTES: usize = 200;
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// What a caller is told of a name that cannot be asked.
pub(super) fn unresolved(error: Unresolved) -> GatewayError {
    match error {
        Unresolved::Unknown(unknown) => GatewayError::UnknownModel(unknown.0),
        Unresolved::NotPriced { name, .. } => GatewayError::NotPriced(name),
    }
}

/// What cannot be honoured, for [`tell_ignored`]; an error if the caller would rather have that.
pub(super) fn check_ignored(names: &[String], require_parameters: Option<bool>) -> Result<String, Invalid> {
    if require_parameters == Some(true) && !names.is_empty() {
        let names = names.join("`, `");
        let problem = "cannot be honoured by this model, and `require_parameters` is set";
        return Err(Invalid::unsupported(names, problem));
    }
    Ok(header_list(names))
}

/// An attempt that has no answer: what the caller is told, and what the provider may bill.
pub(super) struct Failed {
    pub(super) error: GatewayError,
    pub(super) usage: UsageFacts,
}

impl Failed {
    pub(super) fn unbilled(error: GatewayError) -> Self {
        Self { error, usage: UsageFacts::Nothing }
    }

    /// Without what the provider's words repeat of what the caller sent.
    pub(super) fn without_echo<'a>(self, sent: impl Iterator<Item = &'a str>) -> Self {
        Self { error: echo::removed(self.error, sent), ..self }
    }

    /// Leaves the ledger's row and gives the caller's error back.
    pub(super) fn settle(self, attempt: &Attempt, booking: Booking, after: &AfterResponse) -> GatewayError {
        booking.close(vec![self.event(attempt)], after);
        self.error
    }

    /// The ledger's event of it.
    pub(super) fn event(&self, attempt: &Attempt) -> UsageEvent {
        let on_the_wire = self.error.on_the_wire();
        attempt.event(Outcome {
            status: on_the_wire.status.as_u16(),
            error_code: Some(on_the_wire.code.to_owned()),
            ended: relay::ended_by(&self.error),
            model_served: None,
            usage: self.usage,
        })
    }
}

/// Sends a request and waits for the head of a good answer.
pub(super) async fn send(
    gateway: &Gateway,
    call: &Call,
    attempt: &mut Attempt,
    prepared: Prepared,
) -> Result<UpstreamAnswer, Failed> {
    let provider = attempt.provider();
    let (Some(reference), Some(base_url)) = (attempt.credential_for(provider), gateway.base_urls.get(provider)) else {
        return Err(Failed::unbilled(GatewayError::NoCredential(provider)));
    };
    let (key, opened_now) = gateway.vault.open(reference, provider).await.map_err(|error| {
        Failed::unbilled(match error {
            VaultError::Unavailable(_) => GatewayError::Unavailable(error.into()),
            VaultError::Gone => GatewayError::NoCredential(provider),
            VaultError::Unreadable(_) => GatewayError::CredentialUnreadable(provider),
        })
    })?;
    if opened_now {
        note_use_of_credential(gateway, call, reference);
    }
    let credential = attempt
        .candidate
        .provider
        .authorize(&key)
        .map_err(|error| Failed::unbilled(GatewayError::Internal(error.into())))?;
    let time_left = relay::time_left(&*gateway.clock, call.deadline);
    if time_left.is_zero() {
        return Err(Failed::unbilled(GatewayError::Deadline));
    }
    attempt.credential = Some(key);
    let asked = gateway.clock.monotonic();
    let sent = gateway.upstream.post(base_url, credential, prepared, time_left).await;
    attempt.waited_since(asked);
    let answer = sent.map_err(|error| match error {
        SendError::Connect(source) => Failed::unbilled(GatewayError::Unreachable { provider, source }),
        // The request may be at work over there, so its prompt is charged.
        SendError::Timeout => Failed {
            error: GatewayError::Timeout { provider },
            usage: UsageFacts::Counted { answer_bytes: 0, reported: None },
        },
        SendError::Broken(source) => Failed {
            error: GatewayError::Unreachable { provider, source },
            usage: UsageFacts::Counted { answer_bytes: 0, reported: None },
        },
    })?;
    let id = answer.headers.get(attempt.candidate.provider.request_id_header());
    attempt.provider_request_id =
        id.and_then(|id| id.to_str().ok()).filter(|id| id.len() <= MAX_ID_BYTES).map(str::to_owned);
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    let status = answer.status;
    let header_wait = retry_after_s(&answer.headers);
    // An error whose body cannot be read, or does not come, is still an error with a status.
    let body = tokio::time::timeout(ERROR_BODY_TIME.min(time_left), answer.whole(MAX_ERROR_BYTES)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let failure = attempt.redacted(attempt.candidate.provider.failure(status, &body));
    tracing::warn!(provider, status, kind = ?failure.kind, provider.request_id = attempt.provider_request_id, "the provider refused");
    let retry_after_s = header_wait.or(failure.retry_after_s);
    Err(Failed::unbilled(GatewayError::Provider { provider, failure, retry_after_s }))
}

fn note_use_of_credential(gateway: &Gateway, call: &Call, credential: CredentialRef) {
    let (db, at) = (gateway.db.clone(), gateway.clock.now());
    call.after.defer(async move {
        if let Err(error) = credentials::touch(&db, credential.tenant, credential.id, at).await {
            tracing::warn!(error = %crate::causes::chain(&error), "the use of a credential was not noted");
        }
    });
}

/// `retry-after` in seconds. Its other form, a date, is sent by none of the providers.
fn retry_after_s(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds))?;
    Some(Duration::from_secs_f64(seconds.ceil()).as_secs())
}

/// Reads a whole answer.
pub(super) async fn read<T>(
    gateway: &Gateway,
    call: &Call,
    attempt: &mut Attempt,
    answer: UpstreamAnswer,
    translate: impl FnOnce(&dyn Provider, &[u8]) -> Result<T, AnswerError>,
) -> Result<T, Failed> {
    let provider = attempt.provider();
    let asked = gateway.clock.monotonic();
    let time_left = relay::time_left(&*gateway.clock, call.deadline);
    let body = tokio::time::timeout(time_left, answer.whole(MAX_ANSWER_BYTES)).await;
    attempt.waited_since(asked);
    attempt.content_came();
    // The provider may have billed an answer that cannot be read; how long it was, nobody can say.
    let failed = |error| Failed { error, usage: UsageFacts::Counted { answer_bytes: 0, reported: None } };
    match body {
        Err(_) => Err(failed(GatewayError::Deadline)),
        Ok(Err(BodyError::Broken(_))) => Err(failed(GatewayError::Truncated { provider })),
        Ok(Err(error @ BodyError::TooLong)) => Err(failed(GatewayError::BadAnswer { provider, source: error.into() })),
        Ok(Ok(body)) => translate(attempt.candidate.provider, &body).map_err(|error| match error {
            AnswerError::Failed(ref failure) => {
                let usage = failure.used.as_deref().map_or(UsageFacts::Nothing, |used| UsageFacts::Reported(*used));
                Failed { error: relay::answer_error(attempt, error), usage }
            }
            AnswerError::Unreadable(_) => failed(relay::answer_error(attempt, error)),
        }),
    }
}

/// Who answered, after how many calls, and how much of the time was ours.
pub(super) fn describe(reply: &mut Reply, candidate: &Candidate, attempts: usize, overhead: Duration) {
    reply.set("x-supergate-provider", candidate.provider.id());
    reply.set("x-supergate-model", &candidate.model.id);
    reply.set("x-supergate-attempts", &attempts.to_string());
    reply.set("x-supergate-overhead-ms", &format!("{:.3}", overhead.as_secs_f64() * 1e3));
}

/// The provider's id of the request, which its support asks for.
pub(super) fn tell_request_id(reply: &mut Reply, attempt: &Attempt) {
    if let Some(id) = &attempt.provider_request_id {
        reply.set(PROVIDER_REQUEST_ID, id);
    }
}

/// Dollars with nine decimals, without an exponent.
pub(super) fn tell_cost(reply: &mut Reply, Nanos(nanos): Nanos) {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    reply.set("x-supergate-cost-usd", &text);
}

/// What is left of the caller's limits.
pub(super) fn tell_limits(reply: &mut Reply, headers: &Headers) {
    headers.iter().for_each(|(name, value)| reply.set(name, value));
}

/// Names what was left out, if anything was.
pub(super) fn tell_ignored(reply: &mut Reply, ignored: &str) {
    if !ignored.is_empty() {
        reply.set("x-supergate-ignored-params", ignored);
    }
}

/// Names as a header: they can be the caller's own, so anything that a header cannot hold becomes `?`, and the list is bounded.
fn header_list(names: &[String]) -> String {
    const MAX_NAME_CHARS: usize = 64;
    const MAX_CHARS: usize = 1000;
    let plain = |c: char| if c.is_ascii_graphic() && c != ',' { c } else { '?' };
    let mut list = String::new();
    for name in names {
        if list.len() > MAX_CHARS {
            list.push_str(", ...");
            break;
        }
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.extend(name.chars().take(MAX_NAME_CHARS).map(plain));
    }
    list
}
