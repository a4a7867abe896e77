//! The use cases of repositories.

mod bind;

use jiff::Timestamp;

use super::{HostAccess, Sighting, Suspension, store};
use crate::actor::Actor;
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{ProjectId, RepositoryId};
use crate::knowledge;
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::ports::code_host::RepositoryRef;
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};

pub use bind::{Changes, attach_found, attach_named, detach, require, require_attacher, update};

/// A Git repository that belongs to a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    pub repository_id: RepositoryId,
    pub project_id: ProjectId,
    pub github_repository_id: i64,
    pub installation_id: i64,
    pub owner: String,
    pub name: String,
    pub default_branch: String,
    pub clone_url: String,
    /// Image of the agent's container; none takes the platform's default.
    pub agent_image: Option<String>,
    /// Since when its events start nothing.
    pub detached_at: Option<Timestamp>,
    /// Why the App cannot work there now; its events start nothing meanwhile.
    pub suspension: Option<Suspension>,
    pub created_at: Timestamp,
}

impl Repository {
    /// The repository as the code host addresses it.
    pub fn at(&self) -> RepositoryRef {
        RepositoryRef {
            installation_id: self.installation_id,
            github_repository_id: self.github_repository_id,
            owner: self.owner.clone(),
            name: self.name.clone(),
        }
    }

    /// Requires that the platform may work there now.
    ///
    /// # Errors
    ///
    /// `Conflict`, saying who opens it again.
    pub fn require_reachable(&self) -> Result<()> {
        let name = format!("{}/{}", self.owner, self.name);
        if self.detached_at.is_some() {
            return Err(Error::Conflict(format!(
                "{name} was detached from its project; attach it again first"
            )));
        }
        self.suspension.map_or(Ok(()), |suspension| {
            Err(Error::Conflict(format!(
                "GitHub does not let the platform into {name} ({suspension}): {}",
                suspension.next()
            )))
        })
    }

    /// The repository as the object of an operation.
    pub fn target(&self) -> Target {
        Target::new(self.project_id, "repository", self.repository_id)
    }
}

/// A repository to bind.
#[derive(Clone, Debug)]
pub struct NewRepository {
    pub project_id: ProjectId,
    pub github_repository_id: i64,
    pub installation_id: i64,
    pub owner: String,
    pub name: String,
    pub default_branch: String,
    pub clone_url: String,
    pub agent_image: Option<String>,
}

/// Binds a repository to a project. Binding it again renews what is known of it, and ends an earlier detachment.
///
/// # Errors
///
/// `Conflict` if it belongs to another project.
pub async fn attach(orchestrator: &Orchestrator, actor: &Actor, new: NewRepository) -> Result<Repository> {
    access::require_system(actor)?;
    let mut tx = orchestrator.begin("repository.attach").await?;
    let project = crate::project::get(&mut tx, new.project_id).await?;
    let Some(repository) = store::upsert(&mut tx, &new).await? else {
        return Err(Error::Conflict(format!(
            "{}/{} belongs to another project than {}; a repository has one project",
            new.owner, new.name, project.slug
        )));
    };
    note(&mut tx, actor, "repository_attach", &repository).await?;
    knowledge::want(&mut tx, &repository).await?;
    tx.commit().await?;
    Ok(repository)
}

async fn note(tx: &mut Tx, actor: &Actor, operation: &str, repository: &Repository) -> Result<()> {
    let object = ("repository", repository.repository_id);
    audit::record_own(tx, actor, operation, object, Some(repository.project_id)).await
}

/// Detaches all repositories of a project that goes.
pub(crate) async fn detach_all(tx: &mut Tx, project_id: ProjectId) -> Result<()> {
    for repository_id in store::detach_all(tx, project_id).await? {
        knowledge::forget(tx, repository_id).await?;
    }
    Ok(())
}

/// Takes part in another context's transaction; checks no right.
pub async fn get(tx: &mut Tx, repository_id: RepositoryId) -> Result<Repository> {
    let repository = store::find(tx, repository_id).await?;
    repository.ok_or_else(|| Error::not_found("repository", repository_id))
}

/// The repository for an actor.
///
/// # Errors
///
/// `NotFound` if there is none that the actor may see.
pub async fn read(
    orchestrator: &Orchestrator,
    actor: &Actor,
    repository_id: RepositoryId,
) -> Result<Repository> {
    let mut tx = orchestrator.look("repository.read").await?;
    let repository = get(&mut tx, repository_id).await?;
    access::require(&mut tx, actor, Operation::RepositoryRead, &repository.target()).await?;
    Ok(repository)
}

/// The repositories of all projects the actor may see, or of one, newest first.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: Option<ProjectId>,
    ask: PageAsk,
) -> Result<Page<Repository>> {
    let mut tx = orchestrator.look("repository.list").await?;
    let mut visible = access::visible_projects(&mut tx, actor, Operation::RepositoryRead).await?;
    visible.retain(|id| project_id.is_none_or(|only| only == *id));
    let rows = store::list(&mut tx, &visible, ask).await?;
    Ok(ask.page(rows, |repository| repository.repository_id.uuid()))
}

/// By GitHub's number, detached ones included.
pub async fn find_by_github_id(tx: &mut Tx, github_repository_id: i64) -> Result<Option<Repository>> {
    store::find_by_github_id(tx, github_repository_id).await
}

/// How the code host addresses the repository.
pub async fn at(tx: &mut Tx, repository_id: RepositoryId) -> Result<RepositoryRef> {
    Ok(get(tx, repository_id).await?.at())
}

/// Keeps a new name, place or default branch, unless something newer is known; answers the repository as it is then.
pub async fn seen(tx: &mut Tx, repository: Repository, sighting: &Sighting) -> Result<Repository> {
    let same = (repository.installation_id, &repository.default_branch)
        == (sighting.installation_id, &sighting.default_branch)
        && (&repository.owner, &repository.name) == (&sighting.owner, &sighting.name);
    if same || !store::note_sighting(tx, repository.repository_id, sighting).await? {
        return Ok(repository);
    }
    get(tx, repository.repository_id).await
}

/// Keeps what GitHub said about where the App may go, unless something newer is known. Where runs cannot work any more
/// nothing starts; what is under way hears it from GitHub itself.
pub(crate) async fn host_access_changed(tx: &mut Tx, actor: &Actor, access: &HostAccess) -> Result<()> {
    for repository in store::note_access(tx, access).await? {
        let operation = match repository.suspension {
            Some(suspension) => format!("repository_suspend_{suspension}"),
            None => "repository_resume".to_owned(),
        };
        note(tx, actor, &operation, &repository).await?;
        if repository.suspension == Some(Suspension::RepositoryDeleted) {
            knowledge::forget(tx, repository.repository_id).await?;
        }
    }
    Ok(())
}
