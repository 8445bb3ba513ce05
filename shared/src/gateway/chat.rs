//! `POST /v1/chat/completions`, plain and streamed.

use super::{
    Gateway, admission,
    admission::{Admitted, Booking},
    attempt::{Asked, Attempt, Outcome, UsageFacts},
    cached::{self, Question},
    call::{Call, Reply},
    echo, idempotency, refusals,
    relay::{self, Relay},
    upstream::{self, Failed},
};
use crate::{
    error::GatewayError,
    http::{client::UpstreamAnswer, events::Framing},
    limits::estimate,
    openai::{
        ChatRequest,
        completion::{AnswerMessage, ChatCompletion, Choice},
        format::Reasoning,
        usage::Usage,
    },
    providers::{self, Answer, AnswerChoice, Prepared},
    tenancy::{Permission, RequestId},
    usage::{ModelKind, ledger::Ended},
};
use futures_util::future::join;
use http::{StatusCode, header};

/// Answers a chat request.
///
/// # Errors
/// [`GatewayError`]; the caller's own mistakes come before any provider is called.
pub async fn complete(gateway: &Gateway, call: Call) -> Result<Reply, GatewayError> {
    let grant = gateway.authorize(&call, Permission::Infer).await?;
    let request = ChatRequest::parse(call.json_body()?)?;
    let tags = admission::tags(&grant, &call)?;
    let candidate = refusals::resolve(gateway, &call, &grant, Asked::from(&request), &tags, ModelKind::Chat)?;
    let (prepared, terms) = providers::prepare_chat(candidate.provider, &candidate.model, &request)?;
    let ignored = upstream::check_ignored(&prepared.ignored, request.require_parameters)?;
    let mut question = Question::new(gateway, &call, &grant, &request, &candidate)?;

    let mut attempt = Attempt::new(candidate, &grant, &call, &request, &gateway.clock);
    attempt.terms = terms;
    attempt.tags = tags;
    let worst = question.worst(estimate::chat(&attempt.candidate, &terms, &request, prepared.body.len()));
    // Both at once: a request waits for one round trip before it goes on.
    let reserved = Box::pin(admission::reserve(gateway, &call, &grant, &attempt, worst));
    let (admitted, hit) = join(reserved, Box::pin(question.ask())).await;
    let (mut booking, limits) = match admitted? {
        Admitted::Now(booking, limits) => (booking, limits),
        Admitted::Before(reply) => return Ok(reply),
    };
    let hit = match hit {
        None => Box::pin(question.ask_elsewhere(gateway, &call, &mut booking)).await,
        found => found,
    };
    attempt.cache = Some(question.outcome());
    question.load_embedder();
    let claim = booking.claim();
    let mut reply = match hit {
        Some(hit) => cached::serve(&question, &call, &request, (attempt, booking), &hit)?,
        // Behind a pointer: what waits for a provider is large, and a hit should not carry it.
        None => Box::pin(ask(gateway, &call, request, (attempt, booking), prepared, question)).await?,
    };
    upstream::tell_limits(&mut reply, &limits);
    upstream::tell_ignored(&mut reply, &ignored);
    idempotency::note(claim.as_ref(), &reply);
    Ok(reply)
}

/// Asks the provider, because the cache has no answer.
async fn ask(
    gateway: &Gateway,
    call: &Call,
    request: ChatRequest,
    (mut attempt, mut booking): (Attempt, Booking),
    prepared: Prepared,
    mut question: Question,
) -> Result<Reply, GatewayError> {
    if question.only_if_cached() {
        let error = cached::not_cached(&question);
        booking.close(vec![attempt.refused(&error)], &call.after);
        return Err(error);
    }
    // A provider's vector of the prompt, if one is of use: it comes before the answer does.
    let vector = Box::pin(question.embed_elsewhere(gateway, call, &mut booking));
    let (sent, ()) = join(upstream::send(gateway, call, &mut attempt, prepared), vector).await;
    let answer = match sent {
        Ok(answer) => answer,
        Err(failed) => {
            return Err(failed.without_echo(echo::texts(&request)).settle(&attempt, booking, &call.after));
        }
    };
    match request.streams() {
        true => stream(gateway, call, request, (attempt, booking), answer, question),
        false => whole(gateway, call, &request, (attempt, booking), answer, question).await,
    }
}

