//! `Idempotency-Key`: a request that is sent twice is made once. The key is claimed before a provider is asked, and after the response it is
//! given back, if no provider can have billed, or kept for a day with the answer.

use super::call::{Call, Reply, ReplyBody};
use crate::{
    causes::{BoxError, chain},
    clock::Clock,
    crypto::{
        envelope::NONCE_BYTES,
        kept_answer::{KeptAnswers, Mark, Place},
    },
    error::GatewayError,
    limits::{
        dynamo::{KeyClaim, Table},
        idempotency::{IdempotencyKey, MAX_SEALED_BYTES, Remembered, State},
    },
    openai::Invalid,
    tenancy::{Grant, RequestId},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

const HEADER: &str = "idempotency-key";
/// That an answer is one that was given before; the word that others use for it.
const REPLAYED: &str = "idempotent-replayed";
/// To which request it was given.
const REPLAY_OF: &str = "x-supergate-replay-of";
/// What is told again with an answer. What it cost is not: it is paid for.
const TOLD_AGAIN: [&str; 6] = [
    "content-type",
    "x-supergate-provider",
    "x-supergate-model",
    "x-supergate-attempts",
    "x-supergate-ignored-params",
    "x-supergate-provider-request-id",
];

/// Where keys are claimed.
#[derive(Clone)]
pub(crate) struct Keys {
    table: Arc<Table>,
    answers: KeptAnswers,
    clock: Arc<dyn Clock>,
}

/// A key that a request has, until it ends.
#[derive(Clone)]
pub(super) struct Claim {
    keys: Keys,
    place: Place,
    request: RequestId,
    answer: Arc<OnceLock<(HeaderMap, Bytes)>>,
}

/// What a key says of a request.
pub(super) enum Claimed {
    /// It is the first with that key, or has none.
    First(Option<Claim>),
    /// This is its answer.
    Before(Reply),
}

impl Keys {
    pub(crate) fn new(table: Arc<Table>, answers: KeptAnswers, clock: Arc<dyn Clock>) -> Self {
        Self { table, answers, clock }
    }

    /// Claims the key that a request names, if it names one. `until` is when the request is over at the latest.
    ///
    /// # Errors
    /// 409 while the first is at work, or where its answer is not kept; 422 for another request; 503 where nobody knows.
    pub(super) async fn claim(&self, call: &Call, grant: &Grant, until: Duration) -> Result<Claimed, GatewayError> {
        let Some(key) = key_of(&call.headers)? else { return Ok(Claimed::First(None)) };
        let (place, route) =
            (Place::new(grant.tenant(), grant.rights().answers, key.as_str()), call.path.trim_end_matches('/'));
        let mark = self.answers.mark(&place, route, &call.body);
        let claim =
            KeyClaim { place: &place, request: call.request_id, mark: &mark, now: self.clock.since_epoch(), until };
        let Some(before) = self.table.claim_key(&claim).await.map_err(GatewayError::Unavailable)? else {
            let claim = Claim { keys: self.clone(), place, request: call.request_id, answer: Arc::default() };
            return Ok(Claimed::First(Some(claim)));
        };
        let Remembered { request, mark, state } = before;
        if !self.is_same(&mark, &place, route, &call.body) {
            return Err(GatewayError::IdempotencyKeyReused);
        }
        match state {
            State::Open => Err(GatewayError::IdempotencyInFlight { request }),
            State::Done => Err(GatewayError::IdempotencyNotKept { request }),
            State::Answered(sealed) => match self.replay(&place, &request, &sealed) {
                Some(reply) => Ok(Claimed::Before(reply)),
                None => Err(GatewayError::IdempotencyNotKept { request }),
            },
        }
    }

    /// Where nobody can tell any more, they are taken for the same: then the answer does not open either, and nothing is made twice.
    fn is_same(&self, mark: &Mark, place: &Place, route: &str, body: &[u8]) -> bool {
        self.answers.is_same(mark, place, route, body).unwrap_or(true)
    }

    fn replay(&self, place: &Place, request: &str, sealed: &[u8]) -> Option<Reply> {
        let opened = self.answers.open(place, request.parse().ok()?, sealed).ok()?;
        let split = opened.iter().position(|byte| *byte == b'\n')?;
        let (head, body) = opened.split_at(split);
        let headers: Vec<(String, String)> = serde_json::from_slice(head).ok()?;
        let body = Bytes::copy_from_slice(body.get(1..)?);
        let mut reply = Reply { status: StatusCode::OK, headers: HeaderMap::new(), body: ReplyBody::Whole(body) };
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            reply.headers.insert(name, HeaderValue::from_str(&value).ok()?);
        }
        reply.set(REPLAYED, "true");
        reply.set(REPLAY_OF, request);
        Some(reply)
    }
}

/// Notes the answer, to be kept when the request ends. A stream is none that can be given again.
pub(super) fn note(claim: Option<&Claim>, reply: &Reply) {
    if let (Some(claim), ReplyBody::Whole(body)) = (claim, &reply.body) {
        let headers = TOLD_AGAIN.iter().filter_map(|name| {
            let value = reply.headers.get(*name)?;
            Some((HeaderName::from_static(name), value.clone()))
        });
        // Noted once: a request has one answer.
        let _ = claim.answer.set((headers.collect(), body.clone()));
    }
}

impl Claim {
    /// The end of a request: nobody can have billed, so that it may be made again, or it was made.
    pub(super) async fn end(self, is_billed: bool) {
        let (table, now) = (&self.keys.table, self.keys.clock.since_epoch());
        let ended = match is_billed {
            false => table.release_key(&self.place, self.request, now).await,
            true => match self.sealed() {
                Ok(answer) => table.finish_key(&self.place, self.request, answer, now).await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = ended {
            // A second request waits until the claim expires, and is made then: the worst that an idempotency key can do.
            tracing::error!(alarm = "idempotency_key_left_open", error = %chain(&*error), "the end of a request with a key was not noted");
        }
    }

    /// The answer, if there is one that is short enough to be kept.
    fn sealed(&self) -> Result<Option<Vec<u8>>, BoxError> {
        let Some((headers, body)) = self.answer.get() else { return Ok(None) };
        let headers: Vec<(&str, &str)> =
            headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let mut plain = serde_json::to_vec(&headers)?;
        plain.push(b'\n');
        plain.extend_from_slice(body);
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let sealed = self.keys.answers.seal(&self.place, self.request, nonce, &plain)?;
        Ok((sealed.len() <= MAX_SEALED_BYTES).then_some(sealed))
    }
}

/// The key that a request names; none is the usual case.
fn key_of(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Invalid> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Invalid::value("Idempotency-Key", "is given twice"));
    }
    let key = value.to_str().map_err(|_| String::new()).and_then(IdempotencyKey::parse);
    key.map(Some).map_err(|_| {
        let rule = IdempotencyKey::parse("").err().unwrap_or_default();
        Invalid::value("Idempotency-Key", rule)
    })
}
