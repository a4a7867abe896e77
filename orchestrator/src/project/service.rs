use std::collections::BTreeMap;

use jiff::Timestamp;

use super::access::{self, Operation, Target};
use super::store;
use crate::actor::{Actor, Role};
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::trigger;

/// A project: whose runs share limits, slots, members and rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub project_id: ProjectId,
    /// Unique; part of namespaces' names.
    pub slug: String,
    pub name: String,
    pub limits: Limits,
    /// Leaves the text of people without write permission out of prompts.
    pub lockdown: bool,
    pub paused_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// Bounds of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Runs admitted at once.
    pub max_live_runs: i32,
    /// Active seconds of one run over all its turns.
    pub active_seconds: i64,
    /// Millionths of a US dollar per calendar month; none means no limit.
    pub budget_micro_usd: Option<i64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_live_runs: 2,
            active_seconds: 3600,
            budget_micro_usd: None,
        }
    }
}

impl Limits {
    fn check(self) -> Result<Self> {
        let fine = self.max_live_runs >= 0
            && self.active_seconds > 0
            && self.budget_micro_usd.is_none_or(|budget| budget >= 0);
        if fine {
            Ok(self)
        } else {
            Err(Error::Invalid(
                "max_live_runs and budget_micro_usd must not be negative, active_seconds must be above 0"
                    .into(),
            ))
        }
    }
}

/// A project to create.
#[derive(Clone, Debug)]
pub struct NewProject {
    pub slug: String,
    pub name: String,
    pub limits: Limits,
    pub lockdown: bool,
    /// Places where its runs may run.
    pub slots: i32,
}

/// Creates a project with its trigger rules and slots.
///
/// # Errors
///
/// `Conflict` if the slug is taken, `Invalid` if it makes no name of a namespace.
pub async fn create(orchestrator: &Orchestrator, actor: &Actor, new: NewProject) -> Result<Project> {
    access::require_system(actor)?;
    check_slug(&new.slug)?;
    new.limits.check()?;
    let mut tx = orchestrator.begin("project.create").await?;
    let project = store::insert(&mut tx, &new).await?;
    trigger::seed_rules(&mut tx, project.project_id).await?;
    crate::slot::ensure(&mut tx, project.project_id, new.slots).await?;
    let id = project.project_id;
    audit::record_own(&mut tx, actor, "project_create", ("project", id), Some(id)).await?;
    tx.commit().await?;
    Ok(project)
}

/// Gives a project more slots, and lets as many runs live; answers how many it has. Without a number nothing changes.
///
/// # Errors
///
/// `Conflict` if it has more already: slots are never taken away.
pub async fn grow(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    slots: Option<i32>,
) -> Result<i64> {
    access::require_system(actor)?;
    let mut tx = orchestrator.begin("project.grow").await?;
    let project = get(&mut tx, project_id).await?;
    let there = crate::slot::count(&mut tx, project_id).await?;
    let Some(slots) = slots else { return Ok(there) };
    if i64::from(slots) < there {
        return Err(Error::Conflict(format!(
            "the project {} has {there} slots, and slots are not taken away; lower its limit of live runs instead",
            project.slug
        )));
    }
    crate::slot::ensure(&mut tx, project_id, slots).await?;
    if project.limits.max_live_runs < slots {
        let limits = Limits {
            max_live_runs: slots,
            ..project.limits
        };
        store::set_limits(&mut tx, project_id, limits).await?;
    }
    tx.commit().await?;
    Ok(slots.into())
}

fn check_slug(slug: &str) -> Result<()> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let bytes = slug.as_bytes();
    let fine = (2..=32).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().copied().all(inner)
        && !slug.ends_with('-');
    if fine {
        Ok(())
    } else {
        Err(Error::Invalid(
            "slug must have 2 to 32 lower-case letters, digits or hyphens, beginning with a letter and not ending \
             with a hyphen"
                .into(),
        ))
    }
}

