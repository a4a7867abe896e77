use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::words;

/// A repository's name and place as somebody saw them at the code host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub installation_id: i64,
    pub owner: String,
    pub name: String,
    pub default_branch: String,
    pub clone_url: String,
    /// The host's own moment of what is said here.
    pub as_of: Timestamp,
}

/// A repository as it was found for somebody who may bind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub github_repository_id: i64,
    pub installation_id: i64,
    pub owner: String,
    pub name: String,
    pub default_branch: String,
    pub clone_url: String,
}

/// What GitHub said about where the App may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAccess {
    pub reach: Reach,
    pub change: AccessChange,
    /// The installation that reaches there now.
    pub installation_id: Option<i64>,
    /// The host's own moment of what is said here: an older word changes nothing.
    pub as_of: Timestamp,
}

/// Whether the App may go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessChange {
    Lost(Suspension),
    /// What stood in the way for one of these reasons does so no more.
    Regained(&'static [Suspension]),
}

/// What is meant by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All repositories of an installation.
    Installation(i64),
    /// By GitHub's numbers.
    Repositories(Vec<i64>),
}

/// Why the App cannot work in a repository that is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suspension {
    AppRemoved,
    AppSuspended,
    RepositoryArchived,
    RepositoryDeleted,
}

words!(Suspension: AppRemoved = "app_removed", AppSuspended = "app_suspended",
    RepositoryArchived = "repository_archived", RepositoryDeleted = "repository_deleted");

impl Suspension {
    /// What a person can do about it.
    pub fn next(self) -> &'static str {
        match self {
            Self::AppRemoved => "install the App on the repository again",
            Self::AppSuspended => "unsuspend the App in the account's settings at GitHub",
            Self::RepositoryArchived => "unarchive the repository at GitHub",
            Self::RepositoryDeleted => "detach it: GitHub has it no more",
        }
    }
}
