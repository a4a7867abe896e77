//! What can be asked, and answered. Pure data.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{RepositoryId, SlotId};
use crate::ports::code_host::HostPermission;
use crate::repository::Place;
use crate::repository::preflight::Check;
use crate::slot::environment::{Part, Shown};

/// A question to the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Question {
    Issue {
        repository_id: RepositoryId,
        number: i64,
    },
    /// A page of a repository's issues, counted from 1.
    Issues {
        repository_id: RepositoryId,
        open: bool,
        limit: i64,
        page: i64,
    },
    PullRequest {
        repository_id: RepositoryId,
        number: i64,
    },
    /// Where a repository is, for somebody who administers or maintains it; nobody else learns that it exists.
    RepositoryPlace {
        owner: String,
        name: String,
        github_user_id: i64,
        login: String,
    },
    /// Whether a repository is ready for runs.
    RepositoryPreflight { repository_id: RepositoryId },
    /// A Git credential for one repository.
    RepositoryToken {
        repository_id: RepositoryId,
        write: bool,
    },
    /// The account that bears a login now.
    Account { login: String },
    /// What an account may do in a repository now.
    Permission {
        repository_id: RepositoryId,
        github_user_id: i64,
        login: String,
    },
    /// What the cluster holds for a slot.
    Environment { slot_id: SlotId, part: Part },
    /// Which of these repositories an account may read now.
    Readable {
        repositories: Vec<RepositoryId>,
        github_user_id: i64,
        login: String,
    },
    /// The vector of a question to the knowledge.
    QuestionVector { model_id: i16, text: String },
}

/// What the world answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    Issue(IssueAnswer),
    Issues {
        issues: Vec<ListedIssue>,
        has_more: bool,
    },
    PullRequest(PullRequestAnswer),
    RepositoryPlace(Place),
    RepositoryPreflight {
        checks: Vec<Check>,
    },
    /// Never stored in the clear.
    RepositoryToken {
        username: String,
        token: String,
        expires_at: Timestamp,
    },
    Account {
        github_user_id: i64,
        login: String,
    },
    Permission {
        permission: HostPermission,
    },
    Environment(Shown),
    /// Those that could not be asked about are in neither list.
    Readable {
        readable: Vec<RepositoryId>,
        unreadable: Vec<RepositoryId>,
    },
    /// It was kept, too.
    QuestionVector {
        vector: Vec<f32>,
    },
}

/// An issue in a list: whether its author may write is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedIssue {
    pub number: i64,
    pub title: String,
    pub open: bool,
    pub labels: Vec<String>,
    pub author: Option<String>,
    pub url: String,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueAnswer {
    pub number: i64,
    pub title: String,
    pub body: String,
    pub open: bool,
    pub labels: Vec<String>,
    pub author: Option<String>,
    /// Whether the author may write to the repository now.
    pub author_trusted: bool,
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequestAnswer {
    pub number: i64,
    pub title: String,
    pub body: String,
    pub open: bool,
    pub merged: bool,
    pub draft: bool,
    pub head_branch: String,
    pub head_sha: String,
    pub base_branch: String,
    pub author: Option<String>,
    pub url: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failed {
    NotFound {
        what: String,
    },
    /// The world refuses.
    Refused {
        message: String,
    },
    Unavailable {
        message: String,
        retry_after_ms: Option<u64>,
    },
}

impl Question {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Issue { .. } => "issue",
            Self::Issues { .. } => "issues",
            Self::PullRequest { .. } => "pull_request",
            Self::RepositoryPlace { .. } => "repository_place",
            Self::RepositoryPreflight { .. } => "repository_preflight",
            Self::RepositoryToken { .. } => "repository_token",
            Self::Account { .. } => "account",
            Self::Permission { .. } => "permission",
            Self::Environment { .. } => "environment",
            Self::Readable { .. } => "readable",
            Self::QuestionVector { .. } => "question_vector",
        }
    }
}

impl Answer {
    /// Whether the answer must be sealed at rest.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::RepositoryToken { .. })
    }
}
