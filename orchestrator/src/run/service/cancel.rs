//! How a run is stopped by people.

use serde_json::json;

use super::{take, target};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId, RunId};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::run::aggregate::Run;
use crate::run::domain::{RunEvent, RunState};
use crate::run::store;

/// Stops a run. Its pod is removed after the answer; the run is `cancelling` until the pod is proven gone. Asking
/// twice changes nothing.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, or `Conflict` if the run is over or being finished.
pub async fn cancel(
    orchestrator: &Orchestrator,
    actor: &Actor,
    run_id: RunId,
    reason: Option<&str>,
    key: Option<Key>,
) -> Result<Run> {
    let mut tx = orchestrator.begin("run.cancel").await?;
    let mut run = store::get_for_update(&mut tx, run_id).await?;
    access::require(&mut tx, actor, Operation::RunCancel, &target(&run)).await?;
    let recalled = idempotency::recall::<RunId>(&mut tx, actor, key.as_ref()).await?;
    if recalled.is_none() {
        idempotency::remember(&mut tx, actor, key.as_ref(), &run_id).await?;
    }
    if recalled.is_some() || matches!(run.state, RunState::Cancelling | RunState::Cancelled) {
        tx.commit().await?;
        return Ok(run);
    }
    if run.state == RunState::Finishing {
        return Err(Error::Conflict(
            "the run is finishing: its work is pushed and being verified; close its pull request instead"
                .into(),
        ));
    }
    take(
        &mut tx,
        &mut run,
        RunEvent::CancelRequested,
        actor,
        json!({ "why": reason }),
    )
    .await?;
    tx.commit().await?;
    Ok(run)
}

/// Ends all live runs that a person started, because that person may not start runs any more.
pub(crate) async fn cancel_all_started_by(
    tx: &mut Tx,
    actor: &Actor,
    person_id: PersonId,
    why: &str,
) -> Result<Vec<RunId>> {
    let mut ended = Vec::new();
    for run_id in store::live_started_by(tx, person_id).await? {
        let run = store::get_for_update(tx, run_id).await?;
        ended.extend(end(tx, actor, run, why).await?);
    }
    Ok(ended)
}

/// Ends all live runs of a project that goes.
pub(crate) async fn cancel_all_of_project(
    tx: &mut Tx,
    actor: &Actor,
    project_id: ProjectId,
    why: &str,
) -> Result<()> {
    for run_id in store::live_of_project(tx, project_id).await? {
        let run = store::get_for_update(tx, run_id).await?;
        end(tx, actor, run, why).await?;
    }
    Ok(())
}

/// Ends a locked run, if it can still be ended.
pub(crate) async fn end(tx: &mut Tx, actor: &Actor, mut run: Run, why: &str) -> Result<Option<RunId>> {
    if run.state.is_over() || matches!(run.state, RunState::Finishing | RunState::Cancelling) {
        return Ok(None);
    }
    take(
        tx,
        &mut run,
        RunEvent::CancelRequested,
        actor,
        json!({ "why": why }),
    )
    .await?;
    Ok(Some(run.run_id))
}
