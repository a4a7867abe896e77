//! Answers that go wrong on request.

use std::time::Duration;

/// What happens to one request instead of its answer, or before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 401, whatever key was shown.
    Unauthorized,
    /// 429 with `retry-after: 1`.
    RateLimited,
    /// 500.
    Broken,
    /// The answer comes after this pause.
    Slow(Duration),
    /// The stream ends before its last event.
    Cut,
}
