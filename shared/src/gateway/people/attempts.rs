//! Counts attempts at passwords. While they cannot be counted nobody signs in: a store that is away must not open the door to guessing,
//! and who is signed in already goes on.

use crate::{
    causes::chain,
    crypto::secret::Peppers,
    error::GatewayError,
    gateway::after_response::AfterResponse,
    limits::{
        attempts::{Policy, origin},
        dynamo::{Counter, Table},
    },
};
use futures_util::future::{OptionFuture, join};
use std::{fmt::Write as _, sync::Arc, time::Duration};

/// What it takes to count.
pub(super) struct Attempts {
    table: Table,
    policy: Policy,
    peppers: Arc<Peppers>,
}

/// Attempts that were counted and may turn out to be none.
#[must_use = "forgive it when the password was right, or people who sign in often are locked out"]
pub(super) struct Counted {
    account: Option<Counter>,
    address: Option<Counter>,
}

impl Attempts {
    pub(super) fn new(table: Table, policy: Policy, peppers: Arc<Peppers>) -> Self {
        Self { table, policy, peppers }
    }

    /// Counts an attempt before it is made, for an account, whether there is one or not, and for the address it comes from.
    ///
    /// # Errors
    /// [`GatewayError::TooManyAttempts`], or [`GatewayError::Unavailable`] while nobody can count.
    pub(super) async fn begin(
        &self,
        what: &str,
        account: Option<&str>,
        address: Option<&str>,
        now: Duration,
    ) -> Result<Counted, GatewayError> {
        let account = account.map(|account| self.counter(what, "account", account, now));
        let address = address.map(|address| self.counter(what, "address", &origin(address), now));
        let per_account = account.as_ref().map(|counter| self.table.count(counter, self.policy.per_account));
        let per_address = address.as_ref().map(|counter| self.table.count(counter, self.policy.per_address));
        let (by_account, by_address) = join(OptionFuture::from(per_account), OptionFuture::from(per_address)).await;
        let allowed = |counted: Option<Result<bool, _>>| counted.unwrap_or(Ok(true)).map_err(GatewayError::Unavailable);
        if allowed(by_account)? && allowed(by_address)? {
            return Ok(Counted { account, address });
        }
        Err(GatewayError::TooManyAttempts { retry_after_s: self.policy.window_at(now).seconds_left(now) })
    }

    /// After the response: the password was right, so the account's count begins anew and the address is not charged for it.
    pub(super) fn forgive(self: &Arc<Self>, counted: Counted, after: &AfterResponse) {
        let attempts = Arc::clone(self);
        after.defer(async move {
            let account = OptionFuture::from(counted.account.as_ref().map(|counter| attempts.table.clear(counter)));
            let address = OptionFuture::from(counted.address.as_ref().map(|counter| attempts.table.take_back(counter)));
            let (account, address) = join(account, address).await;
            for error in [account, address].into_iter().flatten().filter_map(Result::err) {
                tracing::warn!(error = %chain(&*error), "an attempt was not forgiven");
            }
        });
    }

    /// Who it is about is hashed: the table need not know who signs in from where.
    fn counter(&self, what: &str, kind: &str, whom: &str, now: Duration) -> Counter {
        let mut key = format!("attempts#{what}#{kind}#");
        for byte in self.peppers.current().mac(format!("attempts {kind} {whom}").as_bytes()) {
            // Writing to a string cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        let window = self.policy.window_at(now);
        Counter { key, window: window.begins, expires_at: window.ends }
    }
}
