//! The use cases of projects.

pub(super) mod deletion;
pub(super) mod erasing;
pub(super) mod figures;
pub(super) mod member;
pub(super) mod platform;
pub(super) mod series;

use jiff::Timestamp;

use super::access::{self, Operation, Target};
use super::store;
use crate::actor::Actor;
use crate::audit;
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::postgres::listen::Topic;
use crate::trigger;

/// A project's name for people.
const MAX_NAME_BYTES: usize = 100;

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
    /// It is to be deleted then: nothing new starts.
    pub delete_after: Option<Timestamp>,
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
    /// Millionths of a US dollar of one run over all its turns; none means no limit.
    pub run_cost_micro_usd: Option<i64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_live_runs: 2,
            active_seconds: 3600,
            budget_micro_usd: None,
            run_cost_micro_usd: None,
        }
    }
}

impl Limits {
    fn check(self) -> Result<Self> {
        let fine = self.max_live_runs >= 0
            && self.active_seconds > 0
            && self.budget_micro_usd.is_none_or(|budget| budget >= 0)
            && self.run_cost_micro_usd.is_none_or(|cost| cost >= 0);
        if fine {
            Ok(self)
        } else {
            Err(Error::Invalid(
                "max_live_runs, budget_micro_usd and run_cost_micro_usd must not be negative, active_seconds must be \
                 above 0"
                    .into(),
            ))
        }
    }
}

/// Bounds to change; what is not given stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitChange {
    pub max_live_runs: Option<i32>,
    pub active_seconds: Option<i64>,
    /// `Some(None)` takes the budget off.
    pub budget_micro_usd: Option<Option<i64>>,
    /// `Some(None)` takes the limit off.
    pub run_cost_micro_usd: Option<Option<i64>>,
}

impl LimitChange {
    fn over(self, limits: Limits) -> Limits {
        Limits {
            max_live_runs: self.max_live_runs.unwrap_or(limits.max_live_runs),
            active_seconds: self.active_seconds.unwrap_or(limits.active_seconds),
            budget_micro_usd: self.budget_micro_usd.unwrap_or(limits.budget_micro_usd),
            run_cost_micro_usd: self.run_cost_micro_usd.unwrap_or(limits.run_cost_micro_usd),
        }
    }
}

/// What to change of a project; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub lockdown: Option<bool>,
    pub limits: Option<LimitChange>,
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
/// `Conflict` if the slug is taken, `Invalid` if it makes no name of a namespace, and what an owner of the platform
/// may do is `NotFound` or `Forbidden` for others.
pub async fn create(orchestrator: &Orchestrator, actor: &Actor, new: NewProject) -> Result<Project> {
    create_once(orchestrator, actor, new, None).await
}

/// As [`create`]; with an idempotency key a repeat answers the first project.
pub async fn create_once(
    orchestrator: &Orchestrator,
    actor: &Actor,
    new: NewProject,
    key: Option<Key>,
) -> Result<Project> {
    let mut tx = orchestrator.begin("project.create").await?;
    let rule =
        access::permit_platform(&mut tx, actor, Operation::ProjectCreate, "project", &new.slug).await?;
    check_slug(&new.slug)?;
    check_name(&new.name)?;
    new.limits.check()?;
    if let Some(id) = idempotency::recall::<ProjectId>(&mut tx, actor, key.as_ref()).await? {
        return get(&mut tx, id).await;
    }
    let project = store::insert(&mut tx, &new).await?;
    trigger::seed_rules(&mut tx, project.project_id).await?;
    crate::slot::ensure(&mut tx, project.project_id, new.slots).await?;
    let id = project.project_id;
    audit::record_done(&mut tx, actor, "project_create", ("project", id), Some(id), &rule).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &id).await?;
    tx.commit().await?;
    Ok(project)
}

/// The name and how it treats strangers' text, as far as they are given. Asking twice changes nothing.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, or `Invalid` for a name that is none.
pub async fn update(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    change: &Change,
    key: Option<Key>,
) -> Result<Project> {
    let mut tx = orchestrator.begin("project.update").await?;
    let project = get_for_update(&mut tx, project_id).await?;
    let settings = change.name.is_some() || change.lockdown.is_some();
    let rule = if settings || change.limits.is_none() {
        access::permit(&mut tx, actor, Operation::ProjectUpdate, &project.target()).await?
    } else {
        String::new()
    };
    let limits_rule = match change.limits {
        Some(_) => access::permit(&mut tx, actor, Operation::ProjectLimitSet, &project.target()).await?,
        None => String::new(),
    };
    if idempotency::recall::<ProjectId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(project);
    }
    let object = ("project", project_id);
    if settings {
        let name = change.name.as_deref().unwrap_or(&project.name);
        check_name(name)?;
        store::set_name(
            &mut tx,
            project_id,
            name,
            change.lockdown.unwrap_or(project.lockdown),
        )
        .await?;
        audit::record_done(&mut tx, actor, "project_update", object, Some(project_id), &rule).await?;
    }
    if let Some(wanted) = change.limits {
        let limits = wanted.over(project.limits).check()?;
        store::set_limits(&mut tx, project_id, limits).await?;
        audit::record_done(
            &mut tx,
            actor,
            "project_set_limits",
            object,
            Some(project_id),
            &limits_rule,
        )
        .await?;
        tx.notify(Topic::Poke, "admission").await?;
    }
    idempotency::remember(&mut tx, actor, key.as_ref(), &project_id).await?;
    let project = get(&mut tx, project_id).await?;
    tx.commit().await?;
    Ok(project)
}

