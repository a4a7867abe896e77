//! What the two containers of a runner pod say to each other over the control socket.
//!
//! The supervisor asks, the agent-mode server answers; each question has an id, so that several run side by side. Bytes
//! travel in data frames beside the messages. Neither side trusts the other's sizes: [`frame`] bounds them.

pub mod frame;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of these messages. Both containers run the same binary, so there is only one.
pub const WIRE_VERSION: u32 = 1;

/// Name of the socket in the control folder.
pub const SOCKET_NAME: &str = "supervisor.sock";

/// What the supervisor sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToAgent {
    /// The connection is accepted; a reconnect must show `nonce`.
    Welcome {
        nonce: String,
    },
    Ask {
        id: u32,
        ask: Ask,
    },
    /// The bytes that belong to question `id` are complete.
    BodyEnd {
        id: u32,
    },
    /// End the agent's container with this exit code.
    Exit {
        code: i32,
    },
}

/// What the agent-mode server sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromAgent {
    /// The first message of a connection.
    Hello {
        version: u32,
        /// From an earlier welcome; none on the first connection.
        nonce: Option<String>,
        /// SIGTERM came already.
        terminating: bool,
        places: Places,
    },
    /// SIGTERM came: the pod is being removed.
    Terminating,
    /// The last word on question `id`; its bytes, if any, came before.
    Reply { id: u32, reply: Reply },
}

/// Where things are in the agent's container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    pub home: String,
    pub workspace: String,
}

/// A question of the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ask {
    /// Makes an ordinary clone from the bundle that follows as body.
    Clone(CloneAsk),
    /// Writes the body to a file, readable by the agent only.
    WriteFile { root: Root, path: String },
    /// Runs a program in a process group of its own; the body is its standard input.
    Exec(ExecAsk),
    /// Ends the running program: TERM to its group, KILL after the grace.
    Stop { grace_ms: u64 },
    /// Commits whatever the work tree holds beyond HEAD.
    Commit(CommitAsk),
    /// Sends a Git bundle of what was made since `base`.
    Bundle(BundleAsk),
    /// Sends a regular file.
    ReadFile {
        root: Root,
        path: String,
        max_bytes: u64,
    },
    /// Finds the newest file below `under` whose name contains `name_contains`.
    FindFile {
        root: Root,
        under: String,
        name_contains: String,
    },
}

/// The folder a path is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    Workspace,
    Home,
}

/// How the agent's clone is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CloneAsk {
    /// Folder below the workspace.
    pub folder: String,
    /// The branch to work on, and the commit it starts at.
    pub branch: String,
    pub start_sha: String,
    /// Address without credential, recorded as `origin`.
    pub origin: String,
    pub author_name: String,
    pub author_email: String,
}

/// Which program is run, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExecAsk {
    pub argv: Vec<String>,
    /// Laid over the environment of the agent's image.
    pub env: BTreeMap<String, String>,
    /// Folder below the workspace.
    pub folder: String,
}

/// How left-over changes are committed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommitAsk {
    pub folder: String,
    pub message: String,
    pub author_name: String,
    pub author_email: String,
}

/// What is bundled, and how large it may be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundleAsk {
    pub folder: String,
    /// The commit the supervisor already has.
    pub base: String,
    pub max_bytes: u64,
    pub of: BundleOf,
    /// A tree the supervisor already has as a checkpoint: the same again is `unchanged`.
    pub known_tree: Option<String>,
}

/// Which commit a bundle ends at.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum BundleOf {
    /// HEAD as it is.
    Head,
    /// A commit of the work tree on top of HEAD, made beside the agent's own index, HEAD and branches.
    WorkTree {
        message: String,
        author_name: String,
        author_email: String,
    },
}

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reply {
    Done,
    /// The file was sent.
    Read,
    Found {
        path: String,
    },
    Exited(Exited),
    Committed {
        head: String,
    },
    /// The bundle was sent; it holds `head` under [`BundleOf::ref_name`].
    Bundled {
        head: String,
        tree: String,
    },
    /// There is nothing beyond the base, or nothing new since the known tree.
    Unchanged {
        head: String,
    },
    Refused {
        refusal: Refusal,
        message: String,
    },
}

/// How the agent's program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// The kernel killed something in the container for want of memory meanwhile.
    pub oom: bool,
}

/// Why the agent-mode server did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No such file, folder or program.
    NotFound,
    /// A link, a special file, or a path that leaves its root.
    NotAllowed,
    TooLarge,
    /// Git said no; the message holds its last words.
    Git,
    Failed,
}

/// The ref a result travels under.
pub const RESULT_REF: &str = "refs/codexk8s/result";
/// The ref a checkpoint travels under: another one, so that it never moves a result that is being sent.
pub const CHECKPOINT_REF: &str = "refs/codexk8s/checkpoint";

impl BundleOf {
    /// The ref a bundle of this kind holds.
    pub fn ref_name(&self) -> &'static str {
        match self {
            Self::Head => RESULT_REF,
            Self::WorkTree { .. } => CHECKPOINT_REF,
        }
    }
}
