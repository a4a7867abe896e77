//! Reviews of pull requests, and how our own are found again.

use http::Method;
use orchestrator::effect::domain::{Review, ReviewVerdict};
use orchestrator::ports::code_host::{HostAccount, HostComment, RepositoryRef};
use serde_json::{Value, json};

use super::call::Call;
use super::connection::Connection;
use super::token::Grant;
use super::{Result, comments, path};

/// Looks through all reviews, oldest first, for one that carries `marker` and was written by `own`.
pub(super) async fn find(
    connection: &Connection,
    at: &RepositoryRef,
    number: i64,
    marker: &str,
    own: &HostAccount,
) -> Result<Option<HostComment>> {
    let operation = connection.begin(at, Grant::PullRequestsRead);
    let call = Call::get(
        "list_reviews",
        format!("{}?per_page=100", reviews(at, number)),
        about(at, number),
    );
    comments::find_in(&operation, call, marker, own).await
}

pub(super) async fn create(
    connection: &Connection,
    at: &RepositoryRef,
    number: i64,
    review: &Review,
) -> Result<HostComment> {
    let event = match review.verdict {
        ReviewVerdict::Comment => "COMMENT",
        ReviewVerdict::RequestChanges => "REQUEST_CHANGES",
    };
    let on_lines: Vec<Value> = review
        .comments
        .iter()
        .map(|comment| json!({ "path": comment.path, "line": comment.line, "side": "RIGHT", "body": comment.body }))
        .collect();
    let call = Call::write(
        "create_review",
        Method::POST,
        reviews(at, number),
        about(at, number),
    )
    .with(json!({
        "event": event,
        "body": review.body,
        "comments": on_lines,
    }));
    let operation = connection.begin(at, Grant::PullRequestsWrite);
    comments::known(&call, operation.ask(&call).await?)
}

fn reviews(at: &RepositoryRef, number: i64) -> String {
    format!("{}/pulls/{number}/reviews", path::repository(at))
}

fn about(at: &RepositoryRef, number: i64) -> String {
    format!("reviews of pull request #{number} of {}/{}", at.owner, at.name)
}
