use http::StatusCode;

use super::Caller;
use crate::http::{Call, Need, Problem};
use crate::world::{Level, Repository, Role, World, covers};

/// The door is open, or the repository has another name now.
pub(crate) enum Admitted {
    /// With the id of the path's repository, 0 for none.
    Yes(u64),
    /// With the path that works.
    Moved(String),
}

/// Decides whether the caller may use an operation on what the path names.
pub(crate) fn admit(world: &World, call: &Call, need: Need) -> Result<Admitted, Problem> {
    let caller = &call.caller;
    match (need, caller) {
        (Need::Anyone, _)
        | (Need::Installation, Caller::Installation { .. })
        | (Need::Person, Caller::Person { .. }) => Ok(Admitted::Yes(0)),
        (Need::App, Caller::App) => app(world, call),
        (Need::App, _) => Err(Problem::unauthorized("A JSON web token could not be decoded")),
        (Need::Repository(any_of, role), _) => {
            let (owner, name) = (call.param("owner"), call.param("repo"));
            let Some(repository) = world.repository_named(owner, name) else {
                return renamed(world, call, owner, name).ok_or_else(Problem::not_found);
            };
            allows(world, caller, repository, any_of, role).map(|()| Admitted::Yes(repository.id))
        }
        (Need::Installation | Need::Person, Caller::Nobody) => {
            Err(Problem::unauthorized("Requires authentication"))
        }
        (Need::Installation | Need::Person, _) => Err(Problem::not_accessible()),
    }
}

/// An App may ask about any repository it is installed on.
fn app(world: &World, call: &Call) -> Result<Admitted, Problem> {
    let (owner, name) = (call.param("owner"), call.param("repo"));
    if owner.is_empty() {
        return Ok(Admitted::Yes(0));
    }
    let repository = world
        .repository_named(owner, name)
        .ok_or_else(Problem::not_found)?;
    Ok(Admitted::Yes(repository.id))
}

fn renamed(world: &World, call: &Call, owner: &str, name: &str) -> Option<Admitted> {
    let now = world.repository_renamed(owner, name)?;
    let rest = call
        .path
        .splitn(5, '/')
        .nth(4)
        .map_or(String::new(), |rest| format!("/{rest}"));
    Some(Admitted::Moved(format!("/repositories/{}{rest}", now.id)))
}

/// Decides about one repository. What the caller may not even see does not exist (404).
pub(crate) fn allows(
    world: &World,
    caller: &Caller,
    repository: &Repository,
    any_of: &[(&str, Level)],
    role: Role,
) -> Result<(), Problem> {
    let reads_only = any_of.iter().all(|(_, level)| *level == Level::Read);
    match caller {
        Caller::App => Err(Problem::unauthorized("Bad credentials")),
        Caller::Nobody if repository.private => Err(Problem::not_found()),
        Caller::Nobody if reads_only && role <= Role::Read => Ok(()),
        Caller::Nobody => Err(Problem::new(StatusCode::UNAUTHORIZED, "Requires authentication")),
        Caller::Person { account_id } => match repository.role(*account_id) {
            Role::None => Err(Problem::not_found()),
            held if held >= role => Ok(()),
            _ => Err(Problem::must_have_rights()),
        },
        Caller::Installation {
            id,
            permissions,
            repository_ids,
            ..
        } => {
            let installed = world
                .installation_of(repository)
                .is_some_and(|found| found.id == *id);
            let included = repository_ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&repository.id));
            let granted = any_of
                .iter()
                .any(|(name, level)| covers(permissions, name, *level));
            match (installed && included, granted) {
                (true, true) => Ok(()),
                (false, _) if repository.private => Err(Problem::not_found()),
                (false, _) if reads_only => Ok(()),
                _ => Err(Problem::not_accessible()),
            }
        }
    }
}
