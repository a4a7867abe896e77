//! The SQL of tasks.

use crate::error::Result;
use crate::id::{RunId, TaskId};
use crate::postgres::Tx;

/// Keeps `new` as the owner's task of a run, or answers the one there is.
pub(in crate::run) async fn ensure(tx: &mut Tx, new: TaskId, run_id: RunId, owner: &str) -> Result<TaskId> {
    let now = tx.moment();
    let row = sqlx::query!(
        "INSERT INTO run_tasks (task_id, run_id, owner, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (run_id, owner) DO UPDATE SET owner = run_tasks.owner
         RETURNING task_id",
        new as TaskId,
        run_id as RunId,
        owner,
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.task_id)
}

pub(in crate::run) async fn find(tx: &mut Tx, task_id: TaskId, owner: &str) -> Result<Option<RunId>> {
    let row = sqlx::query!(
        "SELECT run_id FROM run_tasks WHERE task_id = $1 AND owner = $2",
        task_id as TaskId,
        owner,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| row.run_id))
}
