//! The use cases of runs, one file per part of a run's life.

mod admit;
mod cancel;
mod continued;
mod explain;
mod finish;
mod limit;
mod narrow;
mod park;
mod prompt;
mod queue;
mod read;
mod reap;
mod start;
mod task;
mod turn;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::aggregate::Run;
use super::domain::{Failure, RunEvent, RunState};
use super::jobs::Finalise;
use super::status::{state_labels, status_comment};
use super::store;
use crate::actor::{Actor, RunActor};
use crate::error::{Error, Result};
use crate::id::{RepositoryId, RunId};
use crate::postgres::Tx;
use crate::postgres::listen::Topic;
use crate::project::access::Target;

pub use admit::admit_next;
pub use cancel::cancel;
pub(crate) use cancel::{cancel_all_of_project, cancel_all_started_by, end};
pub(crate) use continued::{continuable, join};
pub use explain::{Explanation, WAITS, explain};
pub use finish::{FinishReport, Finishing, Proof, finish, finishing, settle};
pub use limit::{Allowance, raise_limits};
pub use narrow::narrow;
pub(crate) use narrow::of_agent_token;
pub(crate) use park::resume;
pub use park::{Parked, park};
pub use prompt::Remark;
pub use queue::{NewRun, Queued, RunTask, retry, start};
pub(crate) use queue::{queue, trust_text};
pub(crate) use read::retitle;
pub use read::{
    Beside, Change, Event, Filter, LogPiece, Snapshot, UsageRow, beside, changes, events, get, list,
    log_tail, prompt, usage,
};
pub use reap::{agent_out_of_memory, pod_ended, pod_proven_gone, pod_waits, reap, reconcile, sweep};
pub use start::{IssueFacts, StartPlan, WantedPod, begin_start, fail_start, still_wanted, want_pod};
pub use task::{ensure_task, of_task};
pub use turn::{
    Beat, Cost, HEARTBEAT_SECONDS, MAX_BUNDLE_BYTES, MAX_LOG_BYTES, MAX_LOG_PIECE_BYTES, MAX_SNAPSHOT_BYTES,
    MAX_STATUS_REPORTS, TurnContext, UsageReport, append_log, context, heartbeat, put_snapshot,
    report_status, report_usage, snapshot,
};

/// Locks a run's row until the transaction ends: always before its slot's, its waits' and its effects' rows.
pub(crate) async fn lock(tx: &mut Tx, run_id: RunId) -> Result<Run> {
    store::get_for_update(tx, run_id).await
}

/// The live run of an issue or of the pull request it opened; locks work item and run, in the order in which [`queue`]
/// does: the caller may queue one.
pub(crate) async fn find_live(tx: &mut Tx, repository_id: RepositoryId, number: i64) -> Result<Option<Run>> {
    queue::lock_work_item(tx, repository_id, Some(number)).await?;
    if let Some(run) = store::find_live(tx, repository_id, number).await? {
        return Ok(Some(run));
    }
    find_live_behind(tx, repository_id, number).await
}

/// The live run that works on a pull request: that opened it, or goes on with it. One that reviews it is another. The
/// caller holds the work item's lock.
pub(crate) async fn find_live_behind(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
) -> Result<Option<Run>> {
    let Some(run_id) = crate::effect::run_of_pull_request(tx, repository_id, number).await? else {
        return Ok(None);
    };
    let issue = store::get(tx, run_id).await?.number;
    queue::lock_work_item(tx, repository_id, issue).await?;
    if let Some(issue) = issue {
        let live = store::find_live(tx, repository_id, issue).await?;
        return Ok(live.filter(|run| run.run_id == run_id || run.pull_request_number == Some(number)));
    }
    let run = lock(tx, run_id).await?;
    Ok((!run.state.is_over()).then_some(run))
}

/// Reads a run without a lock; who may see it is the caller's to check.
pub(crate) async fn find_in(tx: &mut Tx, run_id: RunId) -> Result<Run> {
    store::get(tx, run_id).await
}

/// Whether the caller speaks for the live turn of its run; locks the run.
///
/// # Errors
///
/// `StaleTurn` if the turn is over.
pub(crate) async fn require_live_turn(tx: &mut Tx, caller: &RunActor) -> Result<Run> {
    let run = lock(tx, caller.run_id).await?;
    let current = (run.turn, run.fence) == (caller.turn, caller.fence);
    if current && run.state.hears_runner() {
        Ok(run)
    } else {
        Err(Error::StaleTurn)
    }
}

/// The caller's run, for reads: its turn must be the live one.
///
/// # Errors
///
/// `StaleTurn` if the turn is over.
pub async fn require_live(tx: &mut Tx, actor: &Actor) -> Result<Run> {
    let caller = runner(actor)?;
    require_live_turn(tx, caller).await
}

