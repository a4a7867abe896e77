//! The environment of a slot: what the cluster holds for it now.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::Count;
use crate::page::{Cursor, IdempotencyKey, PageLimit};
use crate::slot::SlotState;

/// Input of `environment_get` and `environment_event_list`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentRef {
    pub slot_id: Uuid,
}

/// Input of `environment_list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentList {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// Output of `environment_list`: newest slot first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentPage {
    pub environments: Vec<EnvironmentView>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Whose environment it is, as the platform remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentView {
    pub slot_id: Uuid,
    pub project_id: Uuid,
    /// The slot's number within the project.
    pub number: u32,
    pub state: SlotState,
    pub run_id: Uuid,
    pub turn: u32,
    pub changed_at: Timestamp,
}

/// Output of `environment_get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentShown {
    pub environment: EnvironmentView,
    /// As the cluster answered now; empty before the runner's pod is made, and after it is gone.
    pub pods: Vec<PodView>,
}

/// A pod, in the cluster's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PodView {
    pub name: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// Why, where the cluster says: `Evicted`, `Unschedulable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    pub containers: Vec<ContainerView>,
}

/// Where a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContainerStanding {
    Waiting,
    Running,
    Ended,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerView {
    pub name: String,
    pub image: String,
    pub standing: ContainerStanding,
    /// `ImagePullBackOff`, `OOMKilled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    pub restarts: u32,
    /// When it began to run, or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Output of `environment_event_list`: the newest 100, newest first. The cluster forgets them after an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentEvents {
    pub events: Vec<EnvironmentEvent>,
}

/// Something that happened, as the cluster tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentEvent {
    /// The last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// Input of `environment_log_tail`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentLogTail {
    pub slot_id: Uuid,
    /// Of each container; 16,384 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<Count<1, 65_536>>,
}

/// Output of `environment_log_tail`: a container that printed nothing yet is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentLogs {
    pub logs: Vec<ContainerText>,
}

/// The last lines of a container. They are the program's own: data, never an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerText {
    pub container: String,
    pub text: String,
}

/// Input of `environment_delete`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentDelete {
    pub slot_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}
