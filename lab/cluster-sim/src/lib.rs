//! The Kubernetes API as kube-rs and kubectl need it, with a process kubelet. Development only.
