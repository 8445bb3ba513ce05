//! Reserves before the provider is called and settles after it, in the tenant's item and the key's at the same time. While DynamoDB is
//! away, rates are bounded by what this process lets through itself, and hard budgets are closed.

use super::{Fault, Reserved, Table, at, slicing::Slicing, useless::Useless};
use crate::{
    causes::{BoxError, chain},
    clock::Clock,
    limits::{
        claim::{self, Ask, Claim},
        local::Local,
        permit::{self, Actual, Held, Permit},
        refusals::Refusals,
        state::{ItemState, spread_attribute},
        verdict::{Headrooms, OverBudget, Refusal, Verdict, judge},
    },
    tenancy::RequestId,
};
use futures_util::future::join;
use std::{
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

/// For how long DynamoDB is not asked after it did not answer: a caller should not wait for its time limit again and again.
const AWAY_MS: i64 = 5_000;
/// Clocks that are this close are not worth a call, and a clock that is farther off than the other is broken: nobody waits for it.
const SPREADS_MS: RangeInclusive<i64> = 50..=10_000;

/// Reserves and settles.
pub struct Limiter {
    table: Arc<Table>,
    clock: Arc<dyn Clock>,
    refusals: Refusals,
    slicing: Slicing,
    local: Local,
    useless: Useless,
    away_until_ms: AtomicI64,
}

/// What a request was given.
#[derive(Debug)]
#[must_use = "the permit must be settled"]
pub struct Admission {
    /// To be settled.
    pub permit: Permit,
    /// For the caller.
    pub headrooms: Headrooms,
    /// Soft budgets that are used up.
    pub over: Vec<OverBudget>,
    /// Whether DynamoDB was away and only this process itself kept count: somebody should know.
    pub is_local: bool,
    /// When that was, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Why a request was given nothing. It consumes nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// There is no room.
    #[error("refused")]
    Refused {
        /// Why.
        refusal: Box<Refusal>,
        /// For the caller.
        headrooms: Headrooms,
        /// When that was, in milliseconds since 1970.
        at_ms: i64,
        /// Whether it was known without asking.
        remembered: bool,
    },
    /// A hard budget cannot be asked.
    #[error("budgets cannot be checked right now")]
    Away(#[source] BoxError),
    /// This item cannot be written, though the table answers: who could cause that must not be let through by it.
    #[error("an item cannot be written right now")]
    Stuck(#[source] BoxError),
}

/// What became of one claim.
enum Part {
    Held(Verdict),
    /// Whether it is in the item all the same and must be taken back.
    Refused(Verdict, bool),
    /// The write may have got through all the same.
    Failed(Fault),
    /// Nothing was asked.
    None,
}

/// A reservation that is left to the sweeper; the log says why.
struct Unsettled;

impl Limiter {
    /// Counts in this table.
    pub fn new(table: Arc<Table>, clock: Arc<dyn Clock>) -> Self {
        Self {
            table,
            clock,
            refusals: Refusals::default(),
            slicing: Slicing::default(),
            local: Local::default(),
            useless: Useless::default(),
            away_until_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// Takes all that a request asks for, or nothing. At most two calls, at the same time; what was taken in vain is given back.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub async fn reserve(&self, ask: &Ask<'_>) -> Result<Admission, NotAdmitted> {
        let at_ms = self.now_ms();
        let (tenant, key) = self.claims(ask, at_ms);
        if let Some(refused) =
            [Some(&tenant), key.as_ref()].into_iter().flatten().find_map(|claim| self.known(claim, at_ms))
        {
            return Err(refused);
        }
        let parts = join(self.take(Some(&tenant), at_ms), self.take(key.as_ref(), at_ms)).await;
        let claims = [Some(tenant), key].into_iter().flatten().zip([parts.0, parts.1]);
        self.decide(claims.collect(), ask.request, at_ms).await
    }

    fn claims(&self, ask: &Ask<'_>, at_ms: i64) -> (Claim, Option<Claim>) {
        claim::claims(ask, at(at_ms), |item, count| self.slicing.choose(item, count, ask.request, at_ms))
    }

    /// What is known without asking.
    fn known(&self, claim: &Claim, at_ms: i64) -> Option<NotAdmitted> {
        let (refusal, headrooms) = self.refusals.recall(claim, at_ms)?;
        Some(NotAdmitted::Refused { refusal: Box::new(refusal), headrooms, at_ms, remembered: true })
    }

    async fn take(&self, claim: Option<&Claim>, at_ms: i64) -> Part {
        let Some(claim) = claim else { return Part::None };
        if self.away_until_ms.load(Relaxed) > at_ms {
            return Part::Failed(Fault::Table("it did not answer a moment ago".into()));
        }
        let useless = self.useless.take(claim.item);
        match self.table.reserve(claim, &useless).await {
            Ok(Reserved::Held(state)) => {
                self.learn(claim, &state).await;
                let mut verdict = judge(claim, &state, true, at_ms);
                verdict.over.extend(self.slicing.used_up(claim));
                if verdict.refusal.is_some() { Part::Refused(verdict, true) } else { Part::Held(verdict) }
            }
            Ok(Reserved::Refused(state)) => {
                self.learn(claim, &state).await;
                let verdict = judge(claim, &state, false, at_ms);
                match verdict.refusal {
                    Some(_) => Part::Refused(verdict, false),
                    None => Part::Failed(Fault::Item("an item was refused that has room".into())),
                }
            }
            Err(fault) => {
                match &fault {
                    Fault::Table(error) => {
                        self.away_until_ms.store(at_ms.saturating_add(AWAY_MS), Relaxed);
                        tracing::error!(alarm = "limits_unavailable", error = %chain(&**error), "limits cannot be counted");
                    }
                    // No alarm: a tenant could ring it as often as it likes.
                    Fault::Item(error) => {
                        tracing::error!(tenant.id = %claim.item.tenant, error = %chain(&**error), "an item cannot be written");
                    }
                }
                Part::Failed(fault)
            }
        }
    }

    async fn decide(
        &self,
        parts: Vec<(Claim, Part)>,
        request: RequestId,
        at_ms: i64,
    ) -> Result<Admission, NotAdmitted> {
        // What is in an item, or may be.
        let mut held: Vec<Claim> = Vec::new();
        let mut verdicts = Vec::new();
        let mut fault = None;
        let mut written = None;
        for (claim, part) in parts {
            match part {
                Part::Held(verdict) => {
                    verdicts.push(verdict);
                    written = Some(held.len());
                    held.push(claim);
                }
                Part::Refused(verdict, is_held) => {
                    self.note_refusal(&claim, &verdict, at_ms);
                    verdicts.push(verdict);
                    held.extend(is_held.then_some(claim));
                }
                Part::Failed(new) => {
                    // An item's weighs more: it closes.
                    fault = fault.filter(|known| matches!(known, Fault::Item(_))).or(Some(new));
                    held.push(claim);
                }
                Part::None => {}
            }
        }
        let is_refused = verdicts.iter().any(|verdict| verdict.refusal.is_some());
        let is_closed = held.iter().any(Claim::has_hard_budget);
        let error = match fault {
            // That there is no room is known, whatever else is not.
            _ if is_refused => None,
            None => None,
            Some(Fault::Item(error)) => Some(NotAdmitted::Stuck(error)),
            Some(Fault::Table(error)) if is_closed => Some(NotAdmitted::Away(error)),
            Some(Fault::Table(_)) => return self.decide_alone(held, written, request, at_ms).await,
        };
        let permit = Permit::new(held, request);
        let admitted = match error {
            None => admit(verdicts, at_ms),
            Some(error) => Err(error),
        };
        match admitted {
            Ok(given) => Ok(Admission { permit, headrooms: given.headrooms, over: given.over, is_local: false, at_ms }),
            Err(error) => {
                self.undo(permit).await;
                Err(error)
            }
        }
    }

    /// While the table is away, this process itself keeps count. If one of two items was written all the same, that is taken back: the
    /// sweeper would find it without the other, and take the request for one that never began.
    async fn decide_alone(
        &self,
        claims: Vec<Claim>,
        written: Option<usize>,
        request: RequestId,
        at_ms: i64,
    ) -> Result<Admission, NotAdmitted> {
        let verdicts = claims.iter().map(|claim| self.local.take(claim, at_ms)).collect();
        let given = match admit(verdicts, at_ms) {
            Ok(given) => given,
            Err(error) => {
                self.undo(Permit::new(claims, request)).await;
                return Err(error);
            }
        };
        if let Some(claim) = written.and_then(|index| claims.get(index)) {
            self.undo(Permit::new([claim.clone()], request)).await;
        }
        // What got through without an answer is ended with the request.
        let permit = Permit::new(claims, request);
        Ok(Admission { permit, headrooms: given.headrooms, over: given.over, is_local: true, at_ms })
    }

    fn note_refusal(&self, claim: &Claim, verdict: &Verdict, at_ms: i64) {
        if let Some(refusal) = &verdict.refusal {
            self.refusals.remember(claim, refusal, verdict.headrooms, at_ms);
            self.slicing.note_full(claim, refusal, at_ms);
        }
    }

    /// Gives back all of what a request has that never began. Of what may be left the log tells, and the sweeper finds it.
    async fn undo(&self, permit: Permit) {
        let at_ms = self.now_ms();
        for held in &permit.held {
            let _ = self.close(held, permit.request, &held.entry.undone(at_ms)).await;
        }
    }

    /// Gives back what a request did not use, and takes what it used more. What could not be written the sweeper finds. Tells which soft
    /// budgets this used up.
    pub async fn settle(&self, permit: Permit, actual: Actual) -> Vec<OverBudget> {
        let at_ms = self.now_ms();
        let mut over = Vec::new();
        // One after the other, the tenant's first: what a kill in between leaves behind is told apart by it.
        for held in &permit.held {
            let closed = self.close(held, permit.request, &held.entry.settled(actual, at_ms)).await;
            self.refusals.note_end(held.item, &held.entry);
            if let Ok(Some(state)) = closed {
                match held.slices.max(state.slices()) {
                    1 => over.extend(permit::used_up(held, actual, &state)),
                    _ => over.extend(self.sum_up(held, at_ms).await),
                }
            }
        }
        over
    }

    /// The soft budgets that are used up by what all slices of an item have spent. They are read once in a while.
    async fn sum_up(&self, held: &Held, at_ms: i64) -> Vec<OverBudget> {
        if !self.slicing.is_due(held, at_ms) {
            return Vec::new();
        }
        match self.table.read_slices(held.item).await {
            Ok(slices) => {
                let over = permit::used_up_in_all(held, &slices);
                self.slicing.note_sums(held, &over, at_ms);
                over
            }
            Err(error) => {
                tracing::warn!(error = %chain(&*error), "a soft budget was not added up");
                Vec::new()
            }
        }
    }

    async fn close(
        &self,
        held: &Held,
        request: RequestId,
        changes: &[(String, i64)],
    ) -> Result<Option<ItemState>, Unsettled> {
        let useless = self.useless.take(held.item);
        let closed = self.table.close(held.item, request, changes, &useless).await;
        closed.map_err(|error| {
            tracing::error!(error = %chain(&*error), "a reservation was not settled; the sweeper will find it");
            Unsettled
        })
    }

    /// Notes from an item what can be removed, and in it, if this clock is behind another's, by how much: the other would take for a
    /// minute old what is younger.
    async fn learn(&self, claim: &Claim, state: &ItemState) {
        // The time it took to hear of the item is no difference between clocks.
        let at_ms = self.now_ms();
        self.slicing.learn(claim, state, at_ms);
        self.useless.note(claim.item, state, at_ms);
        let behind = state.latest().map_or(0, |latest| latest - at_ms);
        if SPREADS_MS.contains(&behind) && behind > state.spread_ms(at_ms) {
            let noted = self.table.note_spread(claim.item, &spread_attribute(at_ms), behind).await;
            match noted {
                Ok(()) => tracing::warn!(behind_ms = behind, "this clock is behind another process's"),
                Err(error) => tracing::warn!(error = %chain(&*error), "it was not noted that clocks differ"),
            }
        }
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.clock.since_epoch().as_millis()).unwrap_or(i64::MAX)
    }
}

/// What verdicts come to: the first refusal, or what is left by all of them.
fn admit(verdicts: Vec<Verdict>, at_ms: i64) -> Result<Verdict, NotAdmitted> {
    let mut all = Verdict::default();
    for verdict in verdicts {
        if let Some(refusal) = verdict.refusal {
            let (refusal, headrooms) = (Box::new(refusal), verdict.headrooms);
            return Err(NotAdmitted::Refused { refusal, headrooms, at_ms, remembered: false });
        }
        all.headrooms = all.headrooms.and(verdict.headrooms);
        all.over.extend(verdict.over);
    }
    Ok(all)
}
