//! Questions of tools that only the worker can ask the world, answered through a row and a notice.
//!
//! mcp-server and gateway never call the code host or the cluster. A tool that needs a live answer inserts a row and
//! waits; the worker answers it, or the tool says `unavailable`. Secret answers are sealed for their one reader and
//! deleted when read.
//!
//! Table: `port_calls`.

pub mod domain;
#[cfg(feature = "postgres")]
pub mod jobs;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{Answer, Failed, Question};
#[cfg(feature = "postgres")]
pub use service::{Asked, answer, ask, fail, question, sweep};
