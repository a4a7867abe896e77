//! Who did what: append-only. The table refuses every change but an insert.
//!
//! A worker seals entries into hash chains, one per project and one for the platform, and signs the head of each batch
//! with a key that the database alone cannot use. Heads leave the platform as log lines and by `codex-k8s audit heads`;
//! who keeps them can prove later that nobody edited, deleted, reordered, cut off or recomputed what was before.
//!
//! Tables: `audit_entries`, `audit_unsealed`, `audit_seals`, `audit_heads`, `audit_signed_heads`.

pub mod domain;
#[cfg(feature = "postgres")]
mod list;
#[cfg(feature = "postgres")]
mod seal;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;
#[cfg(feature = "postgres")]
mod verify;

pub use domain::{Chain, Fault, FaultKind, Head, Row};
#[cfg(feature = "postgres")]
pub use list::{Filter, Listed, Scope, list};
#[cfg(feature = "postgres")]
pub use seal::{Sealed, heads, seal};
#[cfg(feature = "postgres")]
pub use service::{Entry, record, record_own};
#[cfg(feature = "postgres")]
pub(crate) use service::{NOT_VISIBLE, record_done};
#[cfg(feature = "postgres")]
pub use verify::{Part, chains, verify};