async fn whole(
    gateway: &Gateway,
    call: &Call,
    request: &ChatRequest,
    (mut attempt, booking): (Attempt, Booking),
    answer: UpstreamAnswer,
    question: Question,
) -> Result<Reply, GatewayError> {
    let read = upstream::read(gateway, call, &mut attempt, answer, |provider, body| provider.chat_answer(body)).await;
    let answer = match read {
        Ok(answer) => answer,
        Err(failed) => {
            return Err(failed.without_echo(echo::texts(request)).settle(&attempt, booking, &call.after));
        }
    };
    let answer_bytes = answer.choices.iter().filter_map(|choice| choice.text.as_deref()).map(str::len).sum();
    let usage = answer.usage.map_or(UsageFacts::Counted { answer_bytes, reported: None }, UsageFacts::Reported);
    let (tokens, _, cost) = attempt.price(&usage);
    let model_served = answer.head.clone().bounded().model;
    let outcome = Outcome { status: 200, error_code: None, ended: Ended::Complete, model_served, usage };
    let completion = completion(answer, &attempt, request, call.request_id, tokens.to_usage(Some(&cost)));
    booking.close(vec![attempt.event(outcome)], &call.after);

    let mut reply = Reply::json(StatusCode::OK, &completion)?;
    question.tell(&mut reply);
    if let Some(stored) = cached::of_completion(&completion, tokens) {
        call.after.defer(question.take(stored.that_took(attempt.waited()), cost.total));
    }
    upstream::describe(&mut reply, &attempt.candidate, 1, attempt.overhead());
    upstream::tell_request_id(&mut reply, &attempt);
    upstream::tell_cost(&mut reply, cost.total);
    Ok(reply)
}

fn completion(
    answer: Answer,
    attempt: &Attempt,
    request: &ChatRequest,
    request_id: RequestId,
    usage: Usage,
) -> ChatCompletion {
    let head = answer.head.bounded();
    ChatCompletion {
        id: head.id.unwrap_or_else(|| relay::fallback_id(request_id)),
        object: "chat.completion",
        created: head.created.unwrap_or_else(|| attempt.clock.now().unix_timestamp()),
        model: head.model.unwrap_or_else(|| attempt.candidate.model.id.to_string()),
        choices: (0..).zip(answer.choices).map(|(index, choice)| choice_of(index, choice, request)).collect(),
        usage: Some(usage),
        system_fingerprint: head.system_fingerprint,
        service_tier: head.service_tier,
    }
}

fn choice_of(index: u32, mut choice: AnswerChoice, request: &ChatRequest) -> Choice {
    // A custom tool's call has no older form.
    let is_function = choice.tool_calls.first().is_none_or(|call| call.function.is_some());
    let legacy_functions = request.legacy_functions && is_function;
    if request.hides_reasoning() {
        choice.reasoning = None;
        choice.reasoning_details.retain(Reasoning::is_wanted_back);
    }
    let finish_reason = relay::finish_reason(choice.finish, !choice.tool_calls.is_empty(), legacy_functions);
    let function_call = match legacy_functions {
        true => std::mem::take(&mut choice.tool_calls).into_iter().next().and_then(|call| call.function),
        false => None,
    };
    let message = AnswerMessage {
        role: "assistant",
        content: choice.text,
        refusal: choice.refusal,
        audio: choice.audio,
        images: choice.images,
        tool_calls: choice.tool_calls,
        function_call,
        reasoning_content: choice.reasoning,
        reasoning_details: choice.reasoning_details,
        annotations: choice.annotations,
    };
    let native_finish_reason = choice.native_finish.as_deref().map(providers::bounded_word);
    Choice { index, message, logprobs: choice.logprobs, finish_reason, native_finish_reason }
}

fn stream(
    gateway: &Gateway,
    call: &Call,
    request: ChatRequest,
    (attempt, booking): (Attempt, Booking),
    answer: UpstreamAnswer,
    question: Question,
) -> Result<Reply, GatewayError> {
    let content_type =
        answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(framing) = Framing::of_content_type(content_type) else {
        let source = format!("a stream of type {content_type:?}").into();
        let error = GatewayError::BadAnswer { provider: attempt.provider(), source };
        return Err(Failed { error, usage: UsageFacts::Counted { answer_bytes: 0, reported: None } }.settle(
            &attempt,
            booking,
            &call.after,
        ));
    };
    let mut headers = Reply::events(futures_util::stream::empty());
    upstream::describe(&mut headers, &attempt.candidate, 1, attempt.overhead());
    upstream::tell_request_id(&mut headers, &attempt);
    question.tell(&mut headers);
    let relay = Relay::new(attempt, answer, framing, call, request, gateway.keep_alive);
    let events = relay::serve(relay, booking, question, &call.after);
    Ok(Reply { headers: headers.headers, ..Reply::events(events) })
}
