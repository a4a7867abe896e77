//! What a repository looks like at the code host, for the report before runs work on it.

use std::collections::BTreeMap;

use super::code_host::CodeHostError;

/// One part of a survey: what could not be read hides no other part.
pub type Seen<T> = Result<T, CodeHostError>;

/// A repository and our App's place in it.
#[derive(Debug)]
pub struct HostSurvey {
    pub installation: Seen<HostInstallation>,
    pub webhook: Seen<HostWebhook>,
    /// The names of all labels.
    pub labels: Seen<Vec<String>>,
    pub default_branch: Seen<HostBranch>,
    /// The files of `.github/workflows` on the default branch.
    pub workflows: Seen<Vec<HostFile>>,
    /// `services.yaml` on the default branch; none if there is no such file.
    pub services: Seen<Option<HostFile>>,
}

/// The App where it is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostInstallation {
    /// `contents` → `write`.
    pub permissions: BTreeMap<String, String>,
    /// Events the App hears of.
    pub events: Vec<String>,
    pub suspended: bool,
}

/// Where the host sends the App's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostWebhook {
    pub url: String,
    pub content_type: String,
    pub insecure_tls: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostBranch {
    pub name: String,
    pub protected: bool,
}

/// A text file; bytes that are no UTF-8 are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFile {
    pub path: String,
    pub text: String,
}
