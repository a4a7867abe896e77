//! The hands: jobs and reconcilers; Kubernetes, GitHub and embedding adapters.
//!
//! Jobs ([`jobs`]) are asked for by the orchestrator in the transaction that made them needed. Beside them stand
//! reconcilers ([`reconcile`]): loops that compare what we want with what is there, so a lost job delays the platform
//! but never breaks it. Any number of workers run side by side.

mod config;
pub mod embedder;
pub mod github;
pub mod jobs;
pub mod kubernetes;
pub mod mirror;
mod outward;
mod program;
pub mod reconcile;
mod work;

pub use config::Cli;
pub use program::{hands, run};
pub use work::{Hands, ModelKey, work};
