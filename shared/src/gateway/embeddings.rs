//! `POST /v1/embeddings`. A provider takes so many inputs at once: more are sent in several calls and come back as one answer.

use super::{
    Gateway, admission,
    admission::Admitted,
    attempt::{Asked, Attempt, Outcome, UsageFacts},
    call::{Call, Reply},
    idempotency, refusals,
    upstream::{self, Failed},
};
use crate::{
    error::GatewayError,
    limits::estimate,
    openai::{
        EmbeddingsRequest, Invalid,
        embeddings::{Embedding, EmbeddingList, EmbeddingUsage, Input, Vector},
    },
    providers::{self, Embedder, Head, Prepared, Unreadable, embeddings::Embeddings},
    routing::plan::Candidate,
    tenancy::{Grant, Permission},
    usage::{
        Cost, ModelKind, Tokens,
        ledger::{Ended, UsageEvent},
    },
};
use futures_util::future::join_all;
use http::StatusCode;
use std::time::Duration;

/// How many calls of one request are at a provider at a time: more would meet its limits on requests.
const AT_A_TIME: usize = 4;

/// Answers an embeddings request.
///
/// # Errors
/// [`GatewayError`]; the caller's own mistakes come before any provider is called.
pub async fn embed(gateway: &Gateway, call: Call) -> Result<Reply, GatewayError> {
    let grant = gateway.authorize(&call, Permission::Infer).await?;
    let request = EmbeddingsRequest::parse(call.json_body()?)?;
    let tags = admission::tags(&grant, &call)?;
    let candidate =
        refusals::resolve(gateway, &call, &grant, asked(&request, &request.input), &tags, ModelKind::Embedding)?;
    // The catalogue has no embedding model of a provider that cannot translate for it; a test says so.
    let missing = || GatewayError::Internal("an embedding model without a translator".into());
    let embedder = candidate.provider.embeddings().ok_or_else(missing)?;
    let batches = prepare(&candidate, embedder, &request)?;
    let ignored = batches.first().map_or(&[][..], |batch| &batch.prepared.ignored);
    let ignored = upstream::check_ignored(ignored, request.require_parameters)?;

    let asker = Asker { gateway, call: &call, grant: &grant, tags, request: &request, candidate: &candidate, embedder };
    let worst = estimate::embeddings(&candidate.model, &request);
    let attempt = asker.attempt(&request.input);
    let (booking, limits) = match admission::reserve(gateway, &call, &grant, &attempt, worst).await? {
        Admitted::Now(booking, limits) => (booking, limits),
        Admitted::Before(reply) => return Ok(reply),
    };
    let claim = booking.claim();
    let (asked, events) = asker.ask_all(batches).await;
    booking.close(events, &call.after);
    let (parts, waited) = asked?;
    let cost = parts.iter().fold(Cost::default(), |sum, part| sum.plus(&part.cost));
    let attempts = parts.len();
    let mut reply = Reply::json(StatusCode::OK, &join(parts, &candidate, &cost))?;
    let overhead = gateway.clock.monotonic().saturating_sub(call.received).saturating_sub(waited);
    upstream::describe(&mut reply, &candidate, attempts, overhead);
    upstream::tell_cost(&mut reply, cost.total);
    upstream::tell_limits(&mut reply, &limits);
    upstream::tell_ignored(&mut reply, &ignored);
    idempotency::note(claim.as_ref(), &reply);
    Ok(reply)
}

/// What the ledger notes of a call with these of the inputs.
fn asked<'a>(request: &'a EmbeddingsRequest, input: &[Input]) -> Asked<'a> {
    let prompt_bytes = input.iter().map(Input::text_bytes).sum();
    Asked { model: &request.model, end_user: request.user.as_deref(), streamed: false, prompt_bytes }
}

/// One call to be made.
struct Batch<'a> {
    number: i16,
    input: &'a [Input],
    prepared: Prepared,
}

/// All of the calls, before the first is made: a fault in the last input costs nothing.
fn prepare<'a>(
    candidate: &Candidate,
    embedder: &dyn Embedder,
    request: &'a EmbeddingsRequest,
) -> Result<Vec<Batch<'a>>, Invalid> {
    let batches = embedder.batch_limit(request).split(&request.input);
    let prepare = |(number, input)| {
        let prepared = providers::prepare_embeddings(candidate.provider, embedder, &candidate.model, request, input)?;
        Ok(Batch { number, input, prepared })
    };
    (1..).zip(batches).map(prepare).collect()
}

/// What one call brought.
struct Part {
    model: Option<String>,
    vectors: Vec<Vector>,
    tokens: Tokens,
    cost: Cost,
    waited: Duration,
}

/// What the calls of one request have in common.
struct Asker<'a> {
    gateway: &'a Gateway,
    call: &'a Call,
    grant: &'a Grant,
    tags: Vec<String>,
    request: &'a EmbeddingsRequest,
    candidate: &'a Candidate,
    embedder: &'a dyn Embedder,
}

