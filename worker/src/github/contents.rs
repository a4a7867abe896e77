//! Files of a repository, as its branches have them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use orchestrator::ports::code_host::{CodeHostError, HostFileAt, RepositoryRef};
use orchestrator::ports::survey::HostFile;

use super::call::Call;
use super::connection::Connection;
use super::token::Grant;
use super::{Result, path, repositories, wire};

/// What a folder of the default branch holds.
pub(super) async fn folder(
    connection: &Connection,
    at: &RepositoryRef,
    folder: &str,
) -> Result<Vec<wire::Content>> {
    let call = contents(at, folder, None);
    connection.begin(at, Grant::ContentsRead).ask(&call).await
}

/// A file at the head of a branch: the commit is read first, so that both belong together.
pub(super) async fn at_head(
    connection: &Connection,
    at: &RepositoryRef,
    branch: &str,
    file: &str,
) -> Result<Option<HostFileAt>> {
    let Some(commit) = repositories::branch_head(connection, at, branch).await? else {
        return Ok(None);
    };
    let found = file_if_there(connection, at, file, Some(&commit)).await?;
    Ok(Some(HostFileAt {
        commit,
        text: found.map(|found| found.text),
    }))
}

/// A text file at a commit, or on the default branch. What is there and is no text is refused, however often it is asked.
pub(super) async fn file_if_there(
    connection: &Connection,
    at: &RepositoryRef,
    file: &str,
    commit: Option<&str>,
) -> Result<Option<HostFile>> {
    let call = contents(at, file, commit);
    let found = connection
        .begin(at, Grant::ContentsRead)
        .ask::<serde_json::Value>(&call)
        .await;
    let found = match found {
        Err(CodeHostError::NotFound(_)) => return Ok(None),
        found => found?,
    };
    let unreadable = || CodeHostError::Refused {
        status: StatusCode::OK.as_u16(),
        message: format!("it is no text file of up to 1 MB ({})", call.about),
    };
    // A folder answers with a list.
    let found: wire::Content = serde_json::from_value(found).map_err(|_| unreadable())?;
    if found.kind.as_deref() != Some("file") {
        return Err(unreadable());
    }
    // GitHub sends no text of what is larger, and breaks the lines of what it sends.
    let text = found.base64.ok_or_else(unreadable)?;
    let text: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(text).map_err(|_| unreadable())?;
    if bytes.is_empty() && found.size.is_some_and(|size| size > 0) {
        return Err(unreadable());
    }
    Ok(Some(HostFile {
        path: file.to_owned(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }))
}

fn contents(at: &RepositoryRef, file: &str, commit: Option<&str>) -> Call {
    let place = format!("{}/contents/{}", path::repository(at), path::segments(file));
    let place = match commit {
        Some(commit) => format!("{place}?ref={}", path::segment(commit)),
        None => place,
    };
    Call::get("get_file", place, format!("{file} of {}/{}", at.owner, at.name))
}
