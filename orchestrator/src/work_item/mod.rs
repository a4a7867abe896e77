//! A projection of issues and pull requests, fed by deliveries and reads. Never the truth: `as_of` says how old it is.

mod domain;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{WorkItem, WorkItemKind, issue_text_sha256};
#[cfg(feature = "postgres")]
pub use service::{find, get, save};
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