impl Asker<'_> {
    /// Makes the calls, a few at a time, and says how long all of them took; with an event of each.
    async fn ask_all(&self, batches: Vec<Batch<'_>>) -> (Result<(Vec<Part>, Duration), GatewayError>, Vec<UsageEvent>) {
        let (mut parts, mut waited) = (Vec::with_capacity(batches.len()), Duration::ZERO);
        let mut events = Vec::with_capacity(batches.len());
        let mut left = batches.into_iter();
        while left.len() > 0 {
            let wave: Vec<_> = left.by_ref().take(AT_A_TIME).map(|batch| self.ask(batch)).collect();
            // All of a wave are waited for, also when one fails: what the others used is billed, so it must be in the ledger.
            let (asked, of_wave): (Vec<_>, Vec<_>) = join_all(wave).await.into_iter().unzip();
            events.extend(of_wave);
            match asked.into_iter().collect::<Result<Vec<Part>, _>>() {
                Ok(wave) => {
                    waited += wave.iter().map(|part| part.waited).max().unwrap_or_default();
                    parts.extend(wave);
                }
                Err(error) => return (Err(error), events),
            }
        }
        (Ok((parts, waited)), events)
    }

    fn attempt(&self, input: &[Input]) -> Attempt {
        let asked = asked(self.request, input);
        let mut attempt = Attempt::new(self.candidate.clone(), self.grant, self.call, asked, &self.gateway.clock);
        attempt.tags.clone_from(&self.tags);
        attempt
    }

    /// Makes one call, which is one event whichever way it ends.
    async fn ask(&self, batch: Batch<'_>) -> (Result<Part, GatewayError>, UsageEvent) {
        let mut attempt = self.attempt(batch.input);
        attempt.number = batch.number;
        let input = batch.input;
        match self.vectors(&mut attempt, batch).await {
            Ok(Embeddings { model, vectors, usage }) => {
                let usage = usage.map_or(UsageFacts::Counted { answer_bytes: 0, reported: None }, UsageFacts::Reported);
                let (tokens, _, cost) = attempt.price(&usage);
                let model_served = model.clone();
                let outcome = Outcome { status: 200, error_code: None, ended: Ended::Complete, model_served, usage };
                let part = Part { model, vectors, tokens, cost, waited: attempt.waited() };
                (Ok(part), attempt.event(outcome))
            }
            Err(failed) => {
                let sent = input.iter().filter_map(Input::as_text);
                let event = failed.event(&attempt);
                (Err(failed.without_echo(sent).error), event)
            }
        }
    }

    async fn vectors(&self, attempt: &mut Attempt, batch: Batch<'_>) -> Result<Embeddings, Failed> {
        let Embeddings { model, vectors, usage } =
            one_call(self.gateway, self.call, attempt, (self.embedder, batch.prepared)).await?;
        // A vector too few would give every later input its neighbour's.
        let (came, asked) = (vectors.len(), batch.input.len());
        let written: Option<Vec<Vector>> =
            vectors.into_iter().map(|vector| vector.written_as(self.request.encoding)).collect();
        let problem = match written {
            Some(vectors) if came == asked => return Ok(Embeddings { model, vectors, usage }),
            Some(_) => format!("{came} vectors for {asked} inputs"),
            None => "a vector that is no base 64 of 32-bit numbers".to_owned(),
        };
        let source = Unreadable(problem).into();
        Err(Failed {
            error: GatewayError::BadAnswer { provider: attempt.provider(), source },
            usage: UsageFacts::Counted { answer_bytes: 0, reported: usage },
        })
    }
}

/// One call, and what it brought.
pub(super) async fn one_call(
    gateway: &Gateway,
    call: &Call,
    attempt: &mut Attempt,
    (embedder, prepared): (&dyn Embedder, Prepared),
) -> Result<Embeddings, Failed> {
    let answer = upstream::send(gateway, call, attempt, prepared).await?;
    let read = upstream::read(gateway, call, attempt, answer, |_, body| embedder.answer(body));
    let Embeddings { model, vectors, usage } = read.await?;
    Ok(Embeddings { model: Head { model, ..Head::default() }.bounded().model, vectors, usage })
}

/// One answer of the parts, in their order.
fn join(parts: Vec<Part>, candidate: &Candidate, cost: &Cost) -> EmbeddingList {
    let model = parts.iter().find_map(|part| part.model.clone()).unwrap_or_else(|| candidate.model.id.to_string());
    let tokens = parts.iter().fold(0, |sum: u64, part| sum.saturating_add(part.tokens.input));
    let vectors = parts.into_iter().flat_map(|part| part.vectors).enumerate();
    EmbeddingList {
        object: "list",
        data: vectors.map(|(index, embedding)| Embedding { object: "embedding", index, embedding }).collect(),
        model,
        usage: EmbeddingUsage {
            prompt_tokens: tokens,
            total_tokens: tokens,
            cost: cost.total.as_usd(),
            cost_details: cost.details(),
        },
    }
}
