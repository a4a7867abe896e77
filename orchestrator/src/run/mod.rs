//! One agent on one task: life, turns, events, log, usage, snapshots. Knows no pods.
//!
//! ```text
//! queued → admitted → starting → running → finishing → succeeded | failed
//!                                running → waiting → queued            (resume: the next turn of the same run)
//! admitted | starting | running → failed         running → timed_out   (active time used up)
//! queued | waiting → cancelled                   admitted | starting | running → cancelling → cancelled
//! ```
//!
//! A retry is a new run with `retry_of`; a resume is a new turn of the same run. Tokens, leases and results carry
//! (run, turn, fence): whatever arrives with an older fence is refused with [`Error::StaleTurn`](crate::Error), checked
//! under the lock of the row it writes.
//!
//! Tables: `runs`, `run_turns`, `run_events`, `run_log_pieces`, `run_usage`, `run_snapshots`, `run_changes`,
//! `run_tasks`.

#[cfg(feature = "postgres")]
mod aggregate;
pub mod domain;
#[cfg(feature = "postgres")]
pub mod jobs;
mod kind;
pub mod limit;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
pub mod status;
#[cfg(feature = "postgres")]
mod store;

#[cfg(feature = "postgres")]
pub use aggregate::Run;
pub use domain::{Failure, FailureReason, RunEvent, RunState};
pub use kind::{REVIEW_LABEL, RunKind};
#[cfg(feature = "postgres")]
pub use service::*;
#[cfg(feature = "postgres")]
pub(crate) use store::erase::{causes as erase_causes, parts as erase_parts, runs as erase};
