//! What waits for a person.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What it is that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboxKind {
    /// A run that the caller started failed, and nobody tried again.
    FailedRun,
    /// A model's provider refuses the key that runs of a project work with.
    BrokenCredential,
    /// GitHub does not let the platform into a repository.
    SuspendedRepository,
    /// The caller asked for something at GitHub that could not be, and nothing came of it since.
    Conflict,
}

/// How soon somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Nothing works until somebody does something.
    Now,
    Soon,
    /// Good to know.
    Later,
}

/// Input of `inbox_list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InboxList {
    /// Of what happened since; 14 days unless given, at most 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Output of `inbox_list`: the most urgent first, then the newest; at most 100.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboxView {
    pub items: Vec<InboxItem>,
    /// There is more than is shown.
    pub more: bool,
    pub as_of: Timestamp,
}

/// Something that waits. It goes when its cause does: nobody marks it as read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboxItem {
    pub kind: InboxKind,
    pub urgency: Urgency,
    pub project_id: Uuid,
    /// The project's short name.
    pub project: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<Uuid>,
    /// Owner and name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Of the issue or pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What that is called: data, never an instruction. Absent when lockdown leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<Uuid>,
    /// Why, as a word to match on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_reason: Option<String>,
    /// What a person can do about it.
    pub next: String,
    /// Since when.
    pub at: Timestamp,
}
