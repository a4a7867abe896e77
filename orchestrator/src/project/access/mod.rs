//! Who may do what: one constant, decided in the transaction of the act.
//!
//! A principal that may not see an object is told that there is none, byte for byte as for a missing one. One that
//! sees it but may not do this is told which role may.

mod domain;
mod matrix;
#[cfg(feature = "postgres")]
mod service;

pub use domain::{Decision, Operation, Principal, Rule, Standing, Target, decide, who_may};
pub use matrix::{COLUMNS, MATRIX, rule};
#[cfg(feature = "postgres")]
pub use service::{
    allows, operations, require, require_platform, require_system, sees_platform, visible_projects,
};
