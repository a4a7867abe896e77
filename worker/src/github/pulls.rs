//! Pull requests.

use http::Method;
use orchestrator::ports::code_host::{HostPullRequest, PullRequestDraft, RepositoryRef};
use serde_json::json;

use super::call::Call;
use super::connection::Connection;
use super::token::Grant;
use super::{Result, path, refusal, wire};

pub(super) async fn get(connection: &Connection, at: &RepositoryRef, number: i64) -> Result<HostPullRequest> {
    let about = format!("pull request #{number} of {}/{}", at.owner, at.name);
    let call = Call::get(
        "get_pull_request",
        format!("{}/pulls/{number}", path::repository(at)),
        about,
    );
    let found = connection.begin(at, Grant::PullRequestsRead).ask(&call).await?;
    known(&call, found)
}

/// One page, the newest first: GitHub allows one open pull request for a head and a base.
pub(super) async fn find(
    connection: &Connection,
    at: &RepositoryRef,
    head_branch: &str,
    marker: &str,
) -> Result<Option<HostPullRequest>> {
    let (owner, branch) = (path::segment(&at.owner), path::segment(head_branch));
    let path = format!(
        "{}/pulls?state=all&head={owner}%3A{branch}&per_page=100",
        path::repository(at)
    );
    let about = format!("pull requests of {}/{}", at.owner, at.name);
    let call = Call::get("list_pull_requests", path, about);
    let found: Vec<wire::PullRequest> = connection.begin(at, Grant::PullRequestsRead).ask(&call).await?;
    let mut over = None;
    for pull_request in found {
        if !pull_request.comes_from(at.github_repository_id, head_branch) {
            continue;
        }
        let pull_request = known(&call, pull_request)?;
        if pull_request.open {
            return Ok(Some(pull_request));
        }
        if over.is_none() && pull_request.body.contains(marker) {
            over = Some(pull_request);
        }
    }
    Ok(over)
}

pub(super) async fn open(
    connection: &Connection,
    at: &RepositoryRef,
    draft: &PullRequestDraft,
) -> Result<HostPullRequest> {
    let about = format!(
        "pull request from {} in {}/{}",
        draft.head_branch, at.owner, at.name
    );
    let path = format!("{}/pulls", path::repository(at));
    let call = Call::write("open_pull_request", Method::POST, path, about).with(json!({
        "title": draft.title,
        "body": draft.body,
        "head": draft.head_branch,
        "base": draft.base_branch,
    }));
    let opened = connection.begin(at, Grant::PullRequestsWrite).ask(&call).await?;
    known(&call, opened)
}

fn known(call: &Call, pull_request: wire::PullRequest) -> Result<HostPullRequest> {
    pull_request
        .known()
        .ok_or_else(|| refusal::unreadable(call, "a pull request without number, state or branches"))
}
