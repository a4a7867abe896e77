//! Runs as tasks of the MCP protocol: an unguessable name of a run, for the principal that began it.

use uuid::Uuid;

use super::target;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{RunId, TaskId};
use crate::orchestrator::Orchestrator;
use crate::project::access::{self, Operation};
use crate::run::aggregate::Run;
use crate::run::store;

/// The actor's task of a run it may see. Asking twice answers the same.
///
/// # Errors
///
/// `NotFound`.
pub async fn ensure_task(orchestrator: &Orchestrator, actor: &Actor, run_id: RunId) -> Result<(TaskId, Run)> {
    let mut tx = orchestrator.begin("run.ensure_task").await?;
    let run = store::get(&mut tx, run_id).await?;
    access::require(&mut tx, actor, Operation::RunRead, &target(&run)).await?;
    // Not of the time-ordered kind: a task's id is all that a client shows of it.
    let new = TaskId::from(Uuid::new_v4());
    let task_id = store::task::ensure(&mut tx, new, run_id, &owner(actor)).await?;
    tx.commit().await?;
    Ok((task_id, run))
}

/// The run of one of the actor's tasks, if it may still see it.
///
/// # Errors
///
/// `NotFound`, also for somebody else's task.
pub async fn of_task(orchestrator: &Orchestrator, actor: &Actor, task_id: TaskId) -> Result<Run> {
    let mut tx = orchestrator.look("run.of_task").await?;
    let run_id = store::task::find(&mut tx, task_id, &owner(actor)).await?;
    let run_id = run_id.ok_or_else(|| Error::not_found("task", task_id))?;
    let run = store::get(&mut tx, run_id).await?;
    access::require(&mut tx, actor, Operation::RunRead, &target(&run)).await?;
    Ok(run)
}

fn owner(actor: &Actor) -> String {
    format!("{}:{}", actor.kind(), actor.id())
}
