//! The ledger of outward writes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::page::{Cursor, PageLimit, WaitMs};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    PullRequest,
    StatusComment,
    Comment,
    Labels,
    LabelDefinitions,
    Issue,
    Review,
}

/// Where an outward write is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectState {
    Proposed,
    AwaitingApproval,
    Ready,
    Applying,
    Applied,
    Refused,
    Failed,
    Superseded,
}

/// Input of `effect_get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectGet {
    pub effect_id: Uuid,
    /// Waits this long for the effect to be applied or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<WaitMs>,
}

/// Input of `effect_list`: every filter given must hold. A run sees its own effects alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectList {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// Output of `effect_list`: newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EffectPage {
    pub effects: Vec<EffectView>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One outward write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EffectView {
    pub effect_id: Uuid,
    pub project_id: Uuid,
    pub repository_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    pub kind: EffectKind,
    pub state: EffectState,
    /// Why it was refused or failed, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it became at the code host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    pub attempts: u32,
    /// It is not tried before this moment.
    pub not_before: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Timestamp>,
    /// Who asked for it.
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How far a write is when its tool answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WriteStatus {
    /// It is at the code host.
    Applied,
    /// It is written down and will be applied; `effect_list` shows how it went.
    Pending,
    /// A newer write took its place; this one is never applied.
    Superseded,
}

/// Output of every tool that writes outward. A refused or failed write is a tool error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    pub status: WriteStatus,
    pub effect_id: Uuid,
    pub state: EffectState,
    /// What it became at the code host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Number of the issue or pull request, where one was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What it waits for, while pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// What the caller can do, while it is not applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
