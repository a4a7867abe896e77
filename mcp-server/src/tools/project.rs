//! Projects.

use contract::bounded::Text;
use contract::project::{
    Budget, ProjectAct, ProjectCreate, ProjectDelete, ProjectList, ProjectPage, ProjectRef, ProjectUpdate,
    ProjectView,
};
use orchestrator::project::access::Operation;
use orchestrator::project::{self, Change, LimitChange, Limits, NewProject, Project};
use orchestrator::{Error, Result};

use super::{STAFF, count, idempotency_key, page};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

/// Slots of a new project of which nothing is said.
const SLOTS: i32 = 2;

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<Get>()
        .with::<List>()
        .with::<Create>()
        .with::<Update>()
        .with::<Pause>()
        .with::<Resume>()
        .with::<Delete>()
        .with::<Restore>()
}

struct Get;

impl Tool for Get {
    const NAME: &'static str = "project_get";
    const TITLE: &'static str = "Show a project";
    const ABOUT: &'static str = "Shows one project: its limits, budget, and whether it is paused or to be deleted. For its runs ask run_list, \
         for its people member_list, for figures stats_get.";
    const OPERATION: Operation = Operation::ProjectRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = ProjectRef;
    type Answer = ProjectView;

    async fn call(call: &Call<'_>, ask: ProjectRef) -> Result<ProjectView> {
        let found = project::read(call.orchestrator, call.actor, ask.project_id.into()).await?;
        Ok(show(&found))
    }
}

struct List;

impl Tool for List {
    const NAME: &'static str = "project_list";
    const TITLE: &'static str = "List projects";
    const ABOUT: &'static str =
        "Lists the projects the caller may see, newest first. Begin here to find a project_id.";
    const OPERATION: Operation = Operation::ProjectRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = ProjectList;
    type Answer = ProjectPage;

    async fn call(call: &Call<'_>, ask: ProjectList) -> Result<ProjectPage> {
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let found = project::list(call.orchestrator, call.actor, page).await?;
        Ok(ProjectPage {
            projects: found.items.iter().map(show).collect(),
            next_cursor: found.next_cursor,
        })
    }
}

struct Create;

impl Tool for Create {
    const NAME: &'static str = "project_create";
    const TITLE: &'static str = "Create a project";
    const ABOUT: &'static str = "Creates a project with the default trigger rules and slots. It has no member and no repository yet: member_set and \
         repository_attach come next. The slug never changes and is never free again. For owners of the platform.";
    const OPERATION: Operation = Operation::ProjectCreate;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Add;
    type Ask = ProjectCreate;
    type Answer = ProjectView;

    async fn call(call: &Call<'_>, ask: ProjectCreate) -> Result<ProjectView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let slots = ask.slots.map_or(SLOTS, |slots| count(slots.get()));
        let new = NewProject {
            slug: ask.slug.into_inner(),
            name: ask.name.into_inner(),
            limits: Limits {
                max_live_runs: slots,
                ..Limits::default()
            },
            lockdown: true,
            slots,
        };
        Ok(show(
            &project::create_once(call.orchestrator, call.actor, new, key).await?,
        ))
    }
}

struct Update;

impl Tool for Update {
    const NAME: &'static str = "project_update";
    const TITLE: &'static str = "Change a project";
    const ABOUT: &'static str = "Changes a project's name, lockdown, limits or budget; what is not given stays. Limits and budget need an admin. \
         A lower limit ends no run that lives.";
    const OPERATION: Operation = Operation::ProjectUpdate;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = ProjectUpdate;
    type Answer = ProjectView;

    async fn call(call: &Call<'_>, ask: ProjectUpdate) -> Result<ProjectView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let budget_micro_usd = money(
            ask.budget_micro_usd,
            ask.no_budget,
            "no_budget",
            "budget_micro_usd",
        )?;
        let run_cost_micro_usd = money(
            ask.run_cost_micro_usd,
            ask.no_run_cost,
            "no_run_cost",
            "run_cost_micro_usd",
        )?;
        let limits = LimitChange {
            max_live_runs: ask.max_live_runs.map(|runs| count(runs.get())),
            active_seconds: ask
                .active_seconds_limit
                .map(|seconds| seconds.get().cast_signed()),
            budget_micro_usd,
            run_cost_micro_usd,
        };
        let has_limits = limits.max_live_runs.is_some()
            || limits.active_seconds.is_some()
            || limits.budget_micro_usd.is_some()
            || limits.run_cost_micro_usd.is_some();
        let change = Change {
            name: ask.name.map(Text::into_inner),
            lockdown: ask.lockdown,
            limits: has_limits.then_some(limits),
        };
        let id = ask.project_id.into();
        Ok(show(
            &project::update(call.orchestrator, call.actor, id, &change, key).await?,
        ))
    }
}

