//! Who did what, and the proof that nobody changed it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::{Count, List, Text};
use crate::page::{Cursor, PageLimit};

/// A word or an id of an entry.
pub type Word = Text<1, 200>;

/// What came of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditDecision {
    Allowed,
    Denied,
}

/// Input of `audit_list`. Without `project_id` and `all` it is what the caller did itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditList {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    /// Everything, what belongs to no project included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Word>,
    /// `person`, `service`, `agent`, `supervisor` or `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_kind: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_kind: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<AuditDecision>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// Output of `audit_list`: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One decision about one act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    pub audit_id: Uuid,
    pub at: Timestamp,
    pub actor_kind: String,
    pub actor_id: String,
    /// A person's login or the name of a program's token, as it is today; absent where the id says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_name: Option<String>,
    pub operation: String,
    pub object_kind: String,
    pub object_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub decision: AuditDecision,
    /// What decided it.
    pub rule: String,
    /// What set it off: `tool run_start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// The signed end of a chain, as `codex-k8s audit heads` prints it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditHead {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub seq: Count<1, 9_007_199_254_740_991>,
    pub hash: Text<64, 64>,
    pub kid: Text<1, 100>,
    pub signature: Text<128, 128>,
    pub public_key: Text<0, 64>,
    pub signed_at: Timestamp,
}

/// Input of `audit_verify`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditVerify {
    /// The project's chain; without it the platform's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    /// Goes on after this seal: the `until` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Count<0, 9_007_199_254_740_991>>,
    /// Heads that were kept outside; only they prove that nothing was cut off at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<List<AuditHead, 100>>,
}

/// Output of `audit_verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditProof {
    /// The chain was looked at to its end; else call again with `after`.
    pub complete: bool,
    /// The last seal that was looked at.
    pub until: u64,
    /// Nothing is wrong in this part.
    pub intact: bool,
    pub faults: Vec<AuditFault>,
}

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditFault {
    /// `edited`, `deleted`, `reordered`, `truncated`, `recomputed`, `unsigned`, `forged` or `inserted`.
    pub kind: String,
    /// The place in the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_id: Option<Uuid>,
    pub what: String,
}
