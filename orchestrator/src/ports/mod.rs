//! All we ask of the world: traits for what is not ours, answered by adapters of the worker.

pub mod cluster;
pub mod code_host;
pub mod survey;

pub use cluster::{Cluster, ClusterError};
pub use code_host::{CodeHost, CodeHostError};
