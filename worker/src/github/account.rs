//! Who the App is when it writes: the bot account `<slug>[bot]`.

use orchestrator::ports::code_host::{CodeHostError, HostAccount, RepositoryRef};

use super::call::Call;
use super::connection::{Connection, Operation};
use super::token::{Grant, Scope};
use super::{Result, path, refusal, wire};

/// Whose account is looked for.
#[derive(Clone, Copy)]
enum Whose<'a> {
    TheApp,
    Login(&'a str),
}

/// Finds the App's own account by way of any installation.
pub(super) async fn find(connection: &Connection) -> Result<HostAccount> {
    by_any_installation(connection, Whose::TheApp).await
}

/// Finds the account that bears a login, by way of any installation.
pub(super) async fn named(connection: &Connection, login: &str) -> Result<HostAccount> {
    by_any_installation(connection, Whose::Login(login)).await
}

/// GitHub shows accounts to installations, not to Apps. One that does not let us look does not hide it from the others.
async fn by_any_installation(connection: &Connection, whose: Whose<'_>) -> Result<HostAccount> {
    let app = connection.begin_as_app();
    let call = Call::get(
        "list_installations",
        "/app/installations?per_page=100",
        "the App's installations",
    );
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
        match account(&app, scope, whose).await {
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
        Whose::TheApp,
    )
    .await
}

/// Asks GitHub who the App is.
pub(super) async fn known(connection: &Connection) -> Result<()> {
    let call = Call::get("get_app", "/app", "the App");
    connection.begin_as_app().send(&call).await.map(drop)
}

async fn account(app: &Operation<'_>, scope: Scope, whose: Whose<'_>) -> Result<HostAccount> {
    let login = match whose {
        Whose::Login(login) => login.to_owned(),
        Whose::TheApp => {
            let call = Call::get("get_app", "/app", "the App");
            let app = app.ask::<wire::App>(&call).await?;
            let slug = app.slug.ok_or_else(|| refusal::unreadable(&call, "no slug"))?;
            format!("{slug}[bot]")
        }
    };
    let call = Call::get(
        "get_account",
        format!("/users/{}", path::segment(&login)),
        format!("account {login}"),
    );
    app.within(scope)
        .ask::<wire::Account>(&call)
        .await?
        .known()
        .ok_or_else(|| refusal::unreadable(&call, "no id or login"))
}
