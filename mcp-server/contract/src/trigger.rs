//! The rules that turn an event into a run, or say why not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::{Count, List, Text};
use crate::page::IdempotencyKey;

/// Where a rule stands in the order of asking.
pub type Position = Count<1, 10_000>;

/// Where an event comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerSource {
    #[default]
    Github,
    /// The platform itself: a run or a deploy ended, an approval was decided, a time came.
    Internal,
}

/// What else must hold; what is left out always does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerCondition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text<1, 100>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_prefix: Option<Text<1, 100>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_suffix: Option<Text<1, 100>>,
    /// `changes_requested`, `approved`, `commented`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_state: Option<Text<1, 50>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment_prefix: Option<Text<1, 100>>,
    /// Whether a push must be to the default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<bool>,
}

/// Input of `trigger_list`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerList {
    pub project_id: Uuid,
}

/// A rule as a caller writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerRule {
    /// `github` without it.
    #[serde(default)]
    pub source: TriggerSource,
    /// As GitHub names it: `issues`, `pull_request`, `push`.
    pub event: Text<1, 60>,
    /// As GitHub names them: `labeled`, `closed`; none means any.
    #[serde(default)]
    pub actions: List<Text<1, 60>, 20>,
    #[serde(default)]
    pub condition: TriggerCondition,
    /// What to do: `start_run`, `end_run`, as in `trigger_list`.
    pub act: Text<1, 60>,
}

/// Input of `trigger_set`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerSet {
    pub project_id: Uuid,
    /// The rule to change; leave it out for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_rule_id: Option<Uuid>,
    /// The `version` that the change is made on; for a rule that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Count<1, 1_000_000>>,
    /// Rules are asked in this order, and the first that fits decides.
    pub position: Position,
    pub rule: TriggerRule,
    /// `true` without it; a rule that is switched off is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `trigger_delete`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerDelete {
    pub project_id: Uuid,
    pub trigger_rule_id: Uuid,
    /// The `version` that was looked at.
    pub version: Count<1, 1_000_000>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Output of `trigger_delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TriggerDeleted {
    /// What is gone.
    pub trigger_rule_id: Uuid,
}

/// An event to try rules on, in their words.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerSample {
    #[serde(default)]
    pub source: TriggerSource,
    pub event: Text<1, 60>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Text<1, 60>>,
    /// The label that came or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text<1, 100>>,
    /// All labels that the issue has then; the one label without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<List<Text<1, 100>, 100>>,
    #[serde(default)]
    pub on_pull_request: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_state: Option<Text<1, 50>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Text<1, 10_000>>,
    #[serde(default)]
    pub pushes_default_branch: bool,
}

/// Input of `trigger_test`: a stored delivery or a sample, tried on the project's rules.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerTest {
    pub project_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<TriggerSample>,
    /// A rule that is asked before all others, as if it were there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<TriggerRule>,
}

/// Output of `trigger_list`, in the order of asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TriggerPage {
    pub rules: Vec<TriggerView>,
    /// What rules can do.
    pub acts: Vec<String>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TriggerView {
    pub trigger_rule_id: Uuid,
    pub version: u64,
    pub position: u32,
    pub enabled: bool,
    /// It came with the platform: it can be switched off and not deleted.
    #[serde(default)]
    pub shipped: bool,
    pub source: TriggerSource,
    pub event: String,
    /// Empty: any.
    pub actions: Vec<String>,
    pub condition: TriggerCondition,
    pub act: String,
    /// It names a condition of another version of the platform, and so never fits.
    pub not_understood: bool,
}

/// Output of `trigger_test`: what would be made of the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TriggerVerdict {
    /// `start`, `end`, `record`, `ignore` or `conflict`.
    pub verdict: String,
    /// Why nothing starts, a word to match on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same for a person.
    pub summary: String,
    /// What a person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The rule that decided; absent if none fits, or if it is the one that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_rule_id: Option<Uuid>,
    /// The rule that was tried decided.
    pub by_tried_rule: bool,
    /// The stage that would start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// What was taken for granted instead of looked at.
    pub assumed: Vec<String>,
}
