//! The webhook inbox: what came, as it came, and what was made of it. Decides nothing about runs.
//!
//! ```text
//! received → (looked at the code host) → run_created | run_joined | run_ended | recorded | ignored | conflict | failed
//! ```
//!
//! The gateway inserts deliveries and their jobs in one transaction; the job asks [`examine`], reads at the code host what
//! that wants, and calls [`settle`]. Only then anything outward may be staged. A delivery has one verdict; a replay
//! makes a new one, and a run made before is found again by its source key. Tables: `deliveries`, `delivery_sweeps`.

#[cfg(feature = "postgres")]
mod case;
pub mod domain;
#[cfg(feature = "postgres")]
mod explain;
#[cfg(feature = "postgres")]
pub mod jobs;
#[cfg(feature = "postgres")]
mod process;
#[cfg(feature = "postgres")]
mod receive;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;
#[cfg(feature = "postgres")]
mod sweep;
#[cfg(feature = "postgres")]
mod trial;

pub use domain::{Payload, Verdict};
#[cfg(feature = "postgres")]
pub use explain::{Explanation, explain};
#[cfg(feature = "postgres")]
pub use process::{Examined, HostRead, Look, attempt_failed, examine, settle};
#[cfg(feature = "postgres")]
pub use receive::{Inbox, receive};
#[cfg(feature = "postgres")]
pub use service::{
    Delivery, Filter, MAX_BODY_BYTES, NewDelivery, PayloadText, Received, get, list, payload, replay,
};
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
#[cfg(feature = "postgres")]
pub use sweep::{Sweep, begin_sweep, end_sweep, missing, pause_sweep, requeue_unprocessed, sweep_bodies};
#[cfg(feature = "postgres")]
pub(crate) use trial::what_is_known;
