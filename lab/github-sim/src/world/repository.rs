use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CheckRun, Issue, Role, Status};

/// A repository and everything that belongs to it. Its git objects lie in the data folder, under its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) owner_id: u64,
    pub(crate) name: String,
    /// Names it had before; asking by one of them is answered with 301.
    pub(crate) former_names: Vec<String>,
    pub(crate) description: Option<String>,
    pub(crate) private: bool,
    pub(crate) default_branch: String,
    pub(crate) roles: BTreeMap<u64, Role>,
    pub(crate) labels: Vec<Label>,
    /// Issues and pull requests: they share their numbers.
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) check_runs: Vec<CheckRun>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) pushed_at: Timestamp,
}

impl Repository {
    /// Returns what a person may do here.
    pub(crate) fn role(&self, account: u64) -> Role {
        if self.owner_id == account {
            return Role::Admin;
        }
        let floor = if self.private { Role::None } else { Role::Read };
        self.roles.get(&account).copied().unwrap_or(floor).max(floor)
    }

    pub(crate) fn label(&self, id: u64) -> Option<&Label> {
        self.labels.iter().find(|label| label.id == id)
    }

    /// Finds a label by name; GitHub does not tell cases apart.
    pub(crate) fn label_named(&self, name: &str) -> Option<&Label> {
        self.labels
            .iter()
            .find(|label| label.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.issues.last_key_value().map_or(1, |(number, _)| number + 1)
    }

    pub(crate) fn open_issues(&self) -> usize {
        self.issues.values().filter(|issue| issue.open).count()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Label {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) description: Option<String>,
}
