//! What a repository and the App's place in it look like. Each part is asked for by itself, all at once: what cannot be
//! read hides no other part.

use std::ffi::OsStr;
use std::path::Path;

use futures_util::StreamExt;
use futures_util::stream;
use orchestrator::ports::code_host::{CodeHostError, RepositoryRef};
use orchestrator::ports::survey::{HostBranch, HostFile, HostInstallation, HostSurvey, HostWebhook};

use super::call::Call;
use super::connection::Connection;
use super::token::Grant;
use super::{Result, contents, labels, path, wire};

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
        contents::file_if_there(connection, at, "services.yaml", None),
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
    let entries = match contents::folder(connection, at, WORKFLOWS).await {
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
        .map(async |name| contents::file_if_there(connection, at, &format!("{WORKFLOWS}/{name}"), None).await)
        .buffered(AT_ONCE);
    let files: Vec<_> = files.collect().await;
    let files = files.into_iter().filter_map(Result::transpose);
    files.collect()
}
