//! Bound Git repositories.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::Text;
use crate::page::{Cursor, IdempotencyKey, PageLimit};

/// Input of `repository_get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryGet {
    pub repository_id: Uuid,
}

/// Input of `repository_list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryList {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// Output of `repository_list`: newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryPage {
    pub repositories: Vec<RepositoryView>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One repository. `github_repository_id` is the authority; owner and name are what they were when last read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryView {
    pub repository_id: Uuid,
    pub project_id: Uuid,
    pub github_repository_id: u64,
    pub owner: String,
    pub name: String,
    pub default_branch: String,
    /// HTTPS address without credential.
    pub clone_url: String,
    /// Image of the agent's container; absent where the platform's default is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_image: Option<String>,
    /// Since when its events start nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached_at: Option<Timestamp>,
    /// Why GitHub does not let the platform's App work there; its events start nothing meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
    pub created_at: Timestamp,
}

/// A repository's name at GitHub: `owner/name`.
pub type FullName = Text<3, 140>;

/// Input of `repository_attach`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryAttach {
    pub project_id: Uuid,
    /// `owner/name` at GitHub.
    pub repository: FullName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `repository_update`; what is left out stays as it is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryUpdate {
    pub repository_id: Uuid,
    /// Image of the agent's container by its digest, `registry/name@sha256:…`; an empty text takes the platform's
    /// default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_image: Option<Text<0, 500>>,
    /// Makes those labels that start something and are not there.
    #[serde(default)]
    pub create_labels: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `repository_detach`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryDetach {
    pub repository_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `repository_preflight`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryPreflight {
    pub repository_id: Uuid,
}

/// What a line of the report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreflightSubject {
    Installation,
    Permissions,
    Webhook,
    Events,
    Labels,
    DefaultBranch,
    Workflows,
    Services,
}

/// How it stands: `broken` keeps runs from working, `unknown` could not be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreflightStanding {
    Good,
    Warning,
    Unknown,
    Broken,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreflightCheck {
    pub subject: PreflightSubject,
    pub standing: PreflightStanding,
    pub finding: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Output of `repository_preflight`: a line per subject, as GitHub answered now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreflightReport {
    /// Whether nothing is `broken` or `unknown`.
    pub ready: bool,
    pub checks: Vec<PreflightCheck>,
}

/// Why the App cannot work in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Suspension {
    AppRemoved,
    AppSuspended,
    RepositoryArchived,
    RepositoryDeleted,
}