/// How many of its slots a project may use at once. They are the slots' to count.
pub(crate) async fn set_slot_limit(tx: &mut Tx, project_id: ProjectId, slots: i32) -> Result<()> {
    store::set_slot_limit(tx, project_id, slots).await
}

/// Gives a project more slots, and lets as many runs live; answers how many it has. Without a number nothing changes.
///
/// # Errors
///
/// `Conflict` if it has more already: fewer are an operator's to set.
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
            "the project {} has {there} slots; an operator sets fewer with slot_limit_set, or lower its limit of live runs",
            project.slug
        )));
    }
    crate::slot::resize(&mut tx, project_id, slots).await?;
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

/// Locks the project until the transaction ends, so that its members and settings are decided one after the other.
///
/// # Errors
///
/// `NotFound`, also for one that is purged.
pub(super) async fn get_for_update(tx: &mut Tx, project_id: ProjectId) -> Result<Project> {
    store::lock(tx, project_id).await?;
    get(tx, project_id).await
}

/// The project for an actor.
///
/// # Errors
///
/// `NotFound` if there is none that the actor may see.
pub async fn read(orchestrator: &Orchestrator, actor: &Actor, project_id: ProjectId) -> Result<Project> {
    let mut tx = orchestrator.look("project.read").await?;
    let project = get(&mut tx, project_id).await?;
    access::require(&mut tx, actor, Operation::ProjectRead, &project.target()).await?;
    Ok(project)
}

pub async fn find_by_slug(tx: &mut Tx, slug: &str) -> Result<Option<Project>> {
    store::find_by_slug(tx, slug).await
}

/// The projects that the actor may see, newest first.
pub async fn list(orchestrator: &Orchestrator, actor: &Actor, ask: PageAsk) -> Result<Page<Project>> {
    let mut tx = orchestrator.look("project.list").await?;
    let visible = access::visible_projects(&mut tx, actor, Operation::ProjectRead).await?;
    let rows = store::list(&mut tx, &visible, ask).await?;
    Ok(ask.page(rows, |project| project.project_id.uuid()))
}

/// Sets all limits of a project.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, or `Invalid` for limits that make no sense.
pub async fn set_limits(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    limits: Limits,
) -> Result<Project> {
    let wanted = LimitChange {
        max_live_runs: Some(limits.max_live_runs),
        active_seconds: Some(limits.active_seconds),
        budget_micro_usd: Some(limits.budget_micro_usd),
        run_cost_micro_usd: Some(limits.run_cost_micro_usd),
    };
    let change = Change {
        limits: Some(wanted),
        ..Change::default()
    };
    update(orchestrator, actor, project_id, &change, None).await
}

/// Lets nothing new start. Runs that live go on; asking twice keeps the first moment.
pub async fn pause(orchestrator: &Orchestrator, actor: &Actor, project_id: ProjectId) -> Result<Project> {
    set_paused(orchestrator, actor, project_id, true, None).await
}

/// Lets runs start again.
pub async fn resume(orchestrator: &Orchestrator, actor: &Actor, project_id: ProjectId) -> Result<Project> {
    set_paused(orchestrator, actor, project_id, false, None).await
}

/// Pauses or resumes a project; with an idempotency key a repeat changes nothing, whatever came between.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn set_paused(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    paused: bool,
    key: Option<Key>,
) -> Result<Project> {
    let mut tx = orchestrator.begin("project.set_paused").await?;
    let project = get_for_update(&mut tx, project_id).await?;
    let rule = access::permit(&mut tx, actor, Operation::ProjectPause, &project.target()).await?;
    if idempotency::recall::<ProjectId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(project);
    }
    store::set_paused(&mut tx, project_id, paused).await?;
    let operation = if paused { "project_pause" } else { "project_resume" };
    audit::record_done(
        &mut tx,
        actor,
        operation,
        ("project", project_id),
        Some(project_id),
        &rule,
    )
    .await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &project_id).await?;
    tx.notify(Topic::Poke, "admission").await?;
    let project = get(&mut tx, project_id).await?;
    tx.commit().await?;
    Ok(project)
}

fn check_name(name: &str) -> Result<()> {
    let fine = !name.trim().is_empty() && name.len() <= MAX_NAME_BYTES && !name.contains(char::is_control);
    if fine {
        Ok(())
    } else {
        Err(Error::Invalid(format!(
            "name must have 1 to {MAX_NAME_BYTES} bytes of plain text"
        )))
    }
}

impl Project {
    /// The project itself as the object of an operation.
    pub fn target(&self) -> Target {
        Target::new(self.project_id, "project", self.project_id)
    }
}
