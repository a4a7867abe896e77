//! What can be seen of an environment. Pure data, in the cluster's own words where people know them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::words;

/// What one look is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Part {
    Pods,
    Events,
    /// The last lines of each container, so many bytes at most.
    Log {
        max_bytes: u32,
    },
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Shown {
    Pods {
        pods: Vec<Pod>,
    },
    /// Newest first.
    Events {
        events: Vec<Happening>,
    },
    Log {
        logs: Vec<ContainerLog>,
    },
}

/// A pod of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    pub name: String,
    /// The cluster's word: `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: String,
    /// Why, where the cluster says: `Evicted`, `Unschedulable`.
    pub reason: Option<String>,
    pub node: Option<String>,
    pub made_at: Option<Timestamp>,
    pub containers: Vec<Container>,
}

/// Where a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Waiting,
    Running,
    Ended,
}

words!(Standing: Waiting = "waiting", Running = "running", Ended = "ended");

/// A container of a pod, those that begin first before the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    pub name: String,
    pub image: String,
    pub standing: Standing,
    /// `ImagePullBackOff`, `OOMKilled`.
    pub reason: Option<String>,
    pub exit_code: Option<i32>,
    pub restarts: u32,
    /// When it began to run, or ended.
    pub since: Option<Timestamp>,
}

/// Something that happened, as the cluster tells it. It forgets after an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// The last time.
    pub at: Option<Timestamp>,
    pub warning: bool,
    /// `Pod/run-…`.
    pub object: String,
    /// `FailedScheduling`, `Pulled`.
    pub reason: String,
    pub message: String,
    /// How often.
    pub count: u32,
}

/// The last lines of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerLog {
    pub container: String,
    pub text: String,
}
