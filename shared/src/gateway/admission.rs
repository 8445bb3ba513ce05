//! Before a provider is asked: what the request may use at most is reserved. After the response: its rows are written, and what was
//! reserved is settled with what was used. In this order, since a reservation without a row is found by the sweeper, and a row without
//! a reservation by nobody.

use super::{
    Gateway,
    after_response::AfterResponse,
    attempt::Attempt,
    call::{Call, Reply},
    idempotency::{Claim, Claimed},
    refusals,
};
use crate::{
    alerts::{Alert, sink::Alerts},
    error::GatewayError,
    limits::{
        Actual, Ask, Permit, Policy, Refusal, Worst,
        dynamo::{Admission, Limiter, NotAdmitted},
        policy::MAX_CHARGES,
        told::{self, Headers},
    },
    openai::Invalid,
    tenancy::{Grant, TenantId, tags},
    usage::ledger::{CacheOutcome, Ledger, Recorded, UsageEvent, UsageSource},
};
use std::{sync::Arc, time::Duration};

/// Where a request's tags are.
const TAGS: &str = "x-supergate-tags";
/// Soft budgets that are used up.
const OVER_BUDGET: &str = "x-supergate-over-budget";
/// The longest a function runs.
const MAX_TIME: Duration = Duration::from_secs(15 * 60);
/// Clocks differ, and a request that is about to be settled is not abandoned.
const MARGIN: Duration = Duration::from_secs(60);

/// An admitted request. Whichever way it ends, it must be closed; one that a killed process leaves open the sweeper finds.
#[must_use = "close it with the request's events"]
pub(super) struct Booking {
    ledger: Ledger,
    limiter: Arc<Limiter>,
    alerts: Arc<Alerts>,
    tenant: TenantId,
    permit: Permit,
    /// Of its idempotency key, if it has one.
    claim: Option<Claim>,
    /// What was asked of a provider besides, and what that may cost at most.
    besides: Vec<(UsageEvent, Worst)>,
}

/// What becomes of a request that asks to be admitted.
pub(super) enum Admitted {
    /// It is, and these headers tell of what is left.
    Now(Booking, Headers),
    /// It was made before, and this is its answer.
    Before(Reply),
}

impl Booking {
    /// The claim of its idempotency key, to note the answer in.
    pub(super) fn claim(&self) -> Option<Claim> {
        self.claim.clone()
    }

    /// Notes a call beside the one that the request is about: it has its row, and is charged, whichever way the request ends.
    pub(super) fn note_besides(&mut self, event: UsageEvent, worst: Worst) {
        self.besides.push((event, worst));
    }

    /// Writes the rows and settles, after the response.
    pub(super) fn close(self, events: Vec<UsageEvent>, after: &AfterResponse) {
        after.defer(self.settle(events));
    }

    /// Writes the rows and settles. The idempotency key comes last: while it is claimed, a second request waits.
    pub(super) async fn settle(self, events: Vec<UsageEvent>) {
        let is_made = events.iter().any(is_made);
        let actual = plus(charged(&self.permit, &events), &self.besides);
        let rows: Vec<UsageEvent> =
            events.into_iter().chain(self.besides.into_iter().map(|(event, _)| event)).collect();
        // Where the rows are lost, the reservation is the last trace of them that a program can read.
        if self.ledger.record(&rows).await != Recorded::Lost {
            for over in self.limiter.settle(self.permit, actual).await {
                self.alerts.tell(&Alert::BudgetUsedUp { tenant: self.tenant, budget: (&over).into() }).await;
            }
        }
        if let Some(claim) = self.claim {
            claim.end(is_made).await;
        }
    }
}

/// Whether it must not be made again: a provider can have billed it, or the cache answered it.
fn is_made(event: &UsageEvent) -> bool {
    let is_hit = event.cache.is_some_and(CacheOutcome::is_hit);
    event.usage_source != UsageSource::None || is_hit
}

