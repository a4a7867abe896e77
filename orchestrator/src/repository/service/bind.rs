//! Binding a repository to a project and changing how its runs work: what people do by tools.

use super::super::{Place, store};
use super::{NewRepository, Repository, get, note};
use crate::actor::Actor;
use crate::effect;
use crate::error::{Error, Result};
use crate::id::{ProjectId, RepositoryId};
use crate::idempotency::{self, Key};
use crate::identity;
use crate::knowledge;
use crate::orchestrator::Orchestrator;
use crate::port_call::{self, Answer, Question};
use crate::ports::code_host::HostAccount;
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};
use crate::trace::TraceParent;

/// Bytes of the name of an image.
const MAX_IMAGE_BYTES: usize = 500;

/// What may be changed of a bound repository; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The image of the agent's container, by digest; `Some(None)` takes the platform's default.
    pub agent_image: Option<Option<String>>,
    /// Makes the labels that start something.
    pub create_labels: bool,
}

/// Binds the repository that bears a name, `owner/name`, for a person who administers or maintains it at the code host now,
/// and asks for the labels that start something. Binding it again renews what is known of it, and ends an earlier
/// detachment.
///
/// # Errors
///
/// `NotFound` or `Forbidden` in the project; `Invalid` for what is no name; `Precondition` for a program, which is nobody at
/// the code host. `NotFound` in the same words for a repository that is not there, that the person may not give away, and that
/// belongs to another project: which of these it is, is not told.
pub async fn attach_named(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    full_name: &str,
    key: Option<Key>,
    trace: &TraceParent,
) -> Result<Repository> {
    let (owner, name) = split(full_name)?;
    let attacher = require_attacher(orchestrator, actor, project_id).await?;
    let question = Question::RepositoryPlace {
        owner: owner.to_owned(),
        name: name.to_owned(),
        github_user_id: attacher.github_user_id,
        login: attacher.login,
    };
    let missing = || Error::not_found("repository", full_name);
    let place = match port_call::ask(orchestrator, actor, &question, trace).await {
        Ok(Answer::RepositoryPlace(place)) => place,
        Ok(_) => return Err(Error::internal("a repository was answered with something else")),
        Err(Error::NotFound { .. }) => return Err(missing()),
        Err(error) => return Err(error),
    };
    let bound = attach_found(orchestrator, actor, project_id, place, key, trace).await?;
    bound.ok_or_else(missing)
}

/// A part that is no name reaches no path of the code host's API.
fn split(full_name: &str) -> Result<(&str, &str)> {
    let is_name = |part: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !part.is_empty() && part.bytes().all(letter) && part != "." && part != ".."
    };
    full_name
        .split_once('/')
        .filter(|(owner, name)| is_name(owner) && is_name(name))
        .ok_or_else(|| Error::Invalid("repository: write it as owner/name".into()))
}

/// Requires that the actor may bind repositories to a project, and answers who it is at the code host: only there can be
/// seen whether it may give one away.
///
/// # Errors
///
/// `NotFound` or `Forbidden` in the project; `Precondition` for a program.
pub async fn require_attacher(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
) -> Result<HostAccount> {
    let mut tx = orchestrator.begin("repository.require_attacher").await?;
    require_attach(&mut tx, actor, project_id).await?;
    let Some(person_id) = actor.person_id() else {
        return Err(Error::Precondition(
            "a repository is attached by a person who administers or maintains it at GitHub: sign in and ask again"
                .into(),
        ));
    };
    let person = identity::get(&mut tx, person_id).await?;
    Ok(HostAccount {
        github_user_id: person.github_user_id,
        login: person.login,
    })
}

async fn require_attach(tx: &mut Tx, actor: &Actor, project_id: ProjectId) -> Result<()> {
    let target = Target::new(project_id, "project", project_id);
    access::require(tx, actor, Operation::RepositoryAttach, &target).await
}

