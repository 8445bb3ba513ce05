//! Time as an argument. The only file that reads a clock.

use std::{sync::LazyLock, time::Duration};
use time::OffsetDateTime;

/// What tells the time. Tests bring their own.
pub trait Clock: Send + Sync {
    /// Time since the Unix epoch.
    fn since_epoch(&self) -> Duration;

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;

    /// The calendar time, in UTC.
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + self.since_epoch()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
impl Clock for SystemClock {
    fn since_epoch(&self) -> Duration {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
        START.elapsed()
    }
}
