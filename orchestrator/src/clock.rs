//! Where programs get the time; the domain takes `now` as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// The system's clock, which a test can set forward.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds added to the system's time.
    ahead_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the moment, to the microsecond: what PostgreSQL keeps.
    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead_ms.load(Ordering::Relaxed));
        #[expect(clippy::disallowed_methods, reason = "the one place where time comes in")]
        let now = Timestamp::now() + ahead;
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Returns a moment that no setting of the system's clock moves back: for what must not come too late.
    pub fn instant(&self) -> Instant {
        let ahead = u64::try_from(self.ahead_ms.load(Ordering::Relaxed)).unwrap_or(0);
        Instant::now() + Duration::from_millis(ahead)
    }

    /// Sets this clock, and all its clones, forward.
    pub fn advance(&self, by: SignedDuration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead_ms.fetch_add(by, Ordering::Relaxed);
    }
}
