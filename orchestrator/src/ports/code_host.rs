//! Where repositories, issues and pull requests live.

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::identity::Group;
use super::survey::HostSurvey;
use crate::actor::words;
use crate::effect::domain::Review;
use crate::repository::label::LabelDefinition;

/// A repository as the code host addresses it. The number is the authority; owner and name are for paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryRef {
    pub installation_id: i64,
    pub github_repository_id: i64,
    pub owner: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRepository {
    pub github_repository_id: i64,
    pub owner: String,
    pub name: String,
    pub default_branch: String,
    pub clone_url: String,
    pub archived: bool,
    /// Not everybody may read it.
    pub is_private: bool,
}

/// An account as it appears beside an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAccount {
    pub github_user_id: i64,
    pub login: String,
}

/// An issue to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueDraft {
    pub title: String,
    pub body: String,
    pub labels: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIssue {
    pub number: i64,
    pub title: String,
    pub body: String,
    pub open: bool,
    pub labels: Vec<String>,
    /// None for a deleted account.
    pub author: Option<HostAccount>,
    pub url: String,
    pub is_pull_request: bool,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPullRequest {
    pub number: i64,
    pub title: String,
    pub body: String,
    pub open: bool,
    pub merged: bool,
    pub draft: bool,
    pub head_branch: String,
    pub head_sha: String,
    pub base_branch: String,
    pub author: Option<HostAccount>,
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostComment {
    pub comment_id: i64,
    pub body: String,
    pub url: String,
    pub author: Option<HostAccount>,
}

/// Something people said about an issue or a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRemark {
    pub kind: RemarkKind,
    /// None for a deleted account.
    pub author: Option<HostAccount>,
    pub body: String,
    /// File and line it is about.
    pub place: Option<String>,
    pub said_at: Timestamp,
}

/// Where something was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    Comment,
    Review,
    /// On a line of the change.
    ReviewComment,
}

words!(RemarkKind: Comment = "comment", Review = "review", ReviewComment = "review comment");

/// A page of a repository's issues, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostIssuePage {
    /// Without pull requests.
    pub issues: Vec<HostIssue>,
    pub has_more: bool,
}

/// What an account may do in a repository now, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostPermission {
    None,
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

/// A pull request to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestDraft {
    pub title: String,
    pub body: String,
    pub head_branch: String,
    pub base_branch: String,
}

/// A credential for one repository, short-lived.
#[derive(Clone, Debug)]
pub struct HostToken {
    pub username: String,
    pub token: SecretString,
    pub expires_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAccess {
    /// `contents: read`.
    Read,
    /// `contents: write`.
    Write,
}

/// What a file says at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFileAt {
    pub commit: String,
    /// None: the commit has no such file.
    pub text: Option<String>,
}

/// A webhook delivery in the host's own list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostDelivery {
    pub host_delivery_id: i64,
    pub guid: String,
    pub delivered_at: Timestamp,
    pub delivered: bool,
}

/// A page of the host's list of deliveries, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostDeliveryPage {
    pub deliveries: Vec<HostDelivery>,
    /// The host's word for where the older ones begin; none if there are none.
    pub older: Option<String>,
}

/// A page of the members of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostMemberPage {
    pub members: Vec<HostAccount>,
    /// The host's word for the next page; none after the last.
    pub next: Option<String>,
}

/// Why the code host did not do it.
#[derive(Debug, thiserror::Error)]
pub enum CodeHostError {
    /// It will not, however often we ask. `status` is the HTTP status.
    #[error("the code host refused ({status}): {message}")]
    Refused { status: u16, message: String },
    #[error("the code host knows no {0}")]
    NotFound(String),
    /// Nothing was done; the whole lane of this installation waits.
    #[error("the code host asks to wait {} s: {message}", retry_after.as_secs())]
    RateLimited {
        retry_after: std::time::Duration,
        message: String,
    },
    /// Nobody knows whether it was done: look before writing again.
    #[error("the code host's answer was lost: {0}")]
    Ambiguous(String),
    /// Nothing was done, or it was only a read.
    #[error("the code host is away: {0}")]
    Unavailable(String),
}

/// Reads may be repeated freely. Writes are never retried by the adapter: the effects ledger decides.
#[async_trait]
pub trait CodeHost: Send + Sync {
    /// By the number, so that a rename or transfer is followed.
    async fn repository(&self, at: &RepositoryRef) -> Result<HostRepository, CodeHostError>;

    /// Where a repository is, if the App is installed on it and not suspended; a redirect of an old name is followed.
    async fn find_repository(
        &self,
        owner: &str,
        name: &str,
    ) -> Result<Option<(RepositoryRef, HostRepository)>, CodeHostError>;

    /// Looks at all that decides whether runs can work there. What cannot be read is an error of its part.
    async fn survey(&self, at: &RepositoryRef) -> HostSurvey;

    async fn issue(&self, at: &RepositoryRef, number: i64) -> Result<HostIssue, CodeHostError>;