struct Pause;

impl Tool for Pause {
    const NAME: &'static str = "project_pause";
    const TITLE: &'static str = "Pause a project";
    const ABOUT: &'static str = "Lets no run of the project start until project_resume. Runs that live go on; run_cancel ends one. What is queued \
         waits, and run_explain says so.";
    const OPERATION: Operation = Operation::ProjectPause;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = ProjectAct;
    type Answer = ProjectView;

    async fn call(call: &Call<'_>, ask: ProjectAct) -> Result<ProjectView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let id = ask.project_id.into();
        Ok(show(
            &project::set_paused(call.orchestrator, call.actor, id, true, key).await?,
        ))
    }
}

struct Resume;

impl Tool for Resume {
    const NAME: &'static str = "project_resume";
    const TITLE: &'static str = "Resume a project";
    const ABOUT: &'static str = "Lets runs of a paused project start again. A pause of the whole platform is ended by platform_resume.";
    const OPERATION: Operation = Operation::ProjectPause;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = ProjectAct;
    type Answer = ProjectView;

    async fn call(call: &Call<'_>, ask: ProjectAct) -> Result<ProjectView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let id = ask.project_id.into();
        Ok(show(
            &project::set_paused(call.orchestrator, call.actor, id, false, key).await?,
        ))
    }
}

struct Delete;

impl Tool for Delete {
    const NAME: &'static str = "project_delete";
    const TITLE: &'static str = "Delete a project";
    const ABOUT: &'static str = "Marks a project to be deleted after seven days. Nothing new starts from now on; project_restore takes it back until \
         delete_after. Then its runs, tokens, members and repository bindings end; runs and audit stay on record. To \
         only stop its runs, use project_pause.";
    const OPERATION: Operation = Operation::ProjectDelete;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = ProjectDelete;
    type Answer = ProjectView;

    async fn call(call: &Call<'_>, ask: ProjectDelete) -> Result<ProjectView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let (id, slug) = (ask.project_id.into(), ask.slug.as_str());
        Ok(show(
            &project::delete(call.orchestrator, call.actor, id, slug, key).await?,
        ))
    }
}

struct Restore;

impl Tool for Restore {
    const NAME: &'static str = "project_restore";
    const TITLE: &'static str = "Take a deletion back";
    const ABOUT: &'static str = "Takes back that a project is to be deleted, as long as its delete_after is not over. Runs start again.";
    const OPERATION: Operation = Operation::ProjectDelete;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = ProjectAct;
    type Answer = ProjectView;

    async fn call(call: &Call<'_>, ask: ProjectAct) -> Result<ProjectView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let id = ask.project_id.into();
        Ok(show(
            &project::restore(call.orchestrator, call.actor, id, key).await?,
        ))
    }
}

/// An amount that is set, taken off, or left as it is.
#[expect(
    clippy::option_option,
    reason = "the shape of `LimitChange`: none leaves it, some none takes it off"
)]
fn money(set: Option<Budget>, off: Option<bool>, off_name: &str, name: &str) -> Result<Option<Option<i64>>> {
    match (set, off) {
        (Some(_), Some(true)) => Err(Error::Invalid(format!("{off_name}: give it or {name}, not both"))),
        (Some(amount), _) => Ok(Some(Some(amount.get().cast_signed()))),
        (None, Some(true)) => Ok(Some(None)),
        (None, _) => Ok(None),
    }
}

fn show(project: &Project) -> ProjectView {
    ProjectView {
        project_id: project.project_id.uuid(),
        slug: project.slug.clone(),
        name: project.name.clone(),
        max_live_runs: count(project.limits.max_live_runs),
        active_seconds_limit: count(project.limits.active_seconds),
        budget_micro_usd: project.limits.budget_micro_usd.map(count),
        run_cost_micro_usd: project.limits.run_cost_micro_usd.map(count),
        lockdown: project.lockdown,
        paused_at: project.paused_at,
        delete_after: project.delete_after,
        created_at: project.created_at,
    }
}
