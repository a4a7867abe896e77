//! How a run begins: from a delivery, a person's call, or as the retry of another.

use jiff::Timestamp;
use serde_json::json;

use super::{note, target, tell_people};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{DeliveryId, PersonId, ProjectId, RepositoryId, RunId};
use crate::idempotency;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::postgres::listen::Topic;
use crate::project::access::{self, Operation, Target};
use crate::run::aggregate::Run;
use crate::run::domain::RunState;
use crate::run::kind::RunKind;
use crate::run::store;
use crate::trace::TraceParent;

/// Longest instruction of a caller, in bytes.
const MAX_INSTRUCTION: usize = 16 * 1024;

/// A run to be.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub project_id: ProjectId,
    pub repository_id: RepositoryId,
    pub number: Option<i64>,
    pub stage: String,
    pub task: RunTask,
    /// One trigger makes one run, for ever.
    pub source_key: Option<String>,
    pub delivery_id: Option<DeliveryId>,
    pub retry_of: Option<RunId>,
    pub cause_depth: i32,
    pub started_by: Option<PersonId>,
    pub issue_text_sha256: Option<String>,
    pub instruction: Option<String>,
    pub model: Option<String>,
    pub effort: Option<String>,
    pub traceparent: TraceParent,
}

/// What a run is asked for beyond its stage; the default is the stage's own work.
#[derive(Clone, Debug, Default)]
pub struct RunTask {
    pub kind: RunKind,
    pub continues: Option<RunId>,
    /// None: a branch of the issue's or the run's own.
    pub branch: Option<String>,
    pub pull_request: Option<(i64, Option<String>)>,
    /// Not admitted before.
    pub not_before: Option<Timestamp>,
}

impl RunTask {
    /// What a retry of a run is asked for.
    fn of(run: &Run) -> Self {
        let asked = run.kind != RunKind::Work;
        Self {
            kind: run.kind,
            continues: run.continues,
            branch: asked.then(|| run.branch.clone()),
            pull_request: run
                .pull_request_number
                .filter(|_| asked)
                .map(|number| (number, run.pull_request_url.clone())),
            not_before: None,
        }
    }
}

/// What became of the wish for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    Created(RunId),
    /// This work item has a live run already.
    LiveRunExists(RunId),
    /// This trigger made its run already.
    SourceKeyUsed(RunId),
}

/// Queues a run in the caller's transaction. The caller has decided that it may be.
///
/// # Errors
///
/// `Forbidden` if the person in whose name it would start is disabled.
pub(crate) async fn queue(tx: &mut Tx, actor: &Actor, new: NewRun) -> Result<Queued> {
    lock_work_item(tx, new.repository_id, new.number).await?;
    if let Some(key) = &new.source_key
        && let Some(run_id) = store::find_by_source_key(tx, key).await?
    {
        return Ok(Queued::SourceKeyUsed(run_id));
    }
    if let Some(number) = new.number
        && let Some(live) = store::find_live(tx, new.repository_id, number).await?
    {
        return Ok(Queued::LiveRunExists(live.run_id));
    }
    if let Some(person_id) = new.started_by {
        crate::identity::require_enabled(tx, person_id).await?;
    }
    let repository = crate::repository::get(tx, new.repository_id).await?;
    repository.require_reachable()?;
    let profile = crate::agent::profile_for(tx, new.project_id, &new.stage).await?;
    let project = crate::project::get(tx, new.project_id).await?;
    if project.is_going() {
        return Err(Error::Conflict(format!(
            "the project {} is to be deleted; nothing starts there any more",
            project.slug
        )));
    }
    let run_id = RunId::new();
    let (pull_request_number, pull_request_url) = new.task.pull_request.unzip();
    let run = Run {
        run_id,
        project_id: new.project_id,
        repository_id: new.repository_id,
        number: new.number,
        title: title_of(tx, new.repository_id, new.number).await?,
        branch: new.task.branch.unwrap_or_else(|| branch_of(new.number, run_id)),
        stage: new.stage,
        kind: new.task.kind,
        continues: new.task.continues,
        not_before: new.task.not_before,
        agent_profile_id: profile.agent_profile_id,
        instruction: new.instruction,
        model: new.model,
        effort: new.effort,
        state: RunState::Queued,
        turn: 0,
        fence: 0,
        source_key: new.source_key,
        delivery_id: new.delivery_id,
        retry_of: new.retry_of,
        cause_depth: new.cause_depth,
        started_by: new.started_by,
        issue_text_sha256: new.issue_text_sha256,
        base_sha: None,
        head_sha: None,
        pull_request_number,
        pull_request_url: pull_request_url.flatten(),
        last_message: None,
        active_seconds: 0,
        active_seconds_limit: match profile.active_seconds {
            Some(own) => own.min(project.limits.active_seconds),
            None => project.limits.active_seconds,
        },
        cost_limit_micro_usd: project.limits.run_cost_micro_usd,
        queued_at: tx.now(),
        state_since: tx.now(),
        last_heartbeat_at: None,
        finished_at: None,
        created_at: tx.now(),
        traceparent: new.traceparent.to_string(),
    };
    store::insert(tx, &run).await?;
    tx.follow(&run.traceparent);
    let detail = json!({ "stage": run.stage, "kind": run.kind.as_str(), "continues": run.continues, "number": run.number, "delivery_id": run.delivery_id,
        "retry_of": run.retry_of });
    note(tx, run_id, "queued", actor, detail).await?;
    tx.notify(Topic::Runs, run.project_id).await?;
    if let Some(number) = run.number {
        crate::effect::overtake_labels(tx, run.repository_id, number, &run.kind.label(&run.stage)).await?;
    }
    tell_people(tx, &run).await?;
    tx.notify(Topic::Poke, "admission").await?;
    Ok(Queued::Created(run_id))
}

