//! The hands: jobs and reconcilers; Kubernetes and GitHub adapters.

pub mod kubernetes;
