//! What the cluster simulator promises, one test per promise, through the real Kubernetes client.
//!
//! The same suite runs against a real cluster whose user may create namespaces:
//!
//! ```text
//! CONFORMANCE=real KUBECONFIG=~/.kube/config cargo test --package cluster-sim --test conformance
//! ```
//!
//! What passes on the simulator and fails there is a defect of the simulator. Tests of what only the simulator has (faults,
//! its kubeconfig) say that they are skipped, and touch nothing. `KUBECONFIG` alone changes nothing.

mod admission;
mod discovery;
mod faults;
mod garbage;
mod isolation;
mod jobs;
mod kubectl;
mod logs;
mod objects;
mod patches;
mod pods;
mod sidecars;
mod volumes;
mod watches;
mod world;
