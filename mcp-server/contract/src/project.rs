//! Projects, their members and their figures.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::{Count, Text};
use crate::page::{Cursor, IdempotencyKey, PageLimit};

/// A project's name for people.
pub type ProjectName = Text<1, 100>;

/// Runs with a pod at once.
pub type LiveRuns = Count<0, 1_000>;

/// Active seconds of one run.
pub type ActiveSeconds = Count<60, 604_800>;

/// Millionths of a US dollar.
pub type Budget = Count<0, 1_000_000_000_000>;

/// Input of `project_get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectRef {
    pub project_id: Uuid,
}

/// Input of `project_list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectList {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// Input of `project_create`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectCreate {
    /// Lower-case letters, digits and hyphens; it names namespaces and never changes.
    pub slug: Text<2, 32>,
    pub name: ProjectName,
    /// Places where its runs may run; 2 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<Count<1, 100>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `project_update`: what is not given stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectUpdate {
    pub project_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ProjectName>,
    /// Leaves the text of people without write permission out of prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockdown: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_live_runs: Option<LiveRuns>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_seconds_limit: Option<ActiveSeconds>,
    /// Per calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_micro_usd: Option<Budget>,
    /// Of one run over all its turns; for runs that begin from now on. `run_limit_raise` gives one run more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_cost_micro_usd: Option<Budget>,
    /// Takes the limit of one run's cost off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_run_cost: Option<bool>,
    /// Takes the budget off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_budget: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `project_pause`, `project_resume` and `project_restore`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectAct {
    pub project_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `project_delete`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectDelete {
    pub project_id: Uuid,
    /// The project's slug, typed: a check that this one is meant.
    pub slug: Text<2, 32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Output of `project_list`: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectPage {
    pub projects: Vec<ProjectView>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectView {
    pub project_id: Uuid,
    pub slug: String,
    pub name: String,
    /// Runs with a pod at once.
    pub max_live_runs: u32,
    /// Of one run over all its turns.
    pub active_seconds_limit: u64,
    /// Per calendar month; absent means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_micro_usd: Option<u64>,
    /// Of one run over all its turns; absent means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_cost_micro_usd: Option<u64>,
    /// The text of people without write permission is left out of prompts.
    pub lockdown: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Timestamp>,
    /// It is to be deleted then; nothing new starts, and `project_restore` takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// Input of `member_list`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberList {
    pub project_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// A role in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectRole {
    Viewer,
    Contributor,
    Reviewer,
    Maintainer,
    Admin,
}

/// Input of `member_set`: one of `person_id` and `login`, and one of `role` and `blocked`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberSet {
    pub project_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_id: Option<Uuid>,
    /// The login at GitHub when last seen, of a person known to the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Text<1, 100>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ProjectRole>,
    /// True: no grant counts for the person here, not even a platform role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `member_remove`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberRemove {
    pub project_id: Uuid,
    pub person_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Output of `member_list`: newest people first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberPage {
    pub members: Vec<MemberView>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What a person is in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberView {
    pub person_id: Uuid,
    /// As it was when last seen; never an identity.
    pub login: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ProjectRole>,
    /// Since when no grant counts here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_at: Option<Timestamp>,
    /// Since when the person may do nothing anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}

/// Input of `stats_get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatsGet {
    pub project_id: Uuid,
    /// Runs asked for within so many days; 30 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Count<1, 90>>,
}

/// How many runs are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateCount {
    pub state: String,
    pub runs: u64,
}

/// Output of `stats_get`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsView {
    pub project_id: Uuid,
    pub days: u32,
    pub runs: Vec<StateCount>,
    /// Succeeded among succeeded, failed and timed out; absent while none ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// From the wish to the proven pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_seconds_to_pull_request: Option<f64>,
    /// From the wish to the first slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_queue_seconds: Option<f64>,
    /// As far as models have a price.
    pub cost_micro_usd: u64,
}

/// How long one bucket of a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeriesBucket {
    Hour,
    Day,
}

/// Input of `stats_series_get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatsSeriesGet {
    pub project_id: Uuid,
    /// All begin at the full hour or day of UTC.
    pub bucket: SeriesBucket,
    /// How many, the one of now included: 24 hours or 30 days without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buckets: Option<Count<1, 168>>,
}

/// Output of `stats_series_get`: the oldest first, those without runs too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsSeries {
    pub project_id: Uuid,
    pub bucket: SeriesBucket,
    pub points: Vec<StatsPoint>,
}

/// The runs that were asked for within one bucket, and what became of them until now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsPoint {
    pub begins_at: Timestamp,
    pub runs: u64,
    pub succeeded: u64,
    /// With those that ran out of time.
    pub failed: u64,
    pub cancelled: u64,
    /// Summed over all their turns.
    pub active_seconds: u64,
    /// From the wish to the first slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_queue_seconds: Option<f64>,
    /// From the wish to the end, of those that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_seconds_to_end: Option<f64>,
    /// As far as models have a price.
    pub cost_micro_usd: u64,
}
