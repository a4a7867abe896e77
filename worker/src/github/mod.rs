//! The code host is GitHub: a cloud account or an Enterprise Server, met as a GitHub App.
//!
//! `wire` is what GitHub says, `refusal` what a refusal means to us, `transport` one request, `connection` a request
//! with the least credential that allows it; the other modules are the port's operations by subject. Nothing here
//! sends a write twice: a lost answer is told as such, and the effects ledger looks before it writes again.

mod account;
mod app_key;
mod call;
mod comments;
mod config;
mod connection;
mod contents;
mod deliveries;
mod issues;
mod labels;
mod link;
mod members;
mod path;
mod pulls;
mod rate_limit;
mod refusal;
mod remarks;
mod repositories;
mod reviews;
mod survey;
#[cfg(test)]
pub(crate) mod tests;
mod token;
mod transport;
mod wire;

use async_trait::async_trait;
use jiff::Timestamp;
use orchestrator::Clock;
use orchestrator::effect::domain::Review;
use orchestrator::ports::code_host::{
    CodeHost, CodeHostError, HostAccount, HostComment, HostDeliveryPage, HostFileAt, HostIssue,
    HostIssuePage, HostMemberPage, HostPermission, HostPullRequest, HostRemark, HostRepository, HostToken,
    IssueDraft, PullRequestDraft, RepositoryRef, TokenAccess,
};
use orchestrator::ports::identity::Group;
use orchestrator::ports::survey::HostSurvey;
use orchestrator::repository::label::LabelDefinition;
use tokio::sync::OnceCell;

pub use config::GithubConfig;
use connection::Connection;

type Result<T> = std::result::Result<T, CodeHostError>;

/// GitHub behind the port [`CodeHost`].
pub struct GithubHost {
    connection: Connection,
    /// It never changes while the App exists.
    own_account: OnceCell<HostAccount>,
}

impl GithubHost {
    /// Reads the App's key and prepares connections; asks GitHub nothing yet. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The key file cannot be read or holds no RSA key, or the address is not usable; the text says what to correct.
    pub fn new(config: &GithubConfig, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            connection: Connection::new(config, clock)?,
            own_account: OnceCell::new(),
        })
    }

    /// Whether GitHub answers, and knows the App by its key.
    ///
    /// # Errors
    ///
    /// It does not.
    pub async fn check(&self) -> Result<()> {
        account::known(&self.connection).await
    }

    /// The account our App writes as, by way of the installation of a repository.
    async fn own_at(&self, at: &RepositoryRef) -> Result<&HostAccount> {
        let seen = || account::seen_from(&self.connection, at);
        self.own_account.get_or_try_init(seen).await
    }
}

#[async_trait]
impl CodeHost for GithubHost {
    async fn repository(&self, at: &RepositoryRef) -> Result<HostRepository> {
        repositories::get(&self.connection, at).await
    }

    async fn find_repository(
        &self,
        owner: &str,
        name: &str,
    ) -> Result<Option<(RepositoryRef, HostRepository)>> {
        repositories::find(&self.connection, owner, name).await
    }

    async fn survey(&self, at: &RepositoryRef) -> HostSurvey {
        Box::pin(survey::survey(&self.connection, at)).await
    }

    async fn issue(&self, at: &RepositoryRef, number: i64) -> Result<HostIssue> {
        issues::get(&self.connection, at, number).await
    }

    async fn issues(&self, at: &RepositoryRef, open: bool, limit: i64, page: i64) -> Result<HostIssuePage> {
        issues::page(&self.connection, at, open, limit, page).await
    }

    async fn find_issue(&self, at: &RepositoryRef, marker: &str) -> Result<Option<HostIssue>> {
        issues::find(&self.connection, at, marker, self.own_at(at).await?).await
    }

    async fn create_issue(&self, at: &RepositoryRef, draft: &IssueDraft) -> Result<HostIssue> {
        Box::pin(issues::create(&self.connection, at, draft)).await
    }