/// Binds a repository that was found for the actor; none if it belongs to another project.
///
/// # Errors
///
/// `NotFound` or `Forbidden` in the project.
pub async fn attach_found(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    place: Place,
    key: Option<Key>,
    trace: &TraceParent,
) -> Result<Option<Repository>> {
    let mut tx = orchestrator.begin("repository.attach_found").await?;
    require_attach(&mut tx, actor, project_id).await?;
    if let Some(there) = idempotency::recall::<RepositoryId>(&mut tx, actor, key.as_ref()).await? {
        return get(&mut tx, there).await.map(Some);
    }
    let known = store::find_by_github_id(&mut tx, place.github_repository_id).await?;
    let new = NewRepository {
        project_id,
        github_repository_id: place.github_repository_id,
        installation_id: place.installation_id,
        owner: place.owner,
        name: place.name,
        default_branch: place.default_branch,
        clone_url: place.clone_url,
        agent_image: known.and_then(|known| known.agent_image),
    };
    let Some(repository) = store::upsert(&mut tx, &new).await? else {
        return Ok(None);
    };
    effect::stage_label_definitions(&mut tx, &repository, actor, trace).await?;
    knowledge::want(&mut tx, &repository).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &repository.repository_id).await?;
    tx.commit().await?;
    Ok(Some(repository))
}

/// Changes how runs work on a repository. Asking twice changes nothing more.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, or `Invalid` for an image that is not named by its digest.
pub async fn update(
    orchestrator: &Orchestrator,
    actor: &Actor,
    repository_id: RepositoryId,
    changes: Changes,
    key: Option<Key>,
    trace: &TraceParent,
) -> Result<Repository> {
    let mut tx = orchestrator.begin("repository.update").await?;
    let repository = require(&mut tx, actor, Operation::RepositoryUpdate, repository_id).await?;
    if idempotency::recall::<RepositoryId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(repository);
    }
    if let Some(image) = changes.agent_image {
        if let Some(image) = &image {
            check_image(image)?;
        }
        store::set_agent_image(&mut tx, repository_id, image.as_deref()).await?;
    }
    if changes.create_labels {
        effect::stage_label_definitions(&mut tx, &repository, actor, trace).await?;
    }
    let repository = get(&mut tx, repository_id).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &repository_id).await?;
    tx.commit().await?;
    Ok(repository)
}

/// The repository, if the actor may do this with it.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn require(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    repository_id: RepositoryId,
) -> Result<Repository> {
    let repository = get(tx, repository_id).await?;
    access::require(tx, actor, operation, &repository.target()).await?;
    Ok(repository)
}

/// Lets the repository's events start nothing any more. Its runs go on; asking twice keeps the first moment.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn detach(
    orchestrator: &Orchestrator,
    actor: &Actor,
    repository_id: RepositoryId,
    key: Option<Key>,
) -> Result<Repository> {
    let mut tx = orchestrator.begin("repository.detach").await?;
    let there = require(&mut tx, actor, Operation::RepositoryDetach, repository_id).await?;
    if idempotency::recall::<RepositoryId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(there);
    }
    store::detach(&mut tx, repository_id).await?;
    knowledge::forget(&mut tx, repository_id).await?;
    let repository = get(&mut tx, repository_id).await?;
    if matches!(actor, Actor::System(_)) {
        note(&mut tx, actor, "repository_detach", &repository).await?;
    }
    idempotency::remember(&mut tx, actor, key.as_ref(), &repository_id).await?;
    tx.commit().await?;
    Ok(repository)
}

/// A tag can be moved to another image; a digest cannot.
fn check_image(image: &str) -> Result<()> {
    let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
    let pinned = digest
        .is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let printable = image.bytes().all(|byte| byte.is_ascii_graphic());
    if pinned && printable && image.len() <= MAX_IMAGE_BYTES {
        return Ok(());
    }
    Err(Error::Invalid(
        "agent_image: name it by its digest: registry/name@sha256:<64 hexadecimal digits>".into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_two_parts_and_no_way_out() {
        assert_eq!(split("acme/hello.rs").unwrap(), ("acme", "hello.rs"));
        for bad in [
            "acme",
            "acme/",
            "/hello",
            "a/b/c",
            "acme/..",
            "./x",
            "a b/c",
            "acme/h?x",
            "acme/h%2e",
        ] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }
}
