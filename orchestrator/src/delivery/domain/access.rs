//! What GitHub says about where our App may go: events about installations, and about a repository's life.

use jiff::Timestamp;

use super::moment;
use super::payload::{Payload, Repository};
use crate::repository::AccessChange::{self, Lost, Regained};
use crate::repository::{HostAccess, Reach, Suspension};

const APP_IS_BACK: AccessChange = Regained(&[Suspension::AppRemoved, Suspension::AppSuspended]);

/// What an event changes; none for most. `received_at` orders those that carry no time of their own.
pub fn host_access(name: &str, payload: &Payload, received_at: Timestamp) -> Option<HostAccess> {
    let action = payload.action.as_deref().unwrap_or_default();
    let (reach, change) = match name {
        "installation" => of_installation(action, payload)?,
        "installation_repositories" => of_selection(action, payload)?,
        "repository" => of_repository(action, payload)?,
        _ => return None,
    };
    let installation = payload.installation.as_ref();
    let told_at = match name {
        "repository" => payload
            .repository
            .as_ref()
            .and_then(|it| it.updated_at.as_deref()),
        _ => installation.and_then(|it| it.updated_at.as_deref()),
    };
    Some(HostAccess {
        reach,
        change,
        installation_id: installation.and_then(|installation| installation.id),
        as_of: told_at.and_then(moment).unwrap_or(received_at),
    })
}

fn of_installation(action: &str, payload: &Payload) -> Option<(Reach, AccessChange)> {
    let whole = Reach::Installation(payload.installation.as_ref()?.id?);
    Some(match action {
        "deleted" => (whole, Lost(Suspension::AppRemoved)),
        "suspend" => (whole, Lost(Suspension::AppSuspended)),
        "unsuspend" => (whole, APP_IS_BACK),
        // A new installation has a new number: the repositories say whose it is.
        "created" => (
            Reach::Repositories(ids(payload.repositories.as_deref())),
            APP_IS_BACK,
        ),
        _ => return None,
    })
}

fn of_selection(action: &str, payload: &Payload) -> Option<(Reach, AccessChange)> {
    Some(match action {
        "removed" => (
            Reach::Repositories(ids(payload.repositories_removed.as_deref())),
            Lost(Suspension::AppRemoved),
        ),
        "added" => (
            Reach::Repositories(ids(payload.repositories_added.as_deref())),
            APP_IS_BACK,
        ),
        _ => return None,
    })
}

fn of_repository(action: &str, payload: &Payload) -> Option<(Reach, AccessChange)> {
    let one = Reach::Repositories(vec![payload.repository.as_ref()?.id?]);
    Some(match action {
        "deleted" => (one, Lost(Suspension::RepositoryDeleted)),
        "archived" => (one, Lost(Suspension::RepositoryArchived)),
        "unarchived" => (one, Regained(&[Suspension::RepositoryArchived])),
        _ => return None,
    })
}

fn ids(repositories: Option<&[Repository]>) -> Vec<i64> {
    repositories
        .iter()
        .flat_map(|all| all.iter())
        .filter_map(|one| one.id)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(name: &str, payload: &Value) -> Option<HostAccess> {
        let payload = super::super::parse(None, payload.to_string().as_bytes()).expect("an object");
        host_access(name, &payload, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn events_say_where_the_app_may_go() {
        let installation = json!({ "id": 7, "updated_at": "2026-01-02T03:04:05Z" });
        let two = json!([{ "id": 1 }, { "name": "without a number" }, { "id": 2 }]);
        let of = |action: &str| {
            json!({ "action": action, "installation": installation, "repositories": two,
            "repositories_removed": two, "repositories_added": two, "repository": { "id": 3 } })
        };
        let some = |reach: &Reach, change: AccessChange| Some((reach.clone(), change));
        let (whole, both, one) = (
            Reach::Installation(7),
            Reach::Repositories(vec![1, 2]),
            Reach::Repositories(vec![3]),
        );
        for (name, action, expected) in [
            (
                "installation",
                "deleted",
                some(&whole, Lost(Suspension::AppRemoved)),
            ),
            (
                "installation",
                "suspend",
                some(&whole, Lost(Suspension::AppSuspended)),
            ),
            ("installation", "unsuspend", some(&whole, APP_IS_BACK)),
            ("installation", "created", some(&both, APP_IS_BACK)),
            ("installation", "new_permissions_accepted", None),
            (
                "installation_repositories",
                "removed",
                some(&both, Lost(Suspension::AppRemoved)),
            ),
            ("installation_repositories", "added", some(&both, APP_IS_BACK)),
            (
                "repository",
                "deleted",
                some(&one, Lost(Suspension::RepositoryDeleted)),
            ),
            (
                "repository",
                "archived",
                some(&one, Lost(Suspension::RepositoryArchived)),
            ),
            (
                "repository",
                "unarchived",
                some(&one, Regained(&[Suspension::RepositoryArchived])),
            ),
            ("repository", "renamed", None),
            ("issues", "deleted", None),
        ] {
            let found = read(name, &of(action));
            let told = found.as_ref().map(|access| (access.reach.clone(), access.change));
            assert_eq!(told, expected, "{name} {action}");
            assert!(
                found.is_none_or(|access| access.installation_id == Some(7)),
                "{name} {action}"
            );
        }
        let told = read("installation", &of("suspend")).expect("a change");
        assert_eq!(told.as_of.to_string(), "2026-01-02T03:04:05Z");
        let untold = read("repository", &of("archived")).expect("a change");
        assert_eq!(untold.as_of, Timestamp::UNIX_EPOCH);
        assert_eq!(read("installation", &json!({ "action": "suspend" })), None);
    }
}
