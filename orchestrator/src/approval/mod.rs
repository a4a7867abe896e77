//! Questions and privileged requests to people, and their answers. Executes nothing.
//!
//! ```text
//! open → answered | expired | cancelled
//! ```
//!
//! A wait is bound to the exact arguments by hash; the requester never decides; the result travels back to the run.
//! Whoever opens, answers or ends a wait locks the run's row first, so that a park and an answer never miss each other.
//!
//! Table: `waits`.

pub mod domain;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{WaitKind, WaitState};
#[cfg(feature = "postgres")]
pub use service::{Wait, answer, ask, expire, get};
#[cfg(feature = "postgres")]
pub(crate) use service::{answered, any_open, cancel_open, of_turn};
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
