use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The simulator's time: the machine's, moved by an offset.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Clock {
    offset_seconds: i64,
}

impl Clock {
    /// Returns the moment in whole seconds, as GitHub writes its times.
    #[expect(clippy::disallowed_methods, reason = "this is the simulator's one clock")]
    pub(crate) fn now(self) -> Timestamp {
        let second = Timestamp::now().as_second() + self.offset_seconds;
        Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
    }

    /// Moves the time by this many seconds, back when negative.
    pub(crate) fn advance(&mut self, seconds: i64) {
        self.offset_seconds = self.offset_seconds.saturating_add(seconds);
    }

    /// Makes it this moment now.
    pub(crate) fn set(&mut self, now: Timestamp) {
        let ahead: SignedDuration = now.duration_since(self.now());
        self.advance(ahead.as_secs());
    }
}
