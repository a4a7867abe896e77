//! Bound Git repositories. GitHub's numeric id is the authority; owner and name are what they were when last read.

mod domain;
pub mod label;
pub mod preflight;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;
mod workflow;

pub use domain::{AccessChange, HostAccess, Place, Reach, Sighting, Suspension};
#[cfg(feature = "postgres")]
pub use service::{
    Changes, NewRepository, Repository, at, attach, attach_found, attach_named, detach, find_by_github_id,
    get, list, read, require, require_attacher, seen, update,
};
#[cfg(feature = "postgres")]
pub(crate) use service::{detach_all, host_access_changed};
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