pub async fn get(tx: &mut Tx, project_id: ProjectId) -> Result<Project> {
    let project = store::find(tx, project_id).await?;
    project.ok_or_else(|| Error::not_found("project", project_id))
}

pub async fn find_by_slug(tx: &mut Tx, slug: &str) -> Result<Option<Project>> {
    store::find_by_slug(tx, slug).await
}

/// The projects whose runs the actor may see, newest first.
pub async fn list(orchestrator: &Orchestrator, actor: &Actor, ask: PageAsk) -> Result<Page<Project>> {
    let mut tx = orchestrator.begin("project.list").await?;
    let visible = access::visible_projects(&mut tx, actor, Operation::RunRead).await?;
    let rows = store::list(&mut tx, &visible, ask).await?;
    Ok(ask.page(rows, |project| project.project_id.uuid()))
}

/// A person's role in a project, if it is a member.
pub(crate) async fn role(tx: &mut Tx, project_id: ProjectId, person_id: PersonId) -> Result<Option<Role>> {
    store::role(tx, project_id, person_id).await
}

/// Makes the roles that rules give to a person be these; a role that a person gave stays.
pub(crate) async fn set_roles_by_rule(
    tx: &mut Tx,
    person_id: PersonId,
    roles: &BTreeMap<ProjectId, Role>,
) -> Result<()> {
    let kept: Vec<_> = roles.keys().copied().collect();
    store::remove_roles_by_rule(tx, person_id, &kept).await?;
    for (project_id, role) in roles {
        store::set_role_by_rule(tx, *project_id, person_id, *role).await?;
    }
    Ok(())
}

/// Gives a person a role in a project, or takes it with `None`. Asking twice changes nothing.
pub async fn set_member(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    person_id: PersonId,
    role: Option<Role>,
) -> Result<()> {
    access::require_system(actor)?;
    let mut tx = orchestrator.begin("project.set_member").await?;
    get(&mut tx, project_id).await?;
    crate::identity::get(&mut tx, person_id).await?;
    store::set_member(&mut tx, project_id, person_id, role).await?;
    let operation = role.map_or_else(|| "member_remove".to_owned(), |role| format!("member_set_{role}"));
    let person = ("person", person_id);
    audit::record_own(&mut tx, actor, &operation, person, Some(project_id)).await?;
    tx.commit().await
}

pub async fn set_limits(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    limits: Limits,
) -> Result<Project> {
    access::require_system(actor)?;
    let limits = limits.check()?;
    let mut tx = orchestrator.begin("project.set_limits").await?;
    store::set_limits(&mut tx, project_id, limits).await?;
    let project = get(&mut tx, project_id).await?;
    audit::record_own(
        &mut tx,
        actor,
        "project_set_limits",
        ("project", project_id),
        Some(project_id),
    )
    .await?;
    tx.commit().await?;
    Ok(project)
}

/// Lets nothing new start. Runs that live go on; asking twice keeps the first moment.
pub async fn pause(orchestrator: &Orchestrator, actor: &Actor, project_id: ProjectId) -> Result<Project> {
    set_paused(orchestrator, actor, project_id, true).await
}

/// Lets runs start again.
pub async fn resume(orchestrator: &Orchestrator, actor: &Actor, project_id: ProjectId) -> Result<Project> {
    set_paused(orchestrator, actor, project_id, false).await
}

async fn set_paused(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    paused: bool,
) -> Result<Project> {
    access::require_system(actor)?;
    let mut tx = orchestrator.begin("project.set_paused").await?;
    store::set_paused(&mut tx, project_id, paused).await?;
    let project = get(&mut tx, project_id).await?;
    let operation = if paused { "project_pause" } else { "project_resume" };
    audit::record_own(
        &mut tx,
        actor,
        operation,
        ("project", project_id),
        Some(project_id),
    )
    .await?;
    tx.commit().await?;
    Ok(project)
}

impl Project {
    /// The project itself as the object of an operation.
    pub fn target(&self) -> Target {
        Target::new(self.project_id, "project", self.project_id)
    }
}
