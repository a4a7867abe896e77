//! The Kubernetes API as kube-rs and kubectl need it, with a process kubelet. Development only.
//!
//! One [`ClusterSim`] is a cluster of one node in this process: objects in memory, controllers for Jobs, namespaces,
//! owners and quotas, and a kubelet that runs pods as local processes, kept apart as far as the host allows
//! ([`Isolation`]). It listens on loopback only.
//!
//! What is stored but not enforced: `NetworkPolicy` (containers share the host's network), RBAC, admission policies,
//! Deployments, `StatefulSet`s, Services and Ingresses. There is no exec, attach, port-forward, CRD or protobuf.

mod admission;
mod api;
mod clock;
mod config;
mod controllers;
mod error;
mod faults;
mod kinds;
mod kubeconfig;
mod kubelet;
mod object;
mod patch;
mod sandbox;
mod sim;
mod store;

pub use config::ClusterConfig;
pub use faults::{Fault, Faults};
pub use kubelet::image::Image;
pub use sandbox::{Isolation, launcher_main};
pub use sim::{ClusterSim, PodSummary};
