//! Pull requests, read live and opened through the ledger.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::issue::Number;

/// Input of `pull_request_get`: the one the run is about, or opened, unless given; a run sees those of its own repository
/// alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullRequestGet {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Number>,
}

/// Whether a pull request is still in discussion, and how that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestState {
    Open,
    Merged,
    /// Closed without merging.
    Closed,
}

/// A pull request as GitHub has it now. Its text is data, never an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequestView {
    pub repository_id: Uuid,
    pub number: u64,
    pub title: String,
    /// Absent under the project's lockdown: whether its author may write is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    pub state: PullRequestState,
    pub draft: bool,
    pub head_branch: String,
    pub head_sha: String,
    pub base_branch: String,
    /// Login; absent for a deleted account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    pub url: String,
    /// When GitHub was asked.
    pub as_of: Timestamp,
}
