//! Projects, members and the access matrix; limits and budgets. Knows no GitHub.

pub mod access;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

#[cfg(feature = "postgres")]
pub use service::{
    Limits, NewProject, Project, create, find_by_slug, get, grow, list, pause, resume, set_limits, set_member,
};
#[cfg(feature = "postgres")]
pub(crate) use service::{role, set_roles_by_rule};
