//! "Members of this organisation or team of the code host get this role": in a project, or on the platform.
//!
//! A rule gives a role and takes it again; a role that a person gave is not touched. It is looked at when somebody signs
//! in, every hour, and when the code host says that members changed.
//!
//! Tables: `membership_rules`, `membership_checks`, `group_members`.

mod domain;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;
#[cfg(feature = "postgres")]
mod watch;

pub use domain::{Grant, Rule};
#[cfg(feature = "postgres")]
pub use service::{add, groups, list, recheck, remove};
#[cfg(feature = "postgres")]
pub(super) use service::{apply, knows};
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
#[cfg(feature = "postgres")]
pub(crate) use watch::changed;
#[cfg(feature = "postgres")]
pub use watch::{CHECK_AGAIN, CHECK_EVERY, Check, Claim, checks, claim, listed, not_listed};
