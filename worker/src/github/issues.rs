//! Issues.

use http::Method;
use orchestrator::ports::code_host::{HostAccount, HostIssue, HostIssuePage, IssueDraft, RepositoryRef};
use serde_json::json;

use super::call::Call;
use super::connection::{Connection, parse};
use super::token::Grant;
use super::{Result, labels, link, path, refusal, wire};

/// Of 100 issues each, the newest first, that are looked through for one of ours.
const MOST_PAGES: usize = 3;

pub(super) async fn get(connection: &Connection, at: &RepositoryRef, number: i64) -> Result<HostIssue> {
    let call = Call::get("get_issue", path::issue(at, number), about(at, number));
    connection
        .begin(at, Grant::IssuesRead)
        .ask::<wire::Issue>(&call)
        .await?
        .known()
        .ok_or_else(|| refusal::unreadable(&call, "no number, state or time"))
}

/// GitHub's list holds pull requests too: a page may have fewer issues than asked for.
pub(super) async fn page(
    connection: &Connection,
    at: &RepositoryRef,
    open: bool,
    limit: i64,
    page: i64,
) -> Result<HostIssuePage> {
    let state = if open { "open" } else { "closed" };
    let path = format!(
        "{}/issues?state={state}&per_page={limit}&page={page}",
        path::repository(at)
    );
    let call = Call::get("list_issues", path, format!("issues of {}/{}", at.owner, at.name));
    let answer = connection.begin(at, Grant::IssuesRead).send(&call).await?;
    let found: Vec<wire::Issue> = parse(&call, &answer)?;
    let known = found.into_iter().filter_map(wire::Issue::known);
    Ok(HostIssuePage {
        issues: known.filter(|issue| !issue.is_pull_request).collect(),
        has_more: link::next(&answer.headers).is_some(),
    })
}

/// Looks through the newest issues that `own` opened for one that carries `marker`. One that was just created is among
/// them: a run may open few.
pub(super) async fn find(
    connection: &Connection,
    at: &RepositoryRef,
    marker: &str,
    own: &HostAccount,
) -> Result<Option<HostIssue>> {
    let operation = connection.begin(at, Grant::IssuesRead);
    let path = format!(
        "{}/issues?state=all&per_page=100&creator={}",
        path::repository(at),
        path::segment(&own.login)
    );
    let mut call = Call::get("find_issue", path, format!("issues of {}/{}", at.owner, at.name));
    for _ in 0..MOST_PAGES {
        let answer = operation.send(&call).await?;
        let page: Vec<wire::Issue> = parse(&call, &answer)?;
        let ours = page.into_iter().filter_map(wire::Issue::known).find(|issue| {
            let author = issue.author.as_ref().map(|author| author.github_user_id);
            author == Some(own.github_user_id) && !issue.is_pull_request && issue.body.contains(marker)
        });
        match (ours, link::next(&answer.headers)) {
            (Some(issue), _) => return Ok(Some(issue)),
            (None, Some(path)) => call.path = path,
            (None, None) => break,
        }
    }
    Ok(None)
}

pub(super) async fn create(
    connection: &Connection,
    at: &RepositoryRef,
    draft: &IssueDraft,
) -> Result<HostIssue> {
    labels::require(connection, at, &draft.labels).await?;
    let path = format!("{}/issues", path::repository(at));
    let about = format!("issue in {}/{}", at.owner, at.name);
    let body = json!({ "title": draft.title, "body": draft.body, "labels": draft.labels });
    let call = Call::write("create_issue", Method::POST, path, about).with(body);
    let created: wire::Issue = connection.begin(at, Grant::IssuesWrite).ask(&call).await?;
    created
        .known()
        .ok_or_else(|| refusal::unreadable(&call, "an issue without number, state or time"))
}

pub(super) fn about(at: &RepositoryRef, number: i64) -> String {
    format!("issue #{number} of {}/{}", at.owner, at.name)
}
