//! Vectors of a provider's model, for a tenant that wants those in the place of this process's: with its own key, at its own cost, and only
//! where tier 2 may be of use. A provider that fails or is slow is a request without a vector: tiers 0 and 1 go on.

use super::{Question, Semantic};
use crate::{
    cache::{embed::Embedding, resting::Rest},
    causes,
    error::GatewayError,
    gateway::{
        Gateway,
        admission::Booking,
        attempt::{Asked, Attempt, Outcome, UsageFacts},
        call::Call,
        embeddings,
        upstream::Failed,
    },
    limits::{Worst, estimate},
    openai::{
        ChatRequest, EmbeddingsRequest,
        embeddings::{Encoding, Input, InputType, Vector},
    },
    providers::{self, Embedder, embeddings::Embeddings},
    routing::plan::{self, Candidate},
    tenancy::{Grant, TenantId},
    usage::{
        ModelKind, Nanos, ServedWith,
        ledger::{CacheOutcome, Ended, UsageEvent},
    },
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a caller may wait for it.
const PATIENCE: Duration = Duration::from_millis(500);
/// The version of what is made of a provider's vectors. It is in every namespace.
const VERSION: u16 = 1;
/// The longest vector that a row of the table holds beside its other columns.
const MOST_NUMBERS: usize = 3_584;
/// The attempt of a chat request is the first, so this is the second.
const NUMBER: i16 = 2;
/// How many tenants a process remembers to leave alone.
const MOST_RESTING: usize = 10_000;

/// A provider's model that makes the vectors.
pub(super) struct Elsewhere {
    name: String,
    /// None: there is no such model any more, no price, or no key of the tenant's own for it.
    usable: Option<Usable>,
    /// What it cost.
    spent: Nanos,
}

struct Usable {
    candidate: Candidate,
    embedder: &'static dyn Embedder,
    grant: Grant,
    end_user: Option<String>,
}

impl Elsewhere {
    /// The model that the tenant has set.
    pub(super) fn new(gateway: &Gateway, grant: &Grant, request: &ChatRequest, model: &str) -> Self {
        let usable = Usable::find(gateway, grant, request, model);
        if usable.is_none() {
            tracing::debug!(model, "no vector: the tenant has no key of its own for this model, or may not ask it");
        }
        Self { name: format!("{model}/{VERSION}"), usable, spent: Nanos(0) }
    }

    /// As the namespace has it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it can be asked.
    pub(super) fn is_usable(&self) -> bool {
        self.usable.is_some()
    }

    /// What a request and a vector of its prompt may use at most.
    pub(super) fn besides(&self, worst: Worst, prompt: &str) -> Worst {
        match self.usable.as_ref().map(|usable| usable.worst(prompt)) {
            Some(more) => Worst {
                tokens: worst.tokens.saturating_add(more.tokens),
                cost: worst.cost.zip(more.cost).map(|(one, other)| Nanos(one.0.saturating_add(other.0))),
                ..worst
            },
            None => worst,
        }
    }
}

impl Usable {
    fn find(gateway: &Gateway, grant: &Grant, request: &ChatRequest, model: &str) -> Option<Self> {
        let served = |provider: &str| grant.served_with(provider);
        let candidate = plan::resolve_at(model, &grant.rights().prices, served, gateway.clock.now()).ok()?;
        let candidate = candidate.of_kind(ModelKind::Embedding).ok()?;
        let provider = candidate.provider.id();
        // The tenant's own, because it is the tenant that wants to pay for it.
        let is_own = grant.served_with(provider) == ServedWith::OwnKey;
        if !is_own || !grant.tenant_allows_model(provider, &candidate.model.id) {
            return None;
        }
        let embedder = candidate.provider.embeddings()?;
        let usable =
            Self { candidate, embedder, grant: grant.clone(), end_user: request.end_user().map(str::to_owned) };
        usable.worst("a").cost.is_some().then_some(usable)
    }

    fn request(&self, prompt: &str) -> EmbeddingsRequest {
        EmbeddingsRequest {
            model: self.candidate.name(),
            input: vec![Input::Text(prompt.to_owned())],
            dimensions: None,
            encoding: Encoding::Float,
            user: None,
            // Both sides of a comparison are made alike.
            input_type: Some(InputType::Clustering),
            require_parameters: None,
            other: serde_json::Map::new(),
        }
    }

    fn worst(&self, prompt: &str) -> Worst {
        estimate::embeddings(&self.candidate.model, &self.request(prompt))
    }

    /// Asks, and gives the vector and the ledger's event of it.
    async fn ask(&self, gateway: &Gateway, call: &Call, prompt: &str) -> Option<(Option<Embedding>, UsageEvent)> {
        let request = self.request(prompt);
        let prepared = providers::prepare_embeddings(
            self.candidate.provider,
            self.embedder,
            &self.candidate.model,
            &request,
            &request.input,
        );
        let prepared = prepared.inspect_err(|error| tracing::error!(%error, "a prompt cannot be embedded")).ok()?;
        let asked = Asked {
            model: &request.model,
            end_user: self.end_user.as_deref(),
            streamed: false,
            prompt_bytes: prompt.len(),
        };
        let mut attempt = Attempt::new(self.candidate.clone(), &self.grant, call, asked, &gateway.clock);
        (attempt.number, attempt.cache) = (NUMBER, Some(CacheOutcome::Embedding));
        let asking = embeddings::one_call(gateway, call, &mut attempt, (self.embedder, prepared));
        let answer = match tokio::time::timeout(PATIENCE, Box::pin(asking)).await {
            Ok(answer) => answer,
            Err(_) => {
                // It may be at work over there, so the prompt is charged.
                let usage = UsageFacts::Counted { answer_bytes: 0, reported: None };
                Err(Failed { error: GatewayError::Timeout { provider: self.candidate.provider.id() }, usage })
            }
        };
        match answer {
            Ok(Embeddings { model, vectors, usage }) => {
                let usage = usage.map_or(UsageFacts::Counted { answer_bytes: 0, reported: None }, UsageFacts::Reported);
                let outcome =
                    Outcome { status: 200, error_code: None, ended: Ended::Complete, model_served: model, usage };
                let vector = <[Vector; 1]>::try_from(vectors).ok().and_then(|[vector]| read(vector));
                Some((vector, attempt.event(outcome)))
            }
            Err(failed) => {
                tracing::warn!(error = %causes::chain(&failed.error), "a provider made no vector");
                Some((None, failed.event(&attempt)))
            }
        }
    }
}

/// The vector as it is compared, if it is one that the table can hold.
fn read(vector: Vector) -> Option<Embedding> {
    let Some(Vector::Float(numbers)) = vector.written_as(Encoding::Float) else { return None };
    if numbers.len() > MOST_NUMBERS {
        tracing::warn!(numbers = numbers.len(), "a vector is too long to be kept");
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "models compute in 32 bits or fewer")]
    Embedding::normalised(numbers.into_iter().map(|number| number as f32).collect())
}

