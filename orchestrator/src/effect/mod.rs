//! The ledger of outward writes: staged, checked, applied once.
//!
//! ```text
//! proposed → (awaiting_approval) → ready → applying → applied | refused | failed | superseded
//! ```
//!
//! A write to the code host is first a row here, in the transaction that wanted it. Per installation there is one write
//! lane over all replicas. An answer that was lost, and an `applying` row whose job died, are settled by looking (hidden
//! marker, head branch) before writing again.
//!
//! Tables: `effects`, `write_lanes`.

pub mod domain;
#[cfg(feature = "postgres")]
pub mod jobs;
#[cfg(feature = "postgres")]
mod lane;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{EffectEvent, EffectKind, EffectState, Write};
#[cfg(feature = "postgres")]
pub use service::*;
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
