//! What of a repository is indexed, and for whom.

use super::glob::Globs;
use crate::actor::words;
use crate::id::RepositoryId;

/// Who finds the text of a repository, beside what the matrix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VisibleTo {
    /// Everybody who may search in the project.
    Project,
    /// Of those, people who may read the repository at the code host now.
    GithubReaders,
}

words!(VisibleTo: Project = "project", GithubReaders = "github_readers");

impl VisibleTo {
    /// What holds while nobody said otherwise: a private repository stays with its readers.
    pub fn default_of(is_private: bool) -> Self {
        if is_private {
            Self::GithubReaders
        } else {
            Self::Project
        }
    }
}

/// A reading of a repository's tree at one commit.
#[derive(Clone, Debug)]
pub struct Pass {
    pub repository_id: RepositoryId,
    /// Counts the passes of this source.
    pub number: i64,
    pub commit: String,
    /// Which paths are wanted.
    pub globs: Globs,
    /// Of the settings it reads by.
    pub(crate) version: i64,
}

/// What a person changes of a source; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct SourceChanges {
    pub include: Option<Vec<String>>,
    pub exclude: Option<Vec<String>>,
    /// `Some(None)` takes the default again.
    pub visible_to: Option<Option<VisibleTo>>,
    /// Whether its text may go to an embedder outside.
    pub external_embedder: Option<bool>,
}
