//! How a project goes: its name typed, a hold in which it can be taken back, and then the purge.

use jiff::{SignedDuration, Timestamp};

use super::{Project, get_for_update};
use crate::actor::Actor;
use crate::audit;
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::postgres::listen::Topic;
use crate::project::access::{self, Operation};
use crate::project::store;

/// From the wish to delete a project to its purge.
const DELETE_HOLD: SignedDuration = SignedDuration::from_hours(168);

/// Lets a project go after its hold. Nothing new starts from now on; live runs go on until then. Asking twice keeps the
/// first moment.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, or `Invalid` if `slug` is not the project's.
pub async fn delete(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    slug: &str,
    key: Option<Key>,
) -> Result<Project> {
    let wanted = |project: &Project| {
        if project.slug != slug {
            return Err(Error::Invalid(
                "slug is not the slug of this project; type it as project_get shows it".into(),
            ));
        }
        Ok(())
    };
    set(orchestrator, actor, project_id, "project_delete", key, wanted).await
}

/// Takes the wish to delete a project back.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn restore(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    key: Option<Key>,
) -> Result<Project> {
    set(
        orchestrator,
        actor,
        project_id,
        "project_restore",
        key,
        |_| Ok(()),
    )
    .await
}

async fn set(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    act: &'static str,
    key: Option<Key>,
    check: impl FnOnce(&Project) -> Result<()>,
) -> Result<Project> {
    let mut tx = orchestrator.begin("project.delete").await?;
    let project = get_for_update(&mut tx, project_id).await?;
    let rule = access::permit(&mut tx, actor, Operation::ProjectDelete, &project.target()).await?;
    check(&project)?;
    if idempotency::recall::<ProjectId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(project);
    }
    let after = (act == "project_delete").then(|| tx.now() + DELETE_HOLD);
    store::set_delete_after(&mut tx, project_id, after).await?;
    audit::record_done(
        &mut tx,
        actor,
        act,
        ("project", project_id),
        Some(project_id),
        &rule,
    )
    .await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &project_id).await?;
    tx.notify(Topic::Poke, "admission").await?;
    let project = super::get(&mut tx, project_id).await?;
    tx.commit().await?;
    Ok(project)
}

/// Purges the projects whose hold is over, one by one; answers how many.
///
/// A purge ends what lives: runs, tokens, members, bindings of repositories. Rows go later ([`super::erasing`]); the audit
/// stays.
pub async fn purge_due(orchestrator: &Orchestrator) -> Result<usize> {
    let mut purged = 0;
    while purge_next(orchestrator).await? {
        purged += 1;
    }
    Ok(purged)
}

async fn purge_next(orchestrator: &Orchestrator) -> Result<bool> {
    let mut tx = orchestrator.begin("project.purge").await?;
    let system = Actor::System("purge");
    let Some(project_id) = store::next_to_purge(&mut tx).await? else {
        return Ok(false);
    };
    crate::run::cancel_all_of_project(&mut tx, &system, project_id, "the project was deleted").await?;
    crate::credential::revoke_project_tokens(&mut tx, project_id).await?;
    crate::repository::detach_all(&mut tx, project_id).await?;
    store::purge(&mut tx, project_id).await?;
    audit::record_own(
        &mut tx,
        &system,
        "project_purge",
        ("project", project_id),
        Some(project_id),
    )
    .await?;
    tx.commit().await?;
    Ok(true)
}

impl Project {
    /// Whether it is on its way out.
    pub fn is_going(&self) -> bool {
        self.delete_after.is_some()
    }

    /// Until when the wish to delete it can be taken back.
    pub fn goes_at(&self) -> Option<Timestamp> {
        self.delete_after
    }
}
