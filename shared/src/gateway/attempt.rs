//! One try at one provider: what is known of it from the start, and the ledger's event that it becomes whichever way it ends.

use super::call::Call;
use crate::{
    clock::Clock,
    crypto::ProviderKey,
    error::GatewayError,
    openai::ChatRequest,
    providers::Failure,
    routing::plan::Candidate,
    tenancy::{CredentialRef, Grant, RequestId},
    usage::{
        Cost, MAX_END_USER_CHARS, Nanos, Note, SearchUnit, Terms, Tokens,
        ledger::{CacheOutcome, Ended, UsageEvent, UsageSource},
    },
};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;

/// Bytes of text that make a token, where nobody else counts: the usual rule of thumb for English.
const BYTES_PER_TOKEN: usize = 4;
/// The longest path of a field that a provider finds at fault.
const MAX_PARAM_CHARS: usize = 200;

pub(super) struct Attempt {
    /// From 1.
    pub(super) number: i16,
    pub(super) candidate: Candidate,
    pub(super) clock: Arc<dyn Clock>,
    /// What the request was sent with, so that it can be struck out of what comes back.
    pub(super) credential: Option<Arc<ProviderKey>>,
    /// The provider's id of the request.
    pub(super) provider_request_id: Option<String>,
    /// On which terms the caller asked to be served.
    pub(super) terms: Terms,
    /// What it is booked under.
    pub(super) tags: Vec<String>,
    /// What the cache said.
    pub(super) cache: Option<CacheOutcome>,
    /// What its answer saved, in money and in time.
    pub(super) saved: Nanos,
    pub(super) saved_latency: Option<Duration>,
    grant: Grant,
    request_id: RequestId,
    model_requested: String,
    end_user: Option<String>,
    streamed: bool,
    prompt_bytes: usize,
    created_at: OffsetDateTime,
    received: Duration,
    /// Time spent waiting for the provider.
    waited: Duration,
    first_token: Option<Duration>,
}

/// What the caller asked for, as far as the ledger cares.
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    /// Whom the caller serves.
    pub(super) end_user: Option<&'a str>,
    pub(super) streamed: bool,
    pub(super) prompt_bytes: usize,
}

/// How an attempt ended.
pub(super) struct Outcome {
    pub(super) status: u16,
    /// What the caller was told, if it was an error.
    pub(super) error_code: Option<String>,
    pub(super) ended: Ended,
    pub(super) model_served: Option<String>,
    pub(super) usage: UsageFacts,
}

/// What is known of what was used.
#[derive(Clone, Copy)]
pub(super) enum UsageFacts {
    /// The provider said so.
    Reported(Tokens),
    /// The provider did not get to say all; it sent so many bytes of text, and perhaps counts from before the end.
    Counted { answer_bytes: usize, reported: Option<Tokens> },
    /// The provider did nothing that it could bill.
    Nothing,
}

impl<'a> From<&'a ChatRequest> for Asked<'a> {
    fn from(request: &'a ChatRequest) -> Self {
        let texts = request.messages.iter().filter_map(|message| message.content.as_ref());
        let prompt_bytes = texts.flat_map(|content| content.texts()).map(str::len).sum();
        Self { model: &request.model, end_user: request.end_user(), streamed: request.streams(), prompt_bytes }
    }
}

