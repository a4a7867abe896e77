//! What people said: comments, reviews, and comments on lines.

use jiff::Timestamp;
use orchestrator::ports::code_host::{HostAccount, HostRemark, RemarkKind, RepositoryRef};

use super::call::Call;
use super::connection::{Connection, parse};
use super::token::Grant;
use super::{Result, issues, link, path, wire};

/// Of 100 each, per list. Nobody reads more than this before they change a program.
const MOST_PAGES: usize = 5;

pub(super) async fn since(
    connection: &Connection,
    at: &RepositoryRef,
    number: i64,
    is_pull_request: bool,
    since: Timestamp,
    own: &HostAccount,
) -> Result<Vec<HostRemark>> {
    let about = |what: &str| format!("{what} of {}", issues::about(at, number));
    let query = format!("per_page=100&since={}", since.strftime("%Y-%m-%dT%H:%M:%SZ"));
    let comments = Call::get(
        "read_comments",
        format!("{}/comments?{query}", path::issue(at, number)),
        about("comments"),
    );
    let mut lists = vec![(Grant::IssuesRead, RemarkKind::Comment, comments)];
    if is_pull_request {
        let pull = format!("{}/pulls/{number}", path::repository(at));
        // GitHub takes no `since` for reviews.
        let reviews = Call::get(
            "read_reviews",
            format!("{pull}/reviews?per_page=100"),
            about("reviews"),
        );
        let lines = Call::get(
            "read_review_comments",
            format!("{pull}/comments?{query}"),
            about("review comments"),
        );
        lists.push((Grant::PullRequestsRead, RemarkKind::Review, reviews));
        lists.push((Grant::PullRequestsRead, RemarkKind::ReviewComment, lines));
    }
    let mut remarks = Vec::new();
    for (grant, kind, mut call) in lists {
        let operation = connection.begin(at, grant);
        for _ in 0..MOST_PAGES {
            let answer = operation.send(&call).await?;
            let page: Vec<wire::Remark> = parse(&call, &answer)?;
            let others = page.into_iter().filter_map(|remark| remark.known(kind));
            remarks.extend(others.filter(|remark| {
                remark.author.as_ref().map(|author| author.github_user_id) != Some(own.github_user_id)
            }));
            match link::next(&answer.headers) {
                Some(path) => call.path = path,
                None => break,
            }
        }
    }
    remarks.retain(|remark| remark.said_at >= since);
    remarks.sort_by_key(|remark| remark.said_at);
    Ok(remarks)
}
