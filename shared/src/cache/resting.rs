//! When to leave alone what does not answer. Who waits in vain for a store that hangs should not do so request by request.

use std::time::Duration;

/// So many failures one after the other are no accident.
pub const FAILURES: u32 = 3;
/// For how long nobody asks then. After it one more failure is enough for the next rest.
pub const REST: Duration = Duration::from_secs(5);

/// How often something failed, and until when it is left alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rest {
    failures: u32,
    until: Duration,
}

impl Rest {
    /// Whether it is left alone now.
    #[must_use]
    pub fn is_on(&self, now: Duration) -> bool {
        now < self.until
    }

    /// It answered.
    pub fn worked(&mut self) {
        *self = Self::default();
    }

    /// It did not.
    pub fn failed(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.until = now + REST;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_are_followed_by_a_rest_and_one_more_by_the_next() {
        let s = Duration::from_secs;
        let mut rest = Rest::default();
        rest.failed(s(10));
        rest.failed(s(11));
        assert!(!rest.is_on(s(11)), "two may be an accident");
        rest.worked();
        rest.failed(s(12));
        rest.failed(s(13));
        assert!(!rest.is_on(s(13)), "they were not in a row");
        rest.failed(s(14));
        assert!(rest.is_on(s(14)) && rest.is_on(s(18)) && !rest.is_on(s(19)));
        rest.failed(s(20));
        assert!(rest.is_on(s(24)), "it is still away");
        rest.worked();
        assert!(!rest.is_on(s(24)), "it is back");
    }
}
