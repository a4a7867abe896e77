//! A person's sign-in in one browser.
//!
//! The browser holds an opaque id in a cookie; the row holds its hash, so who reads the table signs in nowhere. A session
//! ends by its absolute or idle life, by signing out or in again, by being revoked, and with its person.
//!
//! Table: `sessions`.

mod domain;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{ABSOLUTE_LIFE, IDLE_LIFE, MAX_PER_PERSON, Method};
#[cfg(feature = "postgres")]
pub(crate) use service::end_all_of;
#[cfg(feature = "postgres")]
pub use service::{Browser, Live, Opened, Session, end, find, list, open, revoke, sweep};
#[cfg(feature = "postgres")]
pub(super) use store::standing;
