//! Reviews of pull requests, and how our own are found again.

use http::Method;
use orchestrator::effect::domain::{Review, ReviewVerdict};
use orchestrator::ports::code_host::{CodeHostError, HostAccount, HostComment, RepositoryRef};
use serde_json::{Value, json};

use super::call::Call;
use super::connection::{Connection, parse};
use super::token::Grant;
use super::{Result, link, path, refusal, wire};

/// Of 100 reviews each.
const MOST_PAGES: usize = 10;

/// Looks through all reviews, oldest first, for one that carries `marker` and was written by `own`. A list too long to be
/// read whole is refused: "not found" would make somebody write it again.
pub(super) async fn find(
    connection: &Connection,
    at: &RepositoryRef,
    number: i64,
    marker: &str,
    own: &HostAccount,
) -> Result<Option<HostComment>> {
    let operation = connection.begin(at, Grant::PullRequestsRead);
    let mut call = Call::get(
        "list_reviews",
        format!("{}?per_page=100", reviews(at, number)),
        about(at, number),
    );
    for _ in 0..MOST_PAGES {
        let answer = operation.send(&call).await?;
        let page: Vec<wire::Comment> = parse(&call, &answer)?;
        let ours = page
            .into_iter()
            .find(|review| review.is_by(own) && review.contains(marker));
        if let Some(review) = ours {
            return known(&call, review).map(Some);
        }
        match link::next(&answer.headers) {
            Some(path) => call.path = path,
            None => return Ok(None),
        }
    }
    Err(CodeHostError::Refused {
        status: 200,
        message: format!(
            "more than {MOST_PAGES} pages ({}): find the review by hand",
            call.about
        ),
    })
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
    let comments: Vec<Value> = review
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
        "comments": comments,
    }));
    let operation = connection.begin(at, Grant::PullRequestsWrite);
    known(&call, operation.ask(&call).await?)
}

fn reviews(at: &RepositoryRef, number: i64) -> String {
    format!("{}/pulls/{number}/reviews", path::repository(at))
}

fn about(at: &RepositoryRef, number: i64) -> String {
    format!("reviews of pull request #{number} of {}/{}", at.owner, at.name)
}

fn known(call: &Call, review: wire::Comment) -> Result<HostComment> {
    review
        .known()
        .ok_or_else(|| refusal::unreadable(call, "a review without id"))
}
