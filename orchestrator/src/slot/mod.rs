//! Where runs may run: capacity and leases.
//!
//! ```text
//! free → leased → held → leased          leased | held → draining → free | quarantined → free
//! ```
//!
//! Every end of a run and of a hold moves its slot to draining; only a proof that the pod is gone frees it. An API error
//! is no proof, and there is no second clock. Table: `slots`.

#[cfg(feature = "postgres")]
mod act;
mod domain;
pub mod environment;
#[cfg(feature = "postgres")]
mod explain;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

#[cfg(feature = "postgres")]
pub use act::{extend, release, set_limit};
pub use domain::{HOLD, Lease, MAX_HOLD, MAX_SLOTS, QUARANTINE_AFTER, Refused, SlotEvent, SlotState};
#[cfg(feature = "postgres")]
pub use explain::{Explanation, explain};
#[cfg(feature = "postgres")]
pub use service::{Draining, Slot, count, end_holds, ensure, get, list, proof_missing, unproven};
#[cfg(feature = "postgres")]
pub(crate) use service::{drain, free_on_proof, hold, lease, resize};
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