impl Attempt {
    pub(super) fn new<'a>(
        candidate: Candidate,
        grant: &Grant,
        call: &Call,
        asked: impl Into<Asked<'a>>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let asked = asked.into();
        Self {
            number: 1,
            candidate,
            clock: Arc::clone(clock),
            credential: None,
            provider_request_id: None,
            terms: Terms::default(),
            tags: grant.rights().tags.clone(),
            cache: None,
            saved: Nanos(0),
            saved_latency: None,
            grant: grant.clone(),
            request_id: call.request_id,
            model_requested: asked.model.to_owned(),
            end_user: asked.end_user.map(|user| user.chars().take(MAX_END_USER_CHARS).collect()),
            streamed: asked.streamed,
            prompt_bytes: asked.prompt_bytes,
            created_at: clock.now(),
            received: call.received,
            waited: Duration::ZERO,
            first_token: None,
        }
    }

    /// Whether the caller asked for events.
    pub(super) fn streamed(&self) -> bool {
        self.streamed
    }

    /// The beginning of its row, to be kept beside what is reserved for it.
    pub(super) fn note(&self) -> String {
        Note::of(&self.begun()).to_text()
    }

    /// The provider's id.
    pub(super) fn provider(&self) -> &'static str {
        self.candidate.provider.id()
    }

    /// Which credential serves this caller at a provider.
    pub(super) fn credential_for(&self, provider: &str) -> Option<CredentialRef> {
        self.grant.rights().standing.credentials.get(provider).copied()
    }

    /// Notes how long the provider took.
    pub(super) fn waited_since(&mut self, since: Duration) {
        self.waited += self.clock.monotonic().saturating_sub(since);
    }

    /// Notes that content has come.
    pub(super) fn content_came(&mut self) {
        if self.first_token.is_none() {
            self.first_token = Some(self.elapsed());
        }
    }

    /// How long the provider took so far.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    /// Time that was ours: all of it so far, but for the time spent waiting for the provider.
    pub(super) fn overhead(&self) -> Duration {
        self.elapsed().saturating_sub(self.waited)
    }

    /// A provider's failure without the credential, should the provider quote it, and with the provider's id of the request.
    pub(super) fn redacted(&self, mut failure: Failure) -> Box<Failure> {
        if let Some(credential) = &self.credential {
            for text in [&mut failure.message, &mut failure.code, &mut failure.param].into_iter().flatten() {
                credential.strike_out(text);
            }
        }
        if let Some((end, _)) = failure.param.as_deref().and_then(|param| param.char_indices().nth(MAX_PARAM_CHARS)) {
            failure.param.iter_mut().for_each(|param| param.truncate(end));
        }
        failure.request_id = self.provider_request_id.as_deref().map(Into::into);
        Box::new(failure)
    }

    /// The tokens and the cost of what was used. Counts so large that no cost can be computed are no counts: we use our own.
    pub(super) fn price(&self, usage: &UsageFacts) -> (Tokens, UsageSource, Cost) {
        let (tokens, source) = match usage {
            UsageFacts::Reported(tokens) => (*tokens, UsageSource::Provider),
            UsageFacts::Counted { answer_bytes, reported } => {
                let prompt = Tokens { input: count(self.prompt_bytes), ..Tokens::default() };
                let known = reported.filter(|tokens| self.candidate.model.cost(tokens).is_ok()).unwrap_or(prompt);
                (Tokens { output: known.output.max(count(*answer_bytes)), ..known }, UsageSource::Counted)
            }
            UsageFacts::Nothing => return (Tokens::default(), UsageSource::None, Cost::default()),
        };
        let tokens = self.as_served(tokens);
        match (self.candidate.model.cost(&tokens), usage) {
            (Ok(cost), _) => (tokens, source, cost),
            (Err(error), UsageFacts::Reported(_)) => {
                tracing::error!(%error, provider = self.provider(), model = &*self.candidate.model.id, "usage cannot be right");
                self.price(&UsageFacts::Counted { answer_bytes: 0, reported: None })
            }
            // What we count is bounded by what we read, so this is out of reach.
            (Err(_), _) => (Tokens::default(), UsageSource::None, Cost::default()),
        }
    }

    /// With what the provider leaves unsaid: it serves as it was asked to, and a model that cannot but search has searched.
    fn as_served(&self, mut tokens: Tokens) -> Tokens {
        let model = &self.candidate.model;
        tokens.terms = tokens.terms.or(self.terms);
        if model.web_search.is_some_and(|search| search.per == SearchUnit::Request) {
            tokens.web_searches.get_or_insert(1);
        }
        tokens
    }

    /// The ledger's event.
    pub(super) fn event(&self, outcome: Outcome) -> UsageEvent {
        let (tokens, usage_source, cost) = self.price(&outcome.usage);
        let (provider, model) = (self.provider(), &self.candidate.model);
        if let Some(tier) = tokens.terms.tier.filter(|tier| !model.sells(*tier)) {
            tracing::info!(
                provider,
                model = &*model.id,
                tier = tier.as_str(),
                "served in a tier without a price; the list price is charged"
            );
        }
        if model.web_search.is_none() && tokens.web_searches.is_some_and(|searches| searches > 0) {
            tracing::warn!(provider, model = &*model.id, "searches without a price; none is charged for them");
        }
        UsageEvent {
            model_served: outcome.model_served,
            status: outcome.status,
            error_code: outcome.error_code.map(Into::into),
            ended: outcome.ended,
            tokens,
            usage_source,
            cost: cost.total,
            first_token: self.first_token,
            latency: self.elapsed(),
            ..self.begun()
        }
    }

    /// The ledger's event of a request that a policy refuses: no provider is asked, and nothing is charged.
    pub(super) fn refused(&self, error: &GatewayError) -> UsageEvent {
        let on_the_wire = error.on_the_wire();
        UsageEvent {
            status: on_the_wire.status.as_u16(),
            error_code: Some(on_the_wire.code.to_owned().into()),
            latency: self.elapsed(),
            ..self.begun()
        }
    }

    /// The ledger's event, before anything has happened.
    fn begun(&self) -> UsageEvent {
        UsageEvent {
            tenant: self.grant.tenant(),
            request: self.request_id,
            attempt: self.number,
            created_at: self.created_at,
            actor: self.grant.actor(),
            member: self.grant.rights().member,
            tags: self.tags.clone(),
            end_user: self.end_user.clone(),
            provider: self.provider().into(),
            model_requested: self.model_requested.clone(),
            model: self.candidate.model.id.clone(),
            model_served: None,
            streamed: self.streamed,
            status: 200,
            error_code: None,
            ended: Ended::Refused,
            tokens: Tokens::default(),
            usage_source: UsageSource::None,
            cost: Nanos(0),
            price_version: Some(self.candidate.model.price_version.clone()),
            cache: self.cache,
            saved: self.saved,
            saved_latency: self.saved_latency,
            first_token: None,
            latency: Duration::ZERO,
        }
    }

    /// How long the request has been here.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.received)
    }
}

fn count(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}
