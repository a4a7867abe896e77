//! Bound Git repositories. GitHub's numeric id is the authority; owner and name are what they were when last read.

mod domain;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::Sighting;
#[cfg(feature = "postgres")]
pub(crate) use service::detach_all;
#[cfg(feature = "postgres")]
pub use service::{NewRepository, Repository, at, attach, detach, find_by_github_id, get, list, read, seen};
