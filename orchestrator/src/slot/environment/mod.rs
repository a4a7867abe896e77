//! The environment of a slot: what the cluster holds for it now. It is never stored: each look asks the cluster, by way of
//! the worker.

mod domain;
#[cfg(feature = "postgres")]
mod service;

pub use domain::{Container, ContainerLog, Happening, Part, Pod, Shown, Standing};
#[cfg(feature = "postgres")]
pub use service::{Occupied, get, key, list, remove};
