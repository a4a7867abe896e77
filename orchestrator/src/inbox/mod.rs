//! What waits for a person: nothing of its own is kept, all of it is found in what other contexts remember.
//!
//! An item is there as long as its cause is: a retry, a newer run of the same issue, a key that works, GitHub's way back in
//! take it away. Nobody marks anything as read.

pub mod domain;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{Item, Kind, MAX_ITEMS, Place, Urgency};
#[cfg(feature = "postgres")]
pub use service::{Inbox, list};
