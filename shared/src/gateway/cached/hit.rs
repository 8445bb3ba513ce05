//! A stored answer in the place of the provider's: the same object, plain or as events, however it came when it was stored.

use super::Question;
use crate::{
    cache::{
        answer::StoredAnswer,
        eligibility,
        savings::{self, Savings},
        store::{Hit, Tier},
    },
    causes,
    error::GatewayError,
    gateway::{
        admission::Booking,
        attempt::{Attempt, Outcome, UsageFacts},
        call::{Call, Reply},
        upstream,
    },
    openai::{ChatRequest, completion::ChatCompletion},
    usage::{Tokens, ledger::Ended},
};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use std::time::Duration;

/// What four bytes of text make, where nobody counted.
const BYTES_PER_TOKEN: u64 = 4;

/// Answers with what was found. Nothing is charged: what was reserved is given back, but that it was a request counts.
pub(in crate::gateway) fn serve(
    question: &Question,
    call: &Call,
    request: &ChatRequest,
    (mut attempt, booking): (Attempt, Booking),
    hit: &Hit,
) -> Result<Reply, GatewayError> {
    let answer = &hit.answer;
    let saved = saved(&attempt, request, hit);
    attempt.cache = Some(question.outcome());
    (attempt.saved, attempt.saved_latency) = (saved.money, Some(saved.latency));
    // At the prices of now, from the counts of then: the object is the one that the provider's answer was.
    let (tokens, _, cost) = attempt.price(&UsageFacts::Reported(*answer.usage()));
    let usage = tokens.to_usage(Some(&cost));
    attempt.content_came();
    let outcome = Outcome {
        status: 200,
        error_code: None,
        ended: Ended::Complete,
        model_served: Some(answer.model().to_owned()),
        usage: UsageFacts::Nothing,
    };
    booking.close(vec![attempt.event(outcome)], &call.after);
    note_hit(question, hit);

    let mut reply = match request.streams() {
        true => Reply::events(stream::iter([Bytes::from(answer.events(&usage, request.wants_stream_usage()))])),
        false => Reply::json(StatusCode::OK, &answer.completion(usage))?,
    };
    upstream::describe(&mut reply, &attempt.candidate, 0, attempt.overhead());
    // Nothing, unless a provider was paid for a vector to find it by.
    upstream::tell_cost(&mut reply, question.spent());
    tell(question, hit, &mut reply);
    Ok(reply)
}

fn tell(question: &Question, hit: &Hit, reply: &mut Reply) {
    question.tell(reply);
    reply.set("x-supergate-cache-id", &hit.id.to_string());
    let tier = match hit.tier {
        Tier::Exact => "exact",
        Tier::Canonical => "canonical",
        Tier::Similar => "semantic",
    };
    reply.set("x-supergate-cache-tier", tier);
    if let Some(cosine) = hit.cosine {
        reply.set("x-supergate-cache-similarity", &format!("{cosine:.4}"));
    }
    // RFC 9111, section 5.1: whole seconds since it was made.
    let age = (question.clock.now() - hit.created_at).whole_seconds().max(0);
    reply.set("age", &age.to_string());
}

fn saved(attempt: &Attempt, request: &ChatRequest, hit: &Hit) -> Savings {
    let stored = hit.answer.usage();
    let prompt_tokens = match hit.tier {
        Tier::Exact => stored.input,
        // The stored prompt's count, and the difference of the two by the usual rule: all else is equal.
        Tier::Canonical | Tier::Similar => {
            let last = request.messages.last().and_then(|message| message.content.as_ref());
            let bytes: usize = last.map_or(0, |content| content.texts().into_iter().map(str::len).sum());
            let of = |bytes: usize| (bytes as u64).div_ceil(BYTES_PER_TOKEN);
            stored.input.saturating_add(of(bytes)).saturating_sub(of(hit.prompt.len()))
        }
    };
    let took = hit.answer.took().unwrap_or(Duration::ZERO);
    savings::of_hit(&attempt.candidate.model, prompt_tokens, stored, took, attempt.overhead()).unwrap_or_default()
}

/// What answers often is kept longer.
fn note_hit(question: &Question, hit: &Hit) {
    let (store, id) = (question.cache.store.clone(), hit.id);
    let Some(tenant) = question.address.map(|address| address.tenant) else { return };
    question.after.defer(async move {
        if let Err(error) = store.note_hit(tenant, id).await {
            tracing::warn!(error = %causes::chain(&error), "a hit was not noted");
        }
    });
}

/// What a whole answer leaves for the cache; none if it is not fit for it.
pub(in crate::gateway) fn of_completion(completion: &ChatCompletion, tokens: Tokens) -> Option<StoredAnswer> {
    eligibility::of_answer(completion).ok()?;
    StoredAnswer::of(completion, tokens)
}
