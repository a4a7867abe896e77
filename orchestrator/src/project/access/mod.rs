//! Who may do what: one constant, decided in the transaction of the act.
//!
//! A principal that may not see an object is told that there is none, byte for byte as for a missing one. One that
//! sees it but may not do this is told which role may.

mod document;
mod domain;
mod explain;
mod matrix;
mod operation;
#[cfg(feature = "postgres")]
mod service;

pub use document::document;
pub use domain::{Decision, Principal, Rule, Standing, Target, decide, who_may};
pub use explain::{Explained, explain};
pub use matrix::{COLUMNS, MATRIX, rule};
pub use operation::Operation;
#[cfg(feature = "postgres")]
pub use service::{
    Operations, allows, explain_to, operations, require, require_platform, require_system, sees_platform,
    visible_of, visible_projects,
};
#[cfg(feature = "postgres")]
pub(crate) use service::{permit, permit_platform};
