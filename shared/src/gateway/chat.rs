//! `POST /v1/chat/completions`, plain and streamed.

use super::{
    Gateway,
    after_response::AfterResponse,
    attempt::{Attempt, Outcome, UsageFacts},
    call::{Call, Reply},
    relay::{self, Relay},
};
use crate::{
    db::Database,
    error::GatewayError,
    http::{
        client::{BodyError, MAX_ANSWER_BYTES, SendError, UpstreamAnswer},
        events::Framing,
    },
    openai::{
        ChatRequest,
        completion::{AnswerMessage, ChatCompletion, Choice},
        usage::Usage,
    },
    providers::{Answer, AnswerError, Prepared},
    routing::plan,
    tenancy::{Permission, RequestId},
    usage::{
        Cost,
        ledger::{self, Ended},
    },
};
use http::{HeaderMap, StatusCode, header};
use std::{sync::Arc, time::Duration};

/// How much of an error answer is read, and for how long: it is a sentence or two.
const MAX_ERROR_BYTES: usize = 64 << 10;
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// Answers a chat request.
///
/// # Errors
/// [`GatewayError`]; the caller's own mistakes come before any provider is called.
pub async fn complete(gateway: &Gateway, call: Call) -> Result<Reply, GatewayError> {
    let grant = gateway.authorize(&call, Permission::Infer).await?;
    let request = ChatRequest::parse(call.json_body()?)?;
    let candidate = plan::resolve(&request.model).map_err(|unknown| GatewayError::UnknownModel(unknown.0))?;
    let prepared = candidate.provider.chat_request(candidate.model, &request)?;
    let ignored = header_list(&prepared.ignored);

    let mut attempt = Attempt::new(candidate, &grant, call.request_id, &request, &gateway.clock);
    let answer = match send(gateway, &call, &mut attempt, prepared).await {
        Ok(answer) => answer,
        Err(failed) => return Err(failed.settle(&attempt, &gateway.db, &call.after)),
    };
    let mut reply = if request.streams() {
        stream(gateway, &call, &request, attempt, answer)?
    } else {
        whole(gateway, &call, attempt, answer).await?
    };
    if !ignored.is_empty() {
        reply.set("x-supergate-ignored-params", &ignored);
    }
    Ok(reply)
}

/// An attempt that has no answer: what the caller is told, and what the provider may bill.
struct Failed {
    error: GatewayError,
    usage: UsageFacts,
}

impl Failed {
    fn unbilled(error: GatewayError) -> Self {
        Self { error, usage: UsageFacts::Nothing }
    }

    /// Leaves the ledger's row and gives the caller's error back.
    fn settle(self, attempt: &Attempt, db: &Database, after: &AfterResponse) -> GatewayError {
        let status = self.error.on_the_wire().status.as_u16();
        let ended = relay::ended_by(&self.error);
        let outcome = Outcome { status, ended, model_served: None, usage: self.usage };
        record(attempt, outcome, db, after);
        self.error
    }
}

async fn send(
    gateway: &Gateway,
    call: &Call,
    attempt: &mut Attempt,
    prepared: Prepared,
) -> Result<UpstreamAnswer, Failed> {
    let provider = attempt.provider();
    let upstream = gateway.upstreams.get(provider);
    let Some((upstream, key)) = upstream.and_then(|upstream| Some((upstream, upstream.key.as_ref()?))) else {
        return Err(Failed::unbilled(GatewayError::NoCredential(provider)));
    };
    let credential = attempt
        .candidate
        .provider
        .authorize(key)
        .map_err(|error| Failed::unbilled(GatewayError::Internal(error.into())))?;
    let time_left = relay::time_left(&*gateway.clock, call.deadline);
    if time_left.is_zero() {
        return Err(Failed::unbilled(GatewayError::Deadline));
    }
    attempt.credential = Some(Arc::clone(key));
    let asked = gateway.clock.monotonic();
    let sent = gateway.upstream.post(&upstream.base_url, credential, prepared, time_left).await;
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
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    let status = answer.status;
    let header_wait = retry_after_s(&answer.headers);
    // An error whose body cannot be read, or does not come, is still an error with a status.
    let body = tokio::time::timeout(ERROR_BODY_TIME.min(time_left), answer.whole(MAX_ERROR_BYTES)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let failure = attempt.redacted(attempt.candidate.provider.failure(status, &body));
    let retry_after_s = header_wait.or(failure.retry_after_s);
    Err(Failed::unbilled(GatewayError::Provider { provider, failure, retry_after_s }))
}

/// `retry-after` in seconds. Its other form, a date, is sent by none of the providers.
fn retry_after_s(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds))?;
    Some(Duration::from_secs_f64(seconds.ceil()).as_secs())
}

