//! The program in the runner pod: an MCP client and Git, nothing else.
//!
//! One binary, two modes. `supervise` holds the credentials, talks to the platform and pushes; `agent` runs the agent's
//! program and Git in the container that has no credential. They meet on a Unix socket ([`wire`]). The supervisor never
//! runs Git on anything the agent can write: work comes back as a bundle, and is judged in a repository of the
//! supervisor's own.

pub mod agent;
mod beneath;
mod clock;
pub mod config;
mod entry;
pub mod install;
pub mod supervisor;
pub mod wire;

pub use entry::main;
