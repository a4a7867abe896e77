//! What a repository and the App's place in it look like. Each part is asked for by itself, all at once: what cannot be
//! read hides no other part.

use std::ffi::OsStr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use futures_util::stream;
use orchestrator::ports::code_host::{CodeHostError, RepositoryRef};
use orchestrator::ports::survey::{HostBranch, HostFile, HostInstallation, HostSurvey, HostWebhook};

use super::call::Call;
use super::connection::Connection;
use super::token::Grant;
use super::{Result, labels, path, refusal, wire};

/// Workflows beyond these are not read: the report is for people, and so many have a reader of their own.
const MAX_WORKFLOWS: usize = 40;
/// Files read at once.
const AT_ONCE: usize = 8;
const WORKFLOWS: &str = ".github/workflows";

pub(super) async fn survey(connection: &Connection, at: &RepositoryRef) -> HostSurvey {
    let (installation, webhook, labels, default_branch, workflows, services) = tokio::join!(
        installation(connection, at),
        webhook(connection),
        labels::all(connection, at),
        default_branch(connection, at),
        workflows(connection, at),
        file_if_there(connection, at, "services.yaml"),
    );
    HostSurvey {
        installation,
        webhook,
        labels,
        default_branch,
        workflows,
        services,
    }
}

async fn installation(connection: &Connection, at: &RepositoryRef) -> Result<HostInstallation> {
    let call = Call::get(
        "survey_installation",
        format!("{}/installation", path::repository(at)),
        format!("installation on {}/{}", at.owner, at.name),
    );
    let found: wire::Installation = connection.begin_as_app().ask(&call).await?;
    Ok(HostInstallation {
        permissions: found.permissions.unwrap_or_default(),
        events: found.events.unwrap_or_default(),
        suspended: found.suspended_at.is_some(),
    })
}

async fn webhook(connection: &Connection) -> Result<HostWebhook> {
    let call = Call::get("survey_webhook", "/app/hook/config", "the App's webhook");
    let found = connection.begin_as_app().ask::<wire::HookConfig>(&call).await;
    match found {
        Ok(config) => Ok(config.known()),
        // An App without a webhook has none to show.
        Err(CodeHostError::NotFound(_)) => Ok(HostWebhook::default()),
        Err(error) => Err(error),
    }
}

async fn default_branch(connection: &Connection, at: &RepositoryRef) -> Result<HostBranch> {
    let branch = super::repositories::get(connection, at).await?.default_branch;
    let call = Call::get(
        "survey_branch",
        format!("{}/branches/{}", path::repository(at), path::segments(&branch)),
        format!("branch {branch} of {}/{}", at.owner, at.name),
    );
    let found: wire::BranchState = connection.begin(at, Grant::ContentsRead).ask(&call).await?;
    Ok(HostBranch {
        name: branch,
        protected: found.protected.unwrap_or(false),
    })
}

async fn workflows(connection: &Connection, at: &RepositoryRef) -> Result<Vec<HostFile>> {
    let entries = match folder(connection, at, WORKFLOWS).await {
        Err(CodeHostError::NotFound(_)) => return Ok(Vec::new()),
        entries => entries?,
    };
    let is_workflow = |entry: &wire::Content| {
        let name = Path::new(entry.name.as_deref().unwrap_or_default());
        let kind = name.extension().and_then(OsStr::to_str);
        entry.kind.as_deref() == Some("file") && matches!(kind, Some("yml" | "yaml"))
    };
    let names = entries
        .into_iter()
        .filter(is_workflow)
        .filter_map(|entry| entry.name);
    let files = stream::iter(names.take(MAX_WORKFLOWS))
        .map(async |name| file_if_there(connection, at, &format!("{WORKFLOWS}/{name}")).await)
        .buffered(AT_ONCE);
    let files: Vec<_> = files.collect().await;
    let files = files.into_iter().filter_map(Result::transpose);
    files.collect()
}

async fn folder(connection: &Connection, at: &RepositoryRef, folder: &str) -> Result<Vec<wire::Content>> {
    let call = contents(at, folder);
    connection.begin(at, Grant::ContentsRead).ask(&call).await
}

async fn file_if_there(connection: &Connection, at: &RepositoryRef, file: &str) -> Result<Option<HostFile>> {
    let call = contents(at, file);
    let found = connection
        .begin(at, Grant::ContentsRead)
        .ask::<wire::Content>(&call)
        .await;
    let found = match found {
        Err(CodeHostError::NotFound(_)) => return Ok(None),
        found => found?,
    };
    let unreadable = || refusal::unreadable(&call, "no text of up to 1 MB");
    // GitHub sends no text of what is larger, and breaks the lines of what it sends.
    let text = found
        .base64
        .filter(|text| !text.is_empty())
        .ok_or_else(unreadable)?;
    let text: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(text).map_err(|_| unreadable())?;
    Ok(Some(HostFile {
        path: file.to_owned(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }))
}

fn contents(at: &RepositoryRef, file: &str) -> Call {
    Call::get(
        "get_file",
        format!("{}/contents/{}", path::repository(at), path::segments(file)),
        format!("{file} of {}/{}", at.owner, at.name),
    )
}
