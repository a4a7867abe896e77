//! services.yaml: what is deployed, where, in which order. Parses, validates, orders and renders; applies nothing itself.
//!
//! This first form knows the platform's own stack. Everything here is pure: whoever reads files and environment hands
//! them in.

mod domain;
mod render;
mod validate;

pub use domain::{Build, DeployGroup, Environment, Image, Infrastructure, Part, Service, Stack};
pub use render::{Values, render};
pub use validate::Faults;
