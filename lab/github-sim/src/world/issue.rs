use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Pull;

/// An issue, or the issue side of a pull request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author_id: u64,
    pub(crate) open: bool,
    pub(crate) state_reason: Option<String>,
    pub(crate) label_ids: Vec<u64>,
    pub(crate) assignee_ids: Vec<u64>,
    pub(crate) locked: bool,
    pub(crate) comments: Vec<Comment>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) events: Vec<TimelineEvent>,
    pub(crate) pull: Option<Pull>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) closed_by: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author_id: u64,
    pub(crate) body: String,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reaction {
    pub(crate) id: u64,
    pub(crate) author_id: u64,
    /// `+1`, `-1`, `laugh`, `confused`, `heart`, `hooray`, `rocket` or `eyes`.
    pub(crate) content: String,
    pub(crate) created_at: Timestamp,
}

/// What happened to an issue, other than comments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TimelineEvent {
    pub(crate) id: u64,
    pub(crate) event: String,
    pub(crate) actor_id: u64,
    /// Name and colour, kept as they were.
    pub(crate) label: Option<(String, String)>,
    pub(crate) commit_id: Option<String>,
    pub(crate) created_at: Timestamp,
}
