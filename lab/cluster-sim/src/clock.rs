//! The one place where the simulator asks what time it is.

use jiff::{Timestamp, Unit};

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator is the world: its clock is the machine's"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Gives the present as `metav1.Time` writes it: whole seconds.
pub(crate) fn stamp() -> String {
    seconds(now())
}

pub(crate) fn seconds(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

/// Reads a time of an object; `None` if it has none or it is not a time.
pub(crate) fn parse(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// Gives the whole seconds from `start` until `end`, never negative.
pub(crate) fn elapsed_seconds(start: Timestamp, end: Timestamp) -> i64 {
    (end.as_second() - start.as_second()).max(0)
}