impl Question {
    /// Whether a vector of the prompt is of use, to be looked up by or to be kept.
    pub(super) fn wants_vector(&self) -> bool {
        self.may_be_similar && self.vector.is_none() && (self.plan.write || self.plan.semantic != Semantic::Off)
    }

    /// Asks the provider for the prompt's vector, at most once.
    pub(in crate::gateway) async fn embed_elsewhere(&mut self, gateway: &Gateway, call: &Call, booking: &mut Booking) {
        if !self.wants_vector() || !(self.plan.write || self.has_vectors) {
            return;
        }
        let (Some(elsewhere), Some(prompt)) = (&mut self.elsewhere, &self.prompt) else { return };
        let Some(usable) = elsewhere.usable.take() else { return };
        let (resting, tenant) = (&self.cache.resting, usable.grant.tenant());
        if resting.is_resting(tenant, gateway.clock.monotonic()) {
            return;
        }
        let Some((vector, event)) = usable.ask(gateway, call, prompt).await else { return };
        resting.note(tenant, vector.is_some(), gateway.clock.monotonic());
        elsewhere.spent = event.cost;
        booking.note_besides(event, usable.worst(prompt));
        self.vector = vector;
    }

    /// What a provider's vector cost.
    pub(super) fn spent(&self) -> Nanos {
        self.elsewhere.as_ref().map_or(Nanos(0), |elsewhere| elsewhere.spent)
    }
}

/// Tenants whose providers' vectors do not come: they are not asked for until some seconds have passed.
#[derive(Clone, Default)]
pub(super) struct Resting(Arc<Mutex<HashMap<TenantId, Rest>>>);

impl Resting {
    fn is_resting(&self, tenant: TenantId, now: Duration) -> bool {
        let resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        resting.get(&tenant).is_some_and(|rest| rest.is_on(now))
    }

    fn note(&self, tenant: TenantId, worked: bool, now: Duration) {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if worked {
            resting.remove(&tenant);
        } else if resting.len() < MOST_RESTING || resting.contains_key(&tenant) {
            resting.entry(tenant).or_default().failed(now);
        }
    }
}
