use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A person, an organisation, or the bot of an App.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) kind: AccountKind,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    /// Of an organisation, by account id.
    #[serde(default)]
    pub(crate) members: BTreeSet<u64>,
    /// Of an organisation: a team's slug, and its members.
    #[serde(default)]
    pub(crate) teams: BTreeMap<String, BTreeSet<u64>>,
}

impl Account {
    /// Returns the address GitHub puts in commits of people who hide theirs.
    pub(crate) fn git_email(&self) -> String {
        self.email
            .clone()
            .unwrap_or_else(|| format!("{}+{}@users.noreply.github.com", self.id, self.login))
    }
}

/// GitHub's `type` of an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    #[default]
    User,
    Organization,
    Bot,
}

impl AccountKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Organization => "Organization",
            Self::Bot => "Bot",
        }
    }
}

/// What a person may do in one repository, weakest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    None,
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }

    /// Returns the older four-step name, which the API still calls `permission`.
    pub(crate) fn legacy(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read | Self::Triage => "read",
            Self::Write | Self::Maintain => "write",
            Self::Admin => "admin",
        }
    }
}
