//! Reservations that nobody settled: whoever made them ended without a word. What is known of the request decides what becomes of them.

use super::{Run, table_away, used_up};
use crate::{
    db::{self, budgets, usage_events},
    error::GatewayError,
    limits::{
        Actual, ItemKey,
        claim::SHARDS,
        dynamo::{OpenReservation, Reservations},
    },
    tenancy::BudgetId,
    usage::Note,
};

/// How many counters are removed at once: an expression has a longest length. The next run removes more.
const MOST_FORGOTTEN: usize = 100;

/// What is known of a request that did not end.
enum Known {
    /// Rows in the ledger: it ended, and what it cost is this.
    Cost(Actual),
    /// Its provider was never asked: one of its two reservations was refused, and the process ended before it took the other back.
    NeverBegan,
    /// Its provider may have been asked, and nobody knows what it did. With the request's note.
    Nothing(Note),
    /// Not enough to finish it. It stays, and somebody is told.
    TooLittle,
}

impl Run<'_> {
    /// Ends every reservation that is past its deadline. False if the time was up.
    pub(super) async fn end_reservations(&mut self) -> Result<bool, GatewayError> {
        for shard in 0..SHARDS {
            let mut next = None;
            loop {
                let (items, more) =
                    self.sweeper.reservations.open_items(shard, next.take()).await.map_err(table_away)?;
                for item in items {
                    if self.is_time_up() {
                        return Ok(false);
                    }
                    let ended = self.end_reservations_of(item).await;
                    self.go_on(item.tenant, ended)?;
                }
                next = more;
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(true)
    }

    async fn end_reservations_of(&mut self, item: ItemKey) -> Result<(), GatewayError> {
        self.in_use = true;
        let sweeper = self.sweeper;
        let reservations = &sweeper.reservations;
        let now = self.sweeper.clock.since_epoch().as_secs();
        let state = reservations.read_item(item).await.map_err(table_away)?;
        let open = Reservations::open_in(item, &state);
        let (late, running): (Vec<_>, Vec<_>) = open.into_iter().partition(|one| one.deadline < now);
        for one in &late {
            self.end(one).await?;
        }
        if !late.is_empty() {
            used_up::tell(sweeper, item.tenant).await;
        }
        let counters = Reservations::counters_in_total(&state, &running);
        self.forget_deleted(item, counters).await?;
        if running.is_empty() {
            // It comes back with the next request.
            reservations.close_if_idle(item).await.map_err(table_away)?;
        }
        Ok(())
    }

    /// Removes counters of budgets that are deleted. Those of a period go an hour after it, with the next write; in total there is no end.
    async fn forget_deleted(&self, item: ItemKey, counters: Vec<(BudgetId, String)>) -> Result<(), GatewayError> {
        if counters.is_empty() {
            return Ok(());
        }
        let counted: Vec<BudgetId> = counters.iter().map(|(budget, _)| *budget).collect();
        let kept = budgets::existing(&self.sweeper.db, item.tenant, &counted).await?;
        let deleted = counters.into_iter().filter(|(budget, _)| !kept.contains(budget));
        let deleted: Vec<String> = deleted.map(|(_, counter)| counter).take(MOST_FORGOTTEN).collect();
        if deleted.is_empty() {
            return Ok(());
        }
        self.sweeper.reservations.forget(item, &deleted).await.map_err(table_away)
    }

    async fn end(&mut self, one: &OpenReservation) -> Result<(), GatewayError> {
        let actual = match self.known(one).await? {
            Known::Cost(actual) => actual,
            Known::NeverBegan => return self.void(one).await,
            Known::TooLittle => return Ok(()),
            Known::Nothing(note) => match self.write_off(one, note).await? {
                Some(actual) => actual,
                None => return Ok(()),
            },
        };
        let at_ms = self.at_ms();
        if self.sweeper.reservations.settle(one, actual, at_ms).await.map_err(table_away)? {
            self.report.settled += 1;
        }
        Ok(())
    }

    async fn known(&mut self, one: &OpenReservation) -> Result<Known, GatewayError> {
        match self.known_by_rows(one).await? {
            Some(actual) => Ok(Known::Cost(actual)),
            None => self.known_without_rows(one).await,
        }
    }

    async fn known_by_rows(&self, one: &OpenReservation) -> Result<Option<Actual>, GatewayError> {
        let known = usage_events::known_cost(&self.sweeper.db, one.item.tenant, one.request).await?;
        Ok(known.map(|rows| match rows.is_lower_bound {
            // Where a provider did not get to say, nothing below the reservation is given back.
            true => Actual { cost: rows.sum.max(one.reserved), tokens: rows.tokens.max(one.tokens) },
            false => Actual { cost: rows.sum, tokens: rows.tokens },
        }))
    }

    async fn known_without_rows(&mut self, one: &OpenReservation) -> Result<Known, GatewayError> {
        // Rows that wait and could not come home a moment ago: then this waits with them.
        if self.sweeper.table.is_waiting(one.request).await.map_err(table_away)? {
            return Ok(Known::TooLittle);
        }
        if one.item.key.is_some() {
            let tenants = ItemKey { key: None, slice: one.other, ..one.item };
            return self.known_of_tenants(one, tenants).await;
        }
        let note = match one.note.as_deref().map(Note::read) {
            Some(Ok(note)) => note,
            unreadable => {
                let error = unreadable.and_then(Result::err).map_or_else(|| "no note".into(), Into::into);
                self.raise_alarm(&one.request.to_string(), &GatewayError::Internal(error));
                return Ok(Known::TooLittle);
            }
        };
        if one.both
            && let Some(key) = note.key()
        {
            let keys = ItemKey { key: Some(key), slice: one.other, ..one.item };
            let state = self.sweeper.reservations.read_item(keys).await;
            if !state.map_err(table_away)?.has(one.request) {
                return Ok(Known::NeverBegan);
            }
        }
        Ok(Known::Nothing(note))
    }

    /// Of a key's reservation: the tenant's has the note, and decides. A request's rows come first, then its tenant's reservation ends,
    /// then its key's: without rows and without the tenant's, it never had both.
    async fn known_of_tenants(&mut self, one: &OpenReservation, tenants: ItemKey) -> Result<Known, GatewayError> {
        let open = self.sweeper.reservations.open_reservations(tenants).await.map_err(table_away)?;
        let Some(first) = open.iter().find(|other| other.request == one.request) else { return Ok(Known::NeverBegan) };
        Box::pin(self.end(first)).await?;
        Ok(self.known_by_rows(one).await?.map_or(Known::TooLittle, Known::Cost))
    }

    async fn void(&mut self, one: &OpenReservation) -> Result<(), GatewayError> {
        let at_ms = self.at_ms();
        if self.sweeper.reservations.void(one, at_ms).await.map_err(table_away)? {
            self.report.voided += 1;
        }
        Ok(())
    }

    /// Writes a row that costs what was reserved. None if it cannot be written: a tenant that is gone owes nothing, and its reservation goes.
    async fn write_off(&mut self, one: &OpenReservation, note: Note) -> Result<Option<Actual>, GatewayError> {
        let tenant = one.item.tenant;
        let row = note.lost_row(tenant, one.request, one.reserved);
        match usage_events::insert(&self.sweeper.db, tenant, &[row]).await {
            Ok(()) => {
                self.report.charged += 1;
                tracing::warn!(request.id = %one.request, tenant.id = %tenant, reserved_nanos = one.reserved.0, "a request was lost; it is charged what was reserved");
                Ok(Some(Actual { cost: one.reserved, tokens: one.tokens }))
            }
            Err(db::Error::Gone(_)) => {
                self.report.dropped += 1;
                self.void(one).await?;
                Ok(None)
            }
            Err(error @ db::Error::Unavailable(_)) => Err(error.into()),
            Err(error) => {
                self.raise_alarm(&one.request.to_string(), &error);
                Ok(None)
            }
        }
    }

    fn at_ms(&self) -> i64 {
        i64::try_from(self.sweeper.clock.since_epoch().as_millis()).unwrap_or(i64::MAX)
    }
}
