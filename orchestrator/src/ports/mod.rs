//! All we ask of the world: traits for what is not ours, answered by adapters of the worker, and of the gateway for sign-ins.

pub mod cluster;
pub mod code_host;
pub mod embedder;
pub mod identity;
pub mod survey;

pub use cluster::{Cluster, ClusterError};
pub use code_host::{CodeHost, CodeHostError};
pub use embedder::{Embedder, EmbedderError, EmbeddingModel};
pub use identity::{Identity, IdentityError};