    /// A page, counted from 1, of at most 100 issues, open or closed.
    async fn issues(
        &self,
        at: &RepositoryRef,
        open: bool,
        limit: i64,
        page: i64,
    ) -> Result<HostIssuePage, CodeHostError>;

    /// The issue that carries `marker`, written by our own App.
    async fn find_issue(&self, at: &RepositoryRef, marker: &str) -> Result<Option<HostIssue>, CodeHostError>;

    /// Opens an issue. Labels that the platform ships are made if they are not there; any other one that the repository
    /// does not have is refused.
    async fn create_issue(&self, at: &RepositoryRef, draft: &IssueDraft) -> Result<HostIssue, CodeHostError>;

    /// The review of a pull request that carries `marker`, written by our own App.
    async fn find_review(
        &self,
        at: &RepositoryRef,
        number: i64,
        marker: &str,
    ) -> Result<Option<HostComment>, CodeHostError>;

    async fn create_review(
        &self,
        at: &RepositoryRef,
        number: i64,
        review: &Review,
    ) -> Result<HostComment, CodeHostError>;

    async fn pull_request(&self, at: &RepositoryRef, number: i64) -> Result<HostPullRequest, CodeHostError>;

    /// The open pull request from `head_branch`, or else the newest from there, merged or closed, that carries `marker`.
    async fn find_pull_request(
        &self,
        at: &RepositoryRef,
        head_branch: &str,
        marker: &str,
    ) -> Result<Option<HostPullRequest>, CodeHostError>;

    /// What others than our App said there since a moment, oldest first: comments, and of a pull request its reviews too.
    async fn remarks(
        &self,
        at: &RepositoryRef,
        number: i64,
        is_pull_request: bool,
        since: Timestamp,
    ) -> Result<Vec<HostRemark>, CodeHostError>;

    /// Whether `commit` is `head` or one of its ancestors; a commit that is not there is none.
    async fn contains(&self, at: &RepositoryRef, head: &str, commit: &str) -> Result<bool, CodeHostError>;

    /// The commit a branch points to, or none if there is no such branch.
    async fn branch_head(&self, at: &RepositoryRef, branch: &str) -> Result<Option<String>, CodeHostError>;

    /// The head of a branch, and what a text file says there; neither where there is no such branch.
    async fn file(
        &self,
        at: &RepositoryRef,
        branch: &str,
        path: &str,
    ) -> Result<Option<HostFileAt>, CodeHostError>;

    /// What the account may do in the repository now. It is asked for by its login; nothing may be done by an account
    /// that is unknown, and by one whose login is somebody else's now.
    async fn permission(
        &self,
        at: &RepositoryRef,
        account: &HostAccount,
    ) -> Result<HostPermission, CodeHostError>;

    /// The comment that carries `marker`, written by our own App; others' comments are never taken for ours.
    async fn find_comment(
        &self,
        at: &RepositoryRef,
        number: i64,
        marker: &str,
    ) -> Result<Option<HostComment>, CodeHostError>;

    async fn create_comment(
        &self,
        at: &RepositoryRef,
        number: i64,
        body: &str,
    ) -> Result<HostComment, CodeHostError>;

    async fn edit_comment(
        &self,
        at: &RepositoryRef,
        comment_id: i64,
        body: &str,
    ) -> Result<HostComment, CodeHostError>;

    /// Makes each of `add` present and each of `remove` absent; answers the labels now.
    async fn change_labels(
        &self,
        at: &RepositoryRef,
        number: i64,
        add: &[String],
        remove: &[String],
    ) -> Result<Vec<String>, CodeHostError>;

    /// Makes each label that is not there; one that is there keeps its colour and words. At most
    /// [`crate::repository::label::AT_ONCE`] of them.
    async fn ensure_labels(
        &self,
        at: &RepositoryRef,
        labels: &[LabelDefinition],
    ) -> Result<(), CodeHostError>;

    async fn open_pull_request(
        &self,
        at: &RepositoryRef,
        draft: &PullRequestDraft,
    ) -> Result<HostPullRequest, CodeHostError>;

    /// A fresh credential for this one repository with this one permission.
    async fn repository_token(
        &self,
        at: &RepositoryRef,
        access: TokenAccess,
    ) -> Result<HostToken, CodeHostError>;

    /// A page of the App's deliveries: the newest, or those that begin at `older` of another page.
    async fn deliveries(&self, from: Option<&str>) -> Result<HostDeliveryPage, CodeHostError>;

    /// Asks the host to send a delivery again, under the same GUID.
    async fn redeliver(&self, host_delivery_id: i64) -> Result<(), CodeHostError>;

    /// A page of the active members of an organisation or team: the first, or the one that another page named. A team that
    /// is not there has none; an organisation that does not let us look is an error.
    async fn members(&self, group: &Group, page: Option<&str>) -> Result<HostMemberPage, CodeHostError>;

    /// The account that bears this login now.
    async fn account(&self, login: &str) -> Result<HostAccount, CodeHostError>;

    /// The account the App acts as: its events are our own echo.
    async fn own_account(&self) -> Result<HostAccount, CodeHostError>;
}
