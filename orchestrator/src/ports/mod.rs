//! All we ask of the world: traits for what is not ours, answered by adapters of the worker, and of the gateway for sign-ins.

pub mod cluster;
pub mod code_host;
pub mod identity;

pub use cluster::{Cluster, ClusterError};
pub use code_host::{CodeHost, CodeHostError};
pub use identity::{Identity, IdentityError};