    async fn find_review(
        &self,
        at: &RepositoryRef,
        number: i64,
        marker: &str,
    ) -> Result<Option<HostComment>> {
        reviews::find(&self.connection, at, number, marker, self.own_at(at).await?).await
    }

    async fn create_review(&self, at: &RepositoryRef, number: i64, review: &Review) -> Result<HostComment> {
        reviews::create(&self.connection, at, number, review).await
    }

    async fn pull_request(&self, at: &RepositoryRef, number: i64) -> Result<HostPullRequest> {
        pulls::get(&self.connection, at, number).await
    }

    async fn find_pull_request(
        &self,
        at: &RepositoryRef,
        head_branch: &str,
        marker: &str,
    ) -> Result<Option<HostPullRequest>> {
        pulls::find(&self.connection, at, head_branch, marker).await
    }

    async fn remarks(
        &self,
        at: &RepositoryRef,
        number: i64,
        is_pull_request: bool,
        since: Timestamp,
    ) -> Result<Vec<HostRemark>> {
        let own = self.own_at(at).await?;
        remarks::since(&self.connection, at, number, is_pull_request, since, own).await
    }

    async fn contains(&self, at: &RepositoryRef, head: &str, commit: &str) -> Result<bool> {
        repositories::contains(&self.connection, at, head, commit).await
    }

    async fn branch_head(&self, at: &RepositoryRef, branch: &str) -> Result<Option<String>> {
        repositories::branch_head(&self.connection, at, branch).await
    }

    async fn file(&self, at: &RepositoryRef, branch: &str, path: &str) -> Result<Option<HostFileAt>> {
        contents::at_head(&self.connection, at, branch, path).await
    }

    async fn permission(&self, at: &RepositoryRef, account: &HostAccount) -> Result<HostPermission> {
        repositories::permission(&self.connection, at, account).await
    }

    async fn find_comment(
        &self,
        at: &RepositoryRef,
        number: i64,
        marker: &str,
    ) -> Result<Option<HostComment>> {
        comments::find(&self.connection, at, number, marker, self.own_at(at).await?).await
    }

    async fn create_comment(&self, at: &RepositoryRef, number: i64, body: &str) -> Result<HostComment> {
        comments::create(&self.connection, at, number, body).await
    }

    async fn edit_comment(&self, at: &RepositoryRef, comment_id: i64, body: &str) -> Result<HostComment> {
        comments::edit(&self.connection, at, comment_id, body).await
    }

    async fn change_labels(
        &self,
        at: &RepositoryRef,
        number: i64,
        add: &[String],
        remove: &[String],
    ) -> Result<Vec<String>> {
        labels::change(&self.connection, at, number, add, remove).await
    }

    async fn ensure_labels(&self, at: &RepositoryRef, labels: &[LabelDefinition]) -> Result<()> {
        labels::ensure(&self.connection, at, labels).await
    }

    async fn open_pull_request(
        &self,
        at: &RepositoryRef,
        draft: &PullRequestDraft,
    ) -> Result<HostPullRequest> {
        pulls::open(&self.connection, at, draft).await
    }

    async fn repository_token(&self, at: &RepositoryRef, access: TokenAccess) -> Result<HostToken> {
        repositories::token(&self.connection, at, access).await
    }

    async fn deliveries(&self, from: Option<&str>) -> Result<HostDeliveryPage> {
        deliveries::page(&self.connection, from).await
    }

    async fn redeliver(&self, host_delivery_id: i64) -> Result<()> {
        deliveries::redeliver(&self.connection, host_delivery_id).await
    }

    async fn members(&self, group: &Group, page: Option<&str>) -> Result<HostMemberPage> {
        members::page(&self.connection, group, page).await
    }

    async fn account(&self, login: &str) -> Result<HostAccount> {
        account::named(&self.connection, login).await
    }

    async fn own_account(&self) -> Result<HostAccount> {
        self.own_account
            .get_or_try_init(|| account::find(&self.connection))
            .await
            .cloned()
    }
}
