//! Runs one container as local processes that see only their own files and processes.
//!
//! The host's binary calls [`launcher_main`] first thing; the kubelet then starts that binary again, in two steps.
//! *Outer* makes the namespaces, watches over the container and is its lifeline: when its standard input closes, the
//! container is killed, so nothing outlives the simulator. *Inner* is the container's process 1: it builds the root
//! file system, gives up all privileges and becomes the program.

mod credentials;
mod inner;
mod outer;
mod probe;
mod root;
pub(crate) mod spec;
pub(crate) mod wire;

use std::fmt;

pub(crate) use probe::probe;
use serde::{Deserialize, Serialize};

/// The first argument that makes a binary a launcher.
pub(crate) const ARGUMENT: &str = "__container";

/// How far containers are kept apart on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Each container has its own user, mounts and processes.
    Full,
    /// Each container has its own mounts and processes; on the host all are the simulator's own user.
    OneUser,
    /// Containers are plain processes: NO ISOLATION.
    None,
}

impl fmt::Display for Isolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Full => "own user, mount and process namespaces",
            Self::OneUser => "own mount and process namespaces, one user on the host",
            Self::None => "NO ISOLATION",
        })
    }
}

/// Becomes a container if this process was started to be one; otherwise returns at once.
///
/// A binary that can be `ClusterConfig::launcher` calls this first thing in `main`, before any thread exists: a
/// process with threads may not enter a new user namespace.
pub fn launcher_main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(ARGUMENT) {
        return;
    }
    let code = match arguments.next().as_deref() {
        Some("inner") => inner::run(),
        Some("exec") => inner::run_in_running(),
        _ => outer::run(),
    };
    std::process::exit(code)
}
