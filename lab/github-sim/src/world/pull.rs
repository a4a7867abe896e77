use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a pull request has beyond an issue. Both branches are in the same repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pull {
    pub(crate) id: u64,
    pub(crate) head_ref: String,
    pub(crate) head_sha: String,
    pub(crate) base_ref: String,
    pub(crate) base_sha: String,
    pub(crate) draft: bool,
    pub(crate) facts: Facts,
    pub(crate) merged_at: Option<Timestamp>,
    pub(crate) merged_by: Option<u64>,
    pub(crate) merge_commit_sha: Option<String>,
    pub(crate) reviewer_ids: Vec<u64>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) review_comments: Vec<ReviewComment>,
}

/// What git says of the two branches. Taken when one of them moves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) commits: u64,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    pub(crate) changed_files: u64,
    pub(crate) mergeable: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) author_id: u64,
    pub(crate) body: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED` or `PENDING`.
    pub(crate) state: String,
    pub(crate) commit_id: String,
    pub(crate) submitted_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReviewComment {
    pub(crate) id: u64,
    pub(crate) review_id: u64,
    pub(crate) author_id: u64,
    pub(crate) body: String,
    pub(crate) path: String,
    pub(crate) line: Option<u64>,
    /// `LEFT` or `RIGHT`.
    pub(crate) side: String,
    pub(crate) commit_id: String,
    pub(crate) in_reply_to_id: Option<u64>,
    pub(crate) created_at: Timestamp,
}