/// The runner behind an actor.
///
/// # Errors
///
/// `Forbidden` for anybody else.
fn runner(actor: &Actor) -> Result<&RunActor> {
    actor
        .run()
        .ok_or_else(|| Error::Forbidden("only the runner of a run may call this".into()))
}

/// What access is decided about.
pub(crate) fn target(run: &Run) -> Target {
    Target {
        project_id: run.project_id,
        what: "run",
        id: run.run_id.to_string(),
        run_id: Some(run.run_id),
        started_by: run.started_by,
    }
}

/// Takes an event, with everything that follows from it in this transaction: the row, the timeline, the slot, the
/// tokens, the word to people at the code host.
///
/// # Errors
///
/// `Conflict` if the event makes no sense now.
async fn take(tx: &mut Tx, run: &mut Run, event: RunEvent, actor: &Actor, detail: Value) -> Result<()> {
    let before = run.clone();
    tx.follow(&run.traceparent);
    run.apply(&event, tx.now())
        .map_err(|refused| Error::Conflict(refused.to_string()))?;
    store::save(tx, run).await?;
    if before.state.slot().is_some() && run.state.slot().is_none() {
        end_turn(tx, &before, run).await?;
    }
    let cancelled = matches!(run.state, RunState::Cancelling | RunState::Cancelled);
    if cancelled || run.state.is_over() {
        crate::approval::cancel_open(tx, run.run_id).await?;
        crate::effect::overtake_of_run(tx, run.run_id, cancelled).await?;
    }
    if run.state.is_over() {
        // A run that waited, or was about to resume, may still hold its slot.
        crate::slot::drain(tx, run.run_id).await?;
        crate::credential::revoke_run_tokens(tx, run.run_id).await?;
        count_end(run);
    }
    let mut detail = detail;
    if let (RunState::Failed(failure), Value::Object(map)) = (&run.state, &mut detail) {
        map.extend(failure_detail(failure));
    }
    note(tx, run.run_id, run.state.as_str(), actor, detail).await?;
    tell_people(tx, run).await
}

fn count_end(run: &Run) {
    let reason = match &run.state {
        RunState::Failed(failure) => failure.reason.as_str(),
        _ => "",
    };
    metrics::counter!("codex_runs_ended_total", "state" => run.state.as_str(), "reason" => reason)
        .increment(1);
    let active = SignedDuration::from_secs(run.active_seconds);
    metrics::histogram!("codex_run_active_seconds").record(active.as_secs_f64());
}

fn failure_detail(failure: &Failure) -> serde_json::Map<String, Value> {
    let Value::Object(map) = json!({
        "reason": failure.reason.as_str(),
        "sub_reason": failure.sub_reason,
        "detail": failure.detail,
    }) else {
        unreachable!("an object literal is an object")
    };
    map
}

/// A turn gives its slot back and says no more.
async fn end_turn(tx: &mut Tx, before: &Run, run: &Run) -> Result<()> {
    let active = run.active_seconds - before.active_seconds;
    store::turn::end(tx, run.run_id, run.turn, active).await?;
    match run.state {
        RunState::Waiting => {
            if let Some(slot) = before.state.slot() {
                crate::slot::hold(tx, slot).await?;
            }
            crate::credential::revoke_run_tokens(tx, run.run_id).await?;
        }
        RunState::Finishing => {
            crate::slot::drain(tx, run.run_id).await?;
            tx.enqueue(Finalise { run_id: run.run_id }).await?;
        }
        _ => {
            crate::slot::drain(tx, run.run_id).await?;
            crate::credential::revoke_run_tokens(tx, run.run_id).await?;
        }
    }
    let project = crate::project::get(tx, run.project_id).await?;
    tx.enqueue(super::jobs::StopRunner {
        run_id: run.run_id,
        turn: before.turn,
        fence: before.fence,
        project: project.slug,
    })
    .await
}

/// Writes a line of the timeline and wakes who watches it.
async fn note(tx: &mut Tx, run_id: RunId, kind: &str, actor: &Actor, detail: Value) -> Result<()> {
    store::append_event(tx, run_id, kind, &actor.to_string(), &detail).await?;
    tx.notify(Topic::Run, run_id).await
}

/// Stages what people see at the issue: the one status comment, and at the end the labels.
async fn tell_people(tx: &mut Tx, run: &Run) -> Result<()> {
    let Some(number) = run.number else { return Ok(()) };
    let Some(body) = status_comment(run) else {
        return Ok(());
    };
    crate::effect::stage_status_comment(tx, run, number, body).await?;
    if let Some((add, remove)) = state_labels(run) {
        crate::effect::stage_labels(tx, run, number, add, remove).await?;
    }
    Ok(())
}
