//! People, known by their numeric GitHub id: logins and addresses change hands. Decides no rights.
//!
//! Table: `people`; [`oauth`], [`session`], [`rule`] and the sign-in have their own.

#[cfg(feature = "postgres")]
pub mod login;
pub mod oauth;
pub mod rule;
pub mod session;

#[cfg(feature = "postgres")]
mod people;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

#[cfg(feature = "postgres")]
pub use people::{disable, find_by_login, invite, people, require_inviter, set_disabled};
#[cfg(feature = "postgres")]
pub use service::{Person, ensure_owner, ensure_person, find, find_by_github_user_id, get, know};
#[cfg(feature = "postgres")]
pub(crate) use service::{Standing, require_enabled, rule_over, standing};
#[cfg(feature = "postgres")]
pub(crate) use store::PersonRow;
