//! What the kubelet tells a launcher, over standard input: secrets stand in it, so it is never an argument.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Isolation;

/// A file or folder of the host that the container sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mount {
    pub(crate) source: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) read_only: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) directory: PathBuf,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) isolation: Isolation,
    /// An empty folder of the host on which the container's root is built.
    pub(crate) scratch: PathBuf,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) read_only_root: bool,
    pub(crate) hostname: String,
    pub(crate) user: User,
    pub(crate) program: Program,
    /// The folder of the control group that bounds its memory.
    pub(crate) cgroup: Option<PathBuf>,
}

/// A program to run inside a container that runs already (an exec probe).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ExecSpec {
    pub(crate) isolation: Isolation,
    /// The launcher's process, which holds the user namespace.
    pub(crate) outer: u32,
    /// The container's process 1, as the host numbers it.
    pub(crate) inner: u32,
    pub(crate) user: User,
    pub(crate) program: Program,
}

/// What a launcher tells the kubelet, one JSON document per line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// The container's process 1, as the host numbers it.
    Pid(u32),
    /// The program is about to take over.
    Started,
    /// It could not be started, and why.
    Failed(String),
}

/// The exit code of a launcher whose program could not be started, as container runtimes have it.
pub(crate) const START_FAILED: i32 = 128;

/// Bytes on standard input after the spec.
pub(crate) const TERMINATE: u8 = b'T';
pub(crate) const KILL: u8 = b'K';
