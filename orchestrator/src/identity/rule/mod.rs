//! "Members of this organisation or team of the code host get this role": in a project, or on the platform.
//!
//! A rule gives a role and takes it again; a role that a person gave is not touched.
//!
//! Table: `membership_rules`.

mod domain;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{Grant, Rule};
#[cfg(feature = "postgres")]
pub use service::{add, groups, list, recheck, remove};
#[cfg(feature = "postgres")]
pub(super) use service::{apply, knows};
