//! Comments, and how our own are found again.

use http::Method;
use orchestrator::ports::code_host::{CodeHostError, HostAccount, HostComment, RepositoryRef};
use serde_json::json;

use super::call::Call;
use super::connection::{Connection, Operation, parse};
use super::token::Grant;
use super::{Result, issues, link, path, refusal, wire};

/// Of 100 comments each. GitHub closes an issue for comments at 2,500.
const MOST_PAGES: usize = 30;

/// Looks through all comments, oldest first, for one that carries `marker` and was written by `own`.
pub(super) async fn find(
    connection: &Connection,
    at: &RepositoryRef,
    number: i64,
    marker: &str,
    own: &HostAccount,
) -> Result<Option<HostComment>> {
    let operation = connection.begin(at, Grant::IssuesRead);
    let about = format!("comments of {}", issues::about(at, number));
    let call = Call::get(
        "list_comments",
        format!("{}/comments?per_page=100", path::issue(at, number)),
        about,
    );
    find_in(&operation, call, marker, own).await
}

/// Looks through all pages of a list of comments or reviews, oldest first.
///
/// A list too long to be read whole is refused: "not found" would make somebody write it again.
pub(super) async fn find_in(
    operation: &Operation<'_>,
    mut call: Call,
    marker: &str,
    own: &HostAccount,
) -> Result<Option<HostComment>> {
    for _ in 0..MOST_PAGES {
        let answer = operation.send(&call).await?;
        let comments: Vec<wire::Comment> = parse(&call, &answer)?;
        let ours = comments
            .into_iter()
            .find(|comment| comment.is_by(own) && comment.contains(marker));
        if let Some(comment) = ours {
            return known(&call, comment).map(Some);
        }
        match link::next(&answer.headers) {
            Some(path) => call.path = path,
            None => return Ok(None),
        }
    }
    Err(CodeHostError::Refused {
        status: 200,
        message: format!("more than {MOST_PAGES} pages ({}): find it by hand", call.about),
    })
}

pub(super) async fn create(
    connection: &Connection,
    at: &RepositoryRef,
    number: i64,
    body: &str,
) -> Result<HostComment> {
    let path = format!("{}/comments", path::issue(at, number));
    let call = Call::write("create_comment", Method::POST, path, issues::about(at, number))
        .with(json!({ "body": body }));
    write(connection, at, &call).await
}

pub(super) async fn edit(
    connection: &Connection,
    at: &RepositoryRef,
    comment_id: i64,
    body: &str,
) -> Result<HostComment> {
    let path = format!("{}/issues/comments/{comment_id}", path::repository(at));
    let about = format!("comment {comment_id} of {}/{}", at.owner, at.name);
    let call = Call::write("edit_comment", Method::PATCH, path, about).with(json!({ "body": body }));
    write(connection, at, &call).await
}

async fn write(connection: &Connection, at: &RepositoryRef, call: &Call) -> Result<HostComment> {
    let operation = connection.begin(at, Grant::IssuesWrite);
    known(call, operation.ask(call).await?)
}

pub(super) fn known(call: &Call, comment: wire::Comment) -> Result<HostComment> {
    comment
        .known()
        .ok_or_else(|| refusal::unreadable(call, "a comment without id"))
}
