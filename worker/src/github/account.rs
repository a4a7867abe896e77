//! Who the App is when it writes: the bot account `<slug>[bot]`.

use orchestrator::ports::code_host::{CodeHostError, HostAccount, RepositoryRef};

use super::call::Call;
use super::connection::{Connection, Operation};
use super::token::{Grant, Scope};
use super::{Result, path, refusal, wire};

/// Finds the account by way of any installation: GitHub shows accounts to installations, not to Apps. One that does not
/// let us look does not hide it from the others.
pub(super) async fn find(connection: &Connection) -> Result<HostAccount> {
    let app = connection.begin_as_app();
    let call = Call::get("/app/installations?per_page=100", "the App's installations");
    let installations: Vec<wire::Installation> = app.ask(&call).await?;
    let mut refused = CodeHostError::NotFound("installation of the App: install it first".to_owned());
    let usable = installations
        .into_iter()
        .filter(|installation| installation.suspended_at.is_none())
        .filter_map(|installation| installation.id);
    for installation_id in usable {
        let scope = Scope {
            installation_id,
            github_repository_id: None,
            grant: Grant::Metadata,
        };
        match account(&app, scope).await {
            Err(
                error @ (CodeHostError::Refused { .. }
                | CodeHostError::NotFound(_)
                | CodeHostError::RateLimited { .. }),
            ) => refused = error,
            answered => return answered,
        }
    }
    Err(refused)
}

/// Finds the account by way of the installation of a repository.
pub(super) async fn seen_from(connection: &Connection, at: &RepositoryRef) -> Result<HostAccount> {
    account(
        &connection.begin_as_app(),
        Scope {
            installation_id: at.installation_id,
            github_repository_id: Some(at.github_repository_id),
            grant: Grant::Metadata,
        },
    )
    .await
}

/// Asks GitHub who the App is.
pub(super) async fn known(connection: &Connection) -> Result<()> {
    let call = Call::get("/app", "the App");
    connection.begin_as_app().send(&call).await.map(drop)
}

async fn account(app: &Operation<'_>, scope: Scope) -> Result<HostAccount> {
    let call = Call::get("/app", "the App");
    let slug = app
        .ask::<wire::App>(&call)
        .await?
        .slug
        .ok_or_else(|| refusal::unreadable(&call, "no slug"))?;
    let login = format!("{slug}[bot]");
    let call = Call::get(
        format!("/users/{}", path::segment(&login)),
        format!("account {login}"),
    );
    app.within(scope)
        .ask::<wire::Account>(&call)
        .await?
        .known()
        .ok_or_else(|| refusal::unreadable(&call, "no id or login"))
}