async fn whole(
    gateway: &Gateway,
    call: &Call,
    mut attempt: Attempt,
    answer: UpstreamAnswer,
) -> Result<Reply, GatewayError> {
    let provider = attempt.provider();
    let asked = gateway.clock.monotonic();
    let time_left = relay::time_left(&*gateway.clock, call.deadline);
    let body = tokio::time::timeout(time_left, answer.whole(MAX_ANSWER_BYTES)).await;
    attempt.waited_since(asked);
    attempt.content_came();
    // The provider may have billed an answer that cannot be read; how long it was, nobody can say.
    let failed = |error| Failed { error, usage: UsageFacts::Counted { answer_bytes: 0, reported: None } };
    let read = match body {
        Err(_) => Err(failed(GatewayError::Deadline)),
        Ok(Err(BodyError::Broken(_))) => Err(failed(GatewayError::Truncated { provider })),
        Ok(Err(error @ BodyError::TooLong)) => Err(failed(GatewayError::BadAnswer { provider, source: error.into() })),
        Ok(Ok(body)) => attempt.candidate.provider.chat_answer(&body).map_err(|error| match error {
            AnswerError::Failed(_) => Failed::unbilled(relay::answer_error(&attempt, error)),
            AnswerError::Unreadable(_) => failed(relay::answer_error(&attempt, error)),
        }),
    };
    let answer = match read {
        Ok(answer) => answer,
        Err(error) => return Err(error.settle(&attempt, &gateway.db, &call.after)),
    };
    let answer_bytes = answer.choices.iter().filter_map(|choice| choice.text.as_deref()).map(str::len).sum();
    let usage = answer.usage.map_or(UsageFacts::Counted { answer_bytes, reported: None }, UsageFacts::Reported);
    let (tokens, _, cost) = attempt.price(&usage);
    let outcome =
        Outcome { status: 200, ended: Ended::Complete, model_served: answer.head.clone().bounded().model, usage };
    let completion = completion(answer, &attempt, call.request_id, tokens.to_usage(Some(&cost)));
    record(&attempt, outcome, &gateway.db, &call.after);

    let mut reply = Reply::json(StatusCode::OK, &completion)?;
    describe(&mut reply, &attempt);
    reply.set("x-supergate-cost-usd", &cost_text(&cost));
    Ok(reply)
}

fn completion(answer: Answer, attempt: &Attempt, request_id: RequestId, usage: Usage) -> ChatCompletion {
    let head = answer.head.bounded();
    ChatCompletion {
        id: head.id.unwrap_or_else(|| relay::fallback_id(request_id)),
        object: "chat.completion",
        created: head.created.unwrap_or_else(|| attempt.clock.now().unix_timestamp()),
        model: head.model.unwrap_or_else(|| attempt.candidate.model.id.to_owned()),
        choices: (0..)
            .zip(answer.choices)
            .map(|(index, choice)| Choice {
                index,
                message: AnswerMessage { role: "assistant", content: choice.text, refusal: choice.refusal },
                logprobs: None,
                finish_reason: choice.finish,
            })
            .collect(),
        usage: Some(usage),
        system_fingerprint: head.system_fingerprint,
        service_tier: head.service_tier,
    }
}

fn stream(
    gateway: &Gateway,
    call: &Call,
    request: &ChatRequest,
    attempt: Attempt,
    answer: UpstreamAnswer,
) -> Result<Reply, GatewayError> {
    let content_type =
        answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(framing) = Framing::of_content_type(content_type) else {
        let source = format!("a stream of type {content_type:?}").into();
        let error = GatewayError::BadAnswer { provider: attempt.provider(), source };
        return Err(Failed { error, usage: UsageFacts::Counted { answer_bytes: 0, reported: None } }.settle(
            &attempt,
            &gateway.db,
            &call.after,
        ));
    };
    let mut headers = Reply::events(futures_util::stream::empty());
    describe(&mut headers, &attempt);
    let relay = Relay::new(attempt, answer, framing, call, request.wants_stream_usage());
    let events = relay::serve(relay, &gateway.db, &call.after);
    Ok(Reply { headers: headers.headers, ..Reply::events(events) })
}

fn describe(reply: &mut Reply, attempt: &Attempt) {
    reply.set("x-supergate-provider", attempt.provider());
    reply.set("x-supergate-model", attempt.candidate.model.id);
    reply.set("x-supergate-attempts", "1");
    reply.set("x-supergate-overhead-ms", &format!("{:.3}", attempt.overhead().as_secs_f64() * 1e3));
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

/// Dollars with nine decimals, without an exponent.
fn cost_text(cost: &Cost) -> String {
    let nanos = cost.total.0;
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

fn record(attempt: &Attempt, outcome: Outcome, db: &Database, after: &AfterResponse) {
    let (db, event) = (db.clone(), attempt.event(outcome));
    after.defer(async move { ledger::record(&db, &event).await });
}
