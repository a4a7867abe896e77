//! What a run's token is good for when it does not count any more.
//!
//! A supervisor may be late: it renews an expired token, and repeats how its turn ended. Whoever else speaks for a turn
//! that is over hears `stale_turn`, and not that its token is bad: there is nothing to get a new one for.

use orchestrator::actor::RunSide;
use orchestrator::credential::{Leniency, Proven, TokenFault};

use crate::message::Message;

/// What becomes of such a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// As if the token counted.
    Counts,
    /// The answer is `stale_turn`.
    Over,
    /// The answer is 401.
    Refused,
}

/// Whether there is a message that would be heard: only then is it read.
pub(crate) fn may_count(proven: &Proven) -> bool {
    is_revoked(proven) || proven.check(Leniency::Refresh).is_ok()
}

/// Decides about a message.
pub(crate) fn judge(proven: &Proven, message: Option<&Message<'_>>) -> Late {
    let counts = |leniency| proven.check(leniency).is_ok();
    let is_supervisor = proven
        .actor
        .run()
        .is_some_and(|run| run.side == RunSide::Supervisor);
    let Some(message) = message else {
        return Late::Refused;
    };
    match message.tool() {
        Some("run_token_refresh") if counts(Leniency::Refresh) => Late::Counts,
        Some("run_finish") if counts(Leniency::Finish) => Late::Counts,
        Some(_) if is_revoked(proven) => Late::Over,
        // Its client greets before it calls.
        None if is_supervisor && message.is_greeting() => Late::Counts,
        _ => Late::Refused,
    }
}

/// Only tokens of runs are revoked with their turn.
fn is_revoked(proven: &Proven) -> bool {
    proven.actor.run().is_some() && proven.check(Leniency::None) == Err(TokenFault::Revoked)
}
