//! Who did what: append-only. The table refuses every change but an insert.

#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

#[cfg(feature = "postgres")]
pub use service::{Entry, record, record_own};