/// What the budgets are charged: what was used, and where nobody knows that, no less than was reserved.
fn charged(permit: &Permit, events: &[UsageEvent]) -> Actual {
    let counted = events.iter().fold(Actual::default(), |sum, event| Actual {
        cost: crate::usage::Nanos(sum.cost.0.saturating_add(event.cost.0)),
        tokens: sum.tokens.saturating_add(event.tokens.input).saturating_add(event.tokens.output),
    });
    let is_known = events.iter().all(|event| event.usage_source != UsageSource::Counted);
    if is_known { counted } else { permit.at_least(counted) }
}

/// With what was asked besides. Where nobody knows what that used, it is charged at its own worst, and not at the whole request's.
fn plus(actual: Actual, besides: &[(UsageEvent, Worst)]) -> Actual {
    besides.iter().fold(actual, |sum, (event, worst)| {
        let cost = match event.usage_source {
            UsageSource::Counted => event.cost.0.max(worst.cost.unwrap_or_default().0),
            _ => event.cost.0,
        };
        Actual {
            cost: crate::usage::Nanos(sum.cost.0.saturating_add(cost)),
            tokens: sum.tokens.saturating_add(event.tokens.input),
        }
    })
}

/// After the response: what a refusal, or that nobody counts, tells somebody else than the caller. And soft budgets that are used up: the
/// settlement that did it tells of them too, but may not have got that far.
fn tell_of(gateway: &Gateway, call: &Call, grant: &Grant, reserved: &Result<Admission, NotAdmitted>) {
    let tenant = grant.tenant();
    let told: Vec<Alert> = match reserved {
        Ok(Admission { is_local: true, .. }) | Err(NotAdmitted::Away(_)) => vec![Alert::LimitsUncounted],
        Ok(Admission { over, .. }) => {
            over.iter().map(|over| Alert::BudgetUsedUp { tenant, budget: over.into() }).collect()
        }
        Err(NotAdmitted::Refused { refusal, remembered: false, .. }) => match &**refusal {
            Refusal::Budget(over) => vec![Alert::BudgetRefuses { tenant, budget: over.into() }],
            _ => return,
        },
        _ => return,
    };
    if told.is_empty() {
        return;
    }
    let alerts = Arc::clone(&gateway.alerts);
    call.after.defer(async move {
        for alert in &told {
            alerts.tell(alert).await;
        }
    });
}

/// What a request is booked under: its key's tags and its own.
pub(super) fn tags(grant: &Grant, call: &Call) -> Result<Vec<String>, Invalid> {
    // A list may come in several lines (RFC 9110, section 5.3).
    let lines = call.headers.get_all(TAGS).iter().map(|value| value.to_str().unwrap_or("\u{fffd}"));
    let header = lines.map(str::to_owned).reduce(|all, line| all + "," + &line);
    tags::of_request(&grant.rights().tags, header.as_deref()).map_err(|problem| Invalid::value(TAGS, problem))
}

/// What is refused before anything is asked: what has no price where it must have one, and what is more than one write can hold.
fn check(policy: &Policy, attempt: &Attempt, worst: Worst, model: &str) -> Result<(), GatewayError> {
    let charges = policy.budgets_of(&attempt.tags).count();
    // A stream cannot take back what it has said.
    if worst.cost.is_none() && (attempt.streamed() || charges > 0) {
        return Err(GatewayError::NotPriced(model.to_owned()));
    }
    if charges > MAX_CHARGES {
        let problem = format!(
            "this request would draw on {charges} budgets, and one may draw on {MAX_CHARGES}: it needs fewer tags"
        );
        return Err(Invalid::value(TAGS, problem).into());
    }
    Ok(())
}