/// One wish for a work item at a time: the answer names the live run instead of a broken constraint.
pub(super) async fn lock_work_item(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: Option<i64>,
) -> Result<()> {
    let Some(number) = number else { return Ok(()) };
    let key = work_item_key(repository_id, number);
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What people call the work item, if anything was heard of it.
async fn title_of(tx: &mut Tx, repository_id: RepositoryId, number: Option<i64>) -> Result<Option<String>> {
    let Some(number) = number else { return Ok(None) };
    let item = crate::work_item::find(tx, repository_id, number).await?;
    Ok(item.map(|item| item.title))
}

/// What the lock of a work item is called.
pub(super) fn work_item_key(repository_id: RepositoryId, number: i64) -> String {
    format!("work_item:{repository_id}:{number}")
}

fn branch_of(number: Option<i64>, run_id: RunId) -> String {
    number.map_or_else(|| format!("codex/run-{run_id}"), branch_of_issue)
}

pub(super) fn branch_of_issue(number: i64) -> String {
    format!("codex/issue-{number}")
}

/// Starts a run by a person's or program's call. With an idempotency key a repeat answers the first run.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `Invalid`, or `Conflict` if the work item has a live run.
pub async fn start(
    orchestrator: &Orchestrator,
    actor: &Actor,
    new: NewRun,
    key: Option<idempotency::Key>,
) -> Result<Run> {
    if new
        .instruction
        .as_ref()
        .is_some_and(|text| text.len() > MAX_INSTRUCTION)
    {
        return Err(Error::TooLarge(format!(
            "instruction may have at most {MAX_INSTRUCTION} bytes"
        )));
    }
    let mut tx = orchestrator.begin("run.start").await?;
    let on = Target {
        project_id: new.project_id,
        what: "repository",
        id: new.repository_id.to_string(),
        run_id: None,
        started_by: None,
    };
    access::require(&mut tx, actor, right_to_start(&new.stage), &on).await?;
    check_choice(&mut tx, &new).await?;
    if let Some(run_id) = idempotency::recall::<RunId>(&mut tx, actor, key.as_ref()).await? {
        return store::get(&mut tx, run_id).await;
    }
    let run_id = match queue(&mut tx, actor, new).await? {
        Queued::Created(run_id) | Queued::SourceKeyUsed(run_id) => run_id,
        Queued::LiveRunExists(run_id) => {
            return Err(Error::Conflict(format!(
                "run {run_id} is live on this issue; wait for its end, or cancel it with run_cancel"
            )));
        }
    };
    idempotency::remember(&mut tx, actor, key.as_ref(), &run_id).await?;
    let run = store::get(&mut tx, run_id).await?;
    tx.commit().await?;
    Ok(run)
}

/// The same of a caller's choice as of a label's: a model of the catalogue, an effort that exists.
async fn check_choice(tx: &mut Tx, new: &NewRun) -> Result<()> {
    if let Some(model) = &new.model
        && crate::agent::find_model(tx, model).await?.is_none()
    {
        return Err(Error::Invalid(format!(
            "model: the catalogue has no model {model:?}; leave it out for the profile's own"
        )));
    }
    let efforts = crate::trigger::EFFORTS;
    match &new.effort {
        Some(effort) if !efforts.contains(&effort.as_str()) => Err(Error::Invalid(format!(
            "effort must be one of {}",
            efforts.join(", ")
        ))),
        _ => Ok(()),
    }
}

/// Stages that deploy or operate want more than the right to start any other.
fn right_to_start(stage: &str) -> Operation {
    let elevated = crate::agent::stage(stage).is_some_and(|stage| stage.elevated);
    if elevated {
        Operation::RunStartElevated
    } else {
        Operation::RunStart
    }
}

/// Starts a new run like one that is over.
///
/// # Errors
///
/// `NotFound`, `Forbidden` (of a starter who is disabled too), or `Conflict` if the run is still live or another run of
/// its issue is.
pub async fn retry(
    orchestrator: &Orchestrator,
    actor: &Actor,
    run_id: RunId,
    key: Option<idempotency::Key>,
) -> Result<Run> {
    let mut tx = orchestrator.begin("run.retry").await?;
    let old = store::get(&mut tx, run_id).await?;
    access::require(&mut tx, actor, Operation::RunRetry, &target(&old)).await?;
    access::require(&mut tx, actor, right_to_start(&old.stage), &target(&old)).await?;
    if let Some(run_id) = idempotency::recall::<RunId>(&mut tx, actor, key.as_ref()).await? {
        return store::get(&mut tx, run_id).await;
    }
    if !old.state.is_over() {
        return Err(Error::Conflict(format!(
            "run {run_id} is {}; only a run that is over can be retried",
            old.state
        )));
    }
    let new = NewRun {
        project_id: old.project_id,
        repository_id: old.repository_id,
        number: old.number,
        task: RunTask::of(&old),
        stage: old.stage,
        source_key: None,
        delivery_id: old.delivery_id,
        retry_of: Some(run_id),
        cause_depth: old.cause_depth,
        // A disabled starter's rights must not live on in a retry.
        started_by: actor.person_id().or(old.started_by),
        // What a trusted hand let in stays let in, as long as it is still the same text.
        issue_text_sha256: old.issue_text_sha256,
        instruction: old.instruction,
        model: old.model,
        effort: old.effort,
        traceparent: TraceParent::accept(Some(&old.traceparent)).child(),
    };
    let Queued::Created(new_id) = queue(&mut tx, actor, new).await? else {
        return Err(Error::Conflict(
            "another run is live on this issue; wait for its end, or cancel it".into(),
        ));
    };
    idempotency::remember(&mut tx, actor, key.as_ref(), &new_id).await?;
    let run = store::get(&mut tx, new_id).await?;
    tx.commit().await?;
    Ok(run)
}

/// Follows an edit of the issue by a person with write permission: the text after it is trusted if the one before it
/// was, for who edits the title has not written the body. Answers whether it is; `run` is locked and not started yet.
pub(crate) async fn trust_text(
    tx: &mut Tx,
    actor: &Actor,
    mut run: Run,
    before: &str,
    after: &str,
) -> Result<bool> {
    let starts = matches!(run.state, RunState::Queued | RunState::Admitted { .. });
    if !starts || run.issue_text_sha256.as_deref() != Some(before) {
        return Ok(false);
    }
    run.issue_text_sha256 = Some(after.to_owned());
    store::save(tx, &run).await?;
    note(tx, run.run_id, "text_trusted", actor, json!({})).await?;
    Ok(true)
}
