//! Pull requests, read live and opened through the ledger.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::{Count, List, Text};
use crate::issue::Number;
use crate::page::IdempotencyKey;

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

/// What a review comes to. To approve is people's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewVerdict {
    #[default]
    Comment,
    /// GitHub does not take it of the one who opened the pull request.
    RequestChanges,
}

/// Something said about one line of the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewComment {
    pub path: Text<1, 1_024>,
    /// In the file as the change leaves it; it must be part of the change.
    pub line: Count<1, 10_000_000>,
    /// Markdown.
    pub body: Text<1, 10_000>,
}

/// Input of `pull_request_review`: the pull request that the run is about.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullRequestReview {
    /// Markdown.
    pub body: Text<1, 60_000>,
    #[serde(default)]
    pub verdict: ReviewVerdict,
    #[serde(default)]
    pub comments: List<ReviewComment, 30>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}
