//! Repositories: what they are, who may do what, and the credential for git.

use http::StatusCode;
use orchestrator::ports::code_host::{
    CodeHostError, HostAccount, HostPermission, HostRepository, HostToken, RepositoryRef, TokenAccess,
};

use super::call::Call;
use super::connection::Connection;
use super::token::{Grant, Scope};
use super::{Result, path, refusal, wire};

/// The user name that goes with an installation token over HTTP.
const TOKEN_USER: &str = "x-access-token";

pub(super) async fn get(connection: &Connection, at: &RepositoryRef) -> Result<HostRepository> {
    let call = Call::get(
        "get_repository",
        format!("/repositories/{}", at.github_repository_id),
        about(at),
    );
    connection
        .begin(at, Grant::Metadata)
        .ask::<wire::Repository>(&call)
        .await?
        .known()
        .ok_or_else(|| refusal::unreadable(&call, "no id, name, default branch or clone address"))
}

/// Finds it by its name: the App is told where it is installed, and the installation shows the number.
pub(super) async fn find(
    connection: &Connection,
    owner: &str,
    name: &str,
) -> Result<Option<(RepositoryRef, HostRepository)>> {
    let place = format!("/repos/{}/{}", path::segment(owner), path::segment(name));
    let app = connection.begin_as_app();
    let call = Call::get(
        "find_installation",
        format!("{place}/installation"),
        format!("installation on {owner}/{name}"),
    );
    let installation = match app.ask::<wire::Installation>(&call).await {
        Err(CodeHostError::NotFound(_)) => return Ok(None),
        found => found?,
    };
    let Some(installation_id) = installation.id.filter(|_| installation.suspended_at.is_none()) else {
        return Ok(None);
    };
    let scope = Scope {
        installation_id,
        github_repository_id: None,
        grant: Grant::Metadata,
    };
    let call = Call::get("find_repository", place, format!("repository {owner}/{name}"));
    let found = match app.within(scope).ask::<wire::Repository>(&call).await {
        Err(CodeHostError::NotFound(_)) => return Ok(None),
        found => found?,
    };
    let found = found
        .known()
        .ok_or_else(|| refusal::unreadable(&call, "no id, name, default branch or clone address"))?;
    let at = RepositoryRef {
        installation_id,
        github_repository_id: found.github_repository_id,
        owner: found.owner.clone(),
        name: found.name.clone(),
    };
    Ok(Some((at, found)))
}

pub(super) async fn branch_head(
    connection: &Connection,
    at: &RepositoryRef,
    branch: &str,
) -> Result<Option<String>> {
    let path = format!(
        "{}/git/ref/heads/{}",
        path::repository(at),
        path::segments(branch)
    );
    let call = Call::get("get_branch", path, format!("branch {branch} of {}", about(at)));
    let answer = connection
        .begin(at, Grant::ContentsRead)
        .ask::<wire::GitRef>(&call)
        .await;
    match answer {
        Ok(found) if found.name == Some(format!("refs/heads/{branch}")) => found
            .object
            .and_then(|object| object.sha)
            .map(Some)
            .ok_or_else(|| refusal::unreadable(&call, "a branch without commit")),
        Ok(_) | Err(CodeHostError::NotFound(_)) => Ok(None),
        // A repository without any commit answers so.
        Err(CodeHostError::Refused { status, .. }) if status == StatusCode::CONFLICT.as_u16() => Ok(None),
        Err(error) => Err(error),
    }
}

/// GitHub compares from the one to the other: what is ahead of a commit, or identical, has it.
pub(super) async fn contains(
    connection: &Connection,
    at: &RepositoryRef,
    head: &str,
    commit: &str,
) -> Result<bool> {
    if head == commit {
        return Ok(true);
    }
    let (from, to) = (path::segment(commit), path::segment(head));
    let call = Call::get(
        "compare_commits",
        format!("{}/compare/{from}...{to}?per_page=1", path::repository(at)),
        format!("commits {commit} and {head} of {}", about(at)),
    );
    let compared = connection
        .begin(at, Grant::ContentsRead)
        .ask::<wire::Comparison>(&call)
        .await;
    match compared {
        Ok(found) => match found.status.as_deref() {
            Some("ahead" | "identical") => Ok(true),
            Some("behind" | "diverged") => Ok(false),
            _ => Err(refusal::unreadable(&call, "a comparison without its result")),
        },
        Err(CodeHostError::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) async fn permission(
    connection: &Connection,
    at: &RepositoryRef,
    account: &HostAccount,
) -> Result<HostPermission> {
    let login = &account.login;
    let path = format!(
        "{}/collaborators/{}/permission",
        path::repository(at),
        path::segment(login)
    );
    let call = Call::get(
        "get_permission",
        path,
        format!("permission of {login} in {}", about(at)),
    );
    match connection
        .begin(at, Grant::Metadata)
        .ask::<wire::Collaborator>(&call)
        .await
    {
        // A login can be given up and taken by somebody else: the number says who it is.
        Ok(found) if found.github_user_id() != Some(account.github_user_id) => Ok(HostPermission::None),
        Ok(found) => Ok(found.known()),
        Err(CodeHostError::NotFound(_)) => Ok(HostPermission::None),
        Err(error) => Err(error),
    }
}

/// Never from the cache: it leaves the worker, and its holder counts on its whole hour.
pub(super) async fn token(
    connection: &Connection,
    at: &RepositoryRef,
    access: TokenAccess,
) -> Result<HostToken> {
    let scope = Scope {
        installation_id: at.installation_id,
        github_repository_id: Some(at.github_repository_id),
        grant: match access {
            TokenAccess::Read => Grant::ContentsRead,
            TokenAccess::Write => Grant::ContentsWrite,
        },
    };
    let token = connection.begin_as_app().mint(scope).await?;
    Ok(HostToken {
        username: TOKEN_USER.to_owned(),
        token: token.secret,
        expires_at: token.expires_at,
    })
}

fn about(at: &RepositoryRef) -> String {
    format!(
        "repository {} ({}/{})",
        at.github_repository_id, at.owner, at.name
    )
}
