//! The place where runner pods live.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::agent::Adapter;
use crate::id::RunId;
use crate::slot::environment::{Happening, Pod};

/// Which runner: everything made for it carries these three as labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunnerKey {
    /// Slug of the project; it decides the namespace.
    pub project: String,
    pub run_id: RunId,
    pub turn: i32,
    pub fence: i64,
}

/// A runner as the platform wants it. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerPod {
    pub key: RunnerKey,
    /// The CLI that the agent's container needs.
    pub adapter: Adapter,
    /// Image of the agent's container; none takes the worker's default.
    pub agent_image: Option<String>,
    /// Kubernetes `RuntimeClass`, for example `gvisor`.
    pub runtime_class: Option<String>,
    /// Resources of the agent's container, in Kubernetes quantities.
    pub cpu: String,
    pub memory: String,
    /// Backstop: the cluster ends the pod after this many seconds by itself.
    pub deadline_seconds: i64,
    pub traceparent: String,
}

/// The files of the one Secret that only the supervisor mounts: file name to content.
pub type RunnerSecret = BTreeMap<String, SecretString>;

/// How a runner looks in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedRunner {
    pub key: RunnerKey,
    pub phase: RunnerPhase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunnerPhase {
    /// Made, not started or not yet ready. The text says what it waits for, for example `ImagePullBackOff`.
    Pending {
        waits_for: Option<String>,
    },
    Running,
    /// The agent's container ended while its pod stands: the supervisor is finishing. `oom` as below.
    AgentEnded {
        oom: bool,
    },
    /// The pod ended. The message is the supervisor's last word, if it left one; `oom` when the agent's
    /// container was killed for memory.
    Ended {
        succeeded: bool,
        message: Option<String>,
        oom: bool,
    },
    /// The Job is there and its pod is gone: evicted, or its node was lost.
    Lost,
}

/// An object that bears our labels, for the sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedObject {
    pub kind: OwnedKind,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// None when the labels do not parse.
    pub key: Option<RunnerKey>,
    pub age_seconds: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnedKind {
    Job,
    Secret,
    Pod,
}

/// Why the cluster did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// It will not, however often we ask: a quota, an admission policy, a malformed object.
    #[error("the cluster refused: {0}")]
    Refused(String),
    /// Nobody knows whether it was done; asking again is safe.
    #[error("the cluster did not answer: {0}")]
    Unavailable(String),
}

/// Every call has a deadline of its own and may be repeated: asking twice changes nothing.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Makes the project's runner namespace exist with its labels, quota, limits and network policies.
    async fn ensure_project(&self, project: &str, max_live_runs: i32) -> Result<(), ClusterError>;

    /// Makes the runner's Job exist, suspended, and then its Secret, owned by the Job.
    async fn prepare_runner(&self, pod: &RunnerPod, secret: &RunnerSecret) -> Result<(), ClusterError>;

    /// Lets a prepared runner start. `Refused` if it is not there.
    async fn release_runner(&self, key: &RunnerKey) -> Result<(), ClusterError>;

    /// Begins to remove everything of the runner.
    async fn remove_runner(&self, key: &RunnerKey) -> Result<(), ClusterError>;

    /// Whether nothing of the runner is left: its Job answers 404 and a quorum list of its pods is empty.
    /// An error is no proof.
    async fn runner_gone(&self, key: &RunnerKey) -> Result<bool, ClusterError>;

    /// All runners of this installation that can be seen: one that is missing may be there all the same.
    async fn list_runners(&self) -> Result<Vec<ObservedRunner>, ClusterError>;

    /// Waits until some runner changes, or for a while: a hint to look again, never a fact.
    async fn runners_changed(&self) -> Result<(), ClusterError>;

    /// Everything that bears this installation's labels and can be seen, Secrets without a Job included.
    async fn list_owned(&self) -> Result<Vec<OwnedObject>, ClusterError>;

    /// Removes one object, only if it still has this UID.
    async fn remove_owned(&self, object: &OwnedObject) -> Result<(), ClusterError>;

    /// The pods of a runner as they are now.
    async fn runner_pods(&self, key: &RunnerKey) -> Result<Vec<Pod>, ClusterError>;

    /// What the cluster remembers of a runner, newest first; at most `most`.
    async fn runner_events(&self, key: &RunnerKey, most: usize) -> Result<Vec<Happening>, ClusterError>;

    /// Last lines of the runner's containers, for a person; at most `max_bytes` each.
    async fn runner_log(
        &self,
        key: &RunnerKey,
        max_bytes: i64,
    ) -> Result<Vec<(String, String)>, ClusterError>;
}
