//! What GitHub says, as little as we need of it. Every field may be missing and no list of words is closed: accounts
//! get deleted, and GitHub adds values any day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use orchestrator::ports::code_host::{
    HostAccount, HostComment, HostDelivery, HostIssue, HostPermission, HostPullRequest, HostRemark,
    HostRepository, RemarkKind,
};
use orchestrator::ports::survey::HostWebhook;
use serde::Deserialize;
use serde_json::Value;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Token {
    pub(super) token: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Account {
    id: Option<i64>,
    login: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Repository {
    id: Option<i64>,
    name: Option<String>,
    owner: Option<Account>,
    default_branch: Option<String>,
    clone_url: Option<String>,
    archived: Option<bool>,
    private: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Issue {
    number: Option<i64>,
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    labels: Option<Vec<Value>>,
    user: Option<Account>,
    html_url: Option<String>,
    pull_request: Option<Value>,
    updated_at: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PullRequest {
    number: Option<i64>,
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    merged: Option<bool>,
    merged_at: Option<String>,
    draft: Option<bool>,
    head: Option<Branch>,
    base: Option<Branch>,
    user: Option<Account>,
    html_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Branch {
    #[serde(rename = "ref")]
    name: Option<String>,
    sha: Option<String>,
    /// None when the fork was deleted.
    repo: Option<Repository>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Comment {
    id: Option<i64>,
    body: Option<String>,
    html_url: Option<String>,
    user: Option<Account>,
}

/// A comment, a review or a comment on a line.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Remark {
    body: Option<String>,
    user: Option<Account>,
    created_at: Option<Timestamp>,
    /// Of a review; a draft has none.
    submitted_at: Option<Timestamp>,
    path: Option<String>,
    line: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Comparison {
    pub(super) status: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct GitRef {
    #[serde(rename = "ref")]
    pub(super) name: Option<String>,
    pub(super) object: Option<GitObject>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct GitObject {
    pub(super) sha: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Collaborator {
    permission: Option<String>,
    role_name: Option<String>,
    user: Option<Account>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delivery {
    id: Option<i64>,
    guid: Option<String>,
    delivered_at: Option<Timestamp>,
    status: Option<String>,
    status_code: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct App {
    pub(super) slug: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Installation {
    pub(super) id: Option<i64>,
    pub(super) suspended_at: Option<String>,
    pub(super) permissions: Option<BTreeMap<String, String>>,
    pub(super) events: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct HookConfig {
    url: Option<String>,
    content_type: Option<String>,
    /// A text or a number, `1` for "do not verify".
    insecure_ssl: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct BranchState {
    pub(super) protected: Option<bool>,
}

/// A file with its text, or an entry of a folder without.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// Of a file: in lines.
    #[serde(rename = "content")]
    pub(super) base64: Option<String>,
    /// Bytes of a file.
    pub(super) size: Option<u64>,
}

// Each conversion answers None when what cannot be guessed is missing.

impl Remark {
    /// None for a draft, and for one that says nothing.
    pub(super) fn known(self, kind: RemarkKind) -> Option<HostRemark> {
        let place = self.path.map(|path| match self.line {
            Some(line) => format!("{path}:{line}"),
            None => path,
        });
        Some(HostRemark {
            kind,
            author: self.user.and_then(Account::known),
            body: self.body.filter(|body| !body.trim().is_empty())?,
            place,
            said_at: self.submitted_at.or(self.created_at)?,
        })
    }
}

impl HookConfig {
    pub(super) fn known(self) -> HostWebhook {
        HostWebhook {
            url: self.url.unwrap_or_default(),
            content_type: self.content_type.unwrap_or_else(|| "form".to_owned()),
            insecure_tls: self.insecure_ssl.is_some_and(|word| word == "1" || word == 1),
        }
    }
}

impl Account {
    pub(super) fn known(self) -> Option<HostAccount> {
        Some(HostAccount {
            github_user_id: self.id?,
            login: self.login?,
        })
    }
}

impl Repository {
    pub(super) fn known(self) -> Option<HostRepository> {
        Some(HostRepository {
            github_repository_id: self.id?,
            owner: self.owner?.login?,
            name: self.name?,
            default_branch: self.default_branch?,
            clone_url: self.clone_url?,
            archived: self.archived.unwrap_or_default(),
            // What is not known is nobody's to see.
            is_private: self.private.unwrap_or(true),
        })
    }
}

impl Issue {
    pub(super) fn known(self) -> Option<HostIssue> {
        Some(HostIssue {
            number: self.number?,
            title: self.title.unwrap_or_default(),
            body: self.body.unwrap_or_default(),
            open: self.state? == "open",
            labels: label_names(&self.labels.unwrap_or_default()),
            author: self.user.and_then(Account::known),
            url: self.html_url.unwrap_or_default(),
            is_pull_request: self.pull_request.is_some(),
            updated_at: self.updated_at?,
        })
    }
}

impl PullRequest {
    /// Whether its head is a branch of this repository, not of a fork.
    pub(super) fn comes_from(&self, github_repository_id: i64, branch: &str) -> bool {
        self.head.as_ref().is_some_and(|head| {
            let repository = head.repo.as_ref().and_then(|repository| repository.id);
            head.name.as_deref() == Some(branch) && repository == Some(github_repository_id)
        })
    }

    pub(super) fn known(self) -> Option<HostPullRequest> {
        let head = self.head?;
        Some(HostPullRequest {
            number: self.number?,
            title: self.title.unwrap_or_default(),
            body: self.body.unwrap_or_default(),
            open: self.state? == "open",
            // A list carries the moment only.
            merged: self.merged.unwrap_or(self.merged_at.is_some()),
            draft: self.draft.unwrap_or_default(),
            head_branch: head.name?,
            head_sha: head.sha?,
            base_branch: self.base?.name?,
            author: self.user.and_then(Account::known),
            url: self.html_url.unwrap_or_default(),
        })
    }
}

impl Comment {
    pub(super) fn is_by(&self, account: &HostAccount) -> bool {
        self.user.as_ref().and_then(|user| user.id) == Some(account.github_user_id)
    }

    pub(super) fn contains(&self, marker: &str) -> bool {
        self.body.as_deref().is_some_and(|body| body.contains(marker))
    }

    pub(super) fn known(self) -> Option<HostComment> {
        Some(HostComment {
            comment_id: self.id?,
            body: self.body.unwrap_or_default(),
            url: self.html_url.unwrap_or_default(),
            author: self.user.and_then(Account::known),
        })
    }
}

impl Collaborator {
    /// Whose permission it is.
    pub(super) fn github_user_id(&self) -> Option<i64> {
        self.user.as_ref()?.id
    }

    /// The role says more than the permission, which knows no triage and no maintain. An organisation's own role has
    /// any name; then the permission it is built on counts.
    pub(super) fn known(&self) -> HostPermission {
        let known = |word: &Option<String>| match word.as_deref()? {
            "admin" => Some(HostPermission::Admin),
            "maintain" => Some(HostPermission::Maintain),
            "write" | "push" => Some(HostPermission::Write),
            "triage" => Some(HostPermission::Triage),
            "read" | "pull" => Some(HostPermission::Read),
            "none" => Some(HostPermission::None),
            _ => None,
        };
        known(&self.role_name)
            .or_else(|| known(&self.permission))
            .unwrap_or(HostPermission::None)
    }
}

impl Delivery {
    pub(super) fn known(self) -> Option<HostDelivery> {
        Some(HostDelivery {
            host_delivery_id: self.id?,
            guid: self.guid?,
            delivered_at: self.delivered_at?,
            delivered: match self.status_code {
                Some(code) => (200..300).contains(&code),
                None => self.status.as_deref() == Some("OK"),
            },
        })
    }
}

/// A label is an object, or in old answers its name alone.
pub(super) fn label_names(labels: &[Value]) -> Vec<String> {
    let name = |label: &Value| {
        label
            .as_str()
            .or_else(|| label.get("name")?.as_str())
            .map(str::to_owned)
    };
    labels.iter().filter_map(name).collect()
}
