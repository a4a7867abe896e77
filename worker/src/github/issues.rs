//! Issues.

use orchestrator::ports::code_host::{HostIssue, RepositoryRef};

use super::call::Call;
use super::connection::Connection;
use super::token::Grant;
use super::{Result, path, refusal, wire};

pub(super) async fn get(connection: &Connection, at: &RepositoryRef, number: i64) -> Result<HostIssue> {
    let call = Call::get("get_issue", path::issue(at, number), about(at, number));
    connection
        .begin(at, Grant::IssuesRead)
        .ask::<wire::Issue>(&call)
        .await?
        .known()
        .ok_or_else(|| refusal::unreadable(&call, "no number, state or time"))
}

pub(super) fn about(at: &RepositoryRef, number: i64) -> String {
    format!("issue #{number} of {}/{}", at.owner, at.name)
}
