//! The one place that reads the time of day.

use jiff::Timestamp;

/// Returns the present moment.
#[expect(
    clippy::disallowed_methods,
    reason = "the program's one clock; everything else is given `now`"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