/// Claims the request's idempotency key, if it has one, and reserves what it may use at most.
///
/// # Errors
/// What the key says of a request that was sent before; 429 for a limit, 402 for a budget, 503 where a hard budget cannot be asked, 400 where its cost cannot be known and must be.
pub(super) async fn reserve(
    gateway: &Gateway,
    call: &Call,
    grant: &Grant,
    attempt: &Attempt,
    worst: Worst,
) -> Result<Admitted, GatewayError> {
    let model = format!("{}/{}", attempt.provider(), attempt.candidate.model.id);
    let policy = &grant.rights().policy;
    check(policy, attempt, worst, &model).inspect_err(|error| {
        if matches!(error, GatewayError::NotPriced(_)) {
            refusals::note(gateway, call, attempt.refused(error));
        }
    })?;
    let deadline = call.deadline.unwrap_or_else(|| gateway.clock.since_epoch() + MAX_TIME) + MARGIN;
    let ask = Ask {
        tenant: grant.tenant(),
        key: grant.actor().key(),
        policy,
        model: &model,
        tags: &attempt.tags,
        request: call.request_id,
        worst,
        deadline: deadline.as_secs(),
        note: Some(attempt.note()),
    };
    // First the key: what was sent before reserves nothing, so that nothing of it can be charged, wherever a process is killed.
    let claim = match gateway.keys.claim(call, grant, deadline).await {
        Ok(Claimed::First(claim)) => claim,
        Ok(Claimed::Before(reply)) => return Ok(Admitted::Before(reply)),
        Err(error) => {
            use GatewayError::{IdempotencyInFlight, IdempotencyKeyReused, IdempotencyNotKept};
            if matches!(error, IdempotencyInFlight { .. } | IdempotencyKeyReused | IdempotencyNotKept { .. }) {
                refusals::note(gateway, call, attempt.refused(&error));
            }
            return Err(error);
        }
    };
    let reserved = Box::pin(gateway.limiter.reserve(&ask)).await;
    tell_of(gateway, call, grant, &reserved);
    Asked { gateway, call, attempt, grant }.admitted(reserved, claim)
}

/// A request that asks to be admitted.
struct Asked<'a> {
    gateway: &'a Gateway,
    call: &'a Call,
    grant: &'a Grant,
    attempt: &'a Attempt,
}

impl Asked<'_> {
    /// It is, or it is refused and gives its key back.
    fn admitted(
        &self,
        reserved: Result<Admission, NotAdmitted>,
        claim: Option<Claim>,
    ) -> Result<Admitted, GatewayError> {
        let Self { gateway, call, grant, attempt } = self;
        match reserved {
            Ok(Admission { permit, headrooms, over, at_ms, .. }) => {
                let mut headers = told::headers(&headrooms, at_ms);
                headers.extend(over.first().map(|over| (OVER_BUDGET, told::warning(over))));
                let booking = Booking {
                    ledger: gateway.ledger.clone(),
                    limiter: Arc::clone(&gateway.limiter),
                    alerts: Arc::clone(&gateway.alerts),
                    tenant: grant.tenant(),
                    permit,
                    claim,
                    besides: Vec::new(),
                };
                Ok(Admitted::Now(booking, headers))
            }
            Err(refusal) => {
                // What is known without asking is not written again and again: a client that hammers costs nothing.
                let is_news = !matches!(refusal, NotAdmitted::Refused { remembered: true, .. });
                let error = refused(refusal);
                if is_news {
                    note_refusal(gateway, call, attempt.refused(&error));
                }
                if let Some(claim) = claim {
                    call.after.defer(claim.end(false));
                }
                Err(error)
            }
        }
    }
}

/// A refusal is a row too, which costs nothing.
pub(super) fn note_refusal(gateway: &Gateway, call: &Call, event: UsageEvent) {
    let ledger = gateway.ledger.clone();
    call.after.defer(async move {
        ledger.record(&[event]).await;
    });
}

fn refused(error: NotAdmitted) -> GatewayError {
    match error {
        NotAdmitted::Refused { refusal, headrooms, at_ms, .. } => match &*refusal {
            Refusal::Budget(over) => GatewayError::BudgetExceeded(told::over_budget(over)),
            refusal => GatewayError::RateLimited(Box::new(told::refusal(refusal, &headrooms, at_ms))),
        },
        NotAdmitted::Away(source) => GatewayError::BudgetsUnavailable(source),
        NotAdmitted::Stuck(source) => GatewayError::Unavailable(source),
    }
}
