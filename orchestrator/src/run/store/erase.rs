//! The SQL by which a deleted project's runs go.

use crate::error::Result;
use crate::id::ProjectId;
use crate::postgres::{Tx, erase};

/// Deletes a batch of what belongs to runs; answers how many rows went.
pub(crate) async fn parts(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    let gone = erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM run_events WHERE ctid IN (
             SELECT it.ctid FROM run_events it JOIN runs USING (run_id) WHERE project_id = $1 LIMIT $2)",
    ) + erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM run_log_pieces WHERE ctid IN (
             SELECT it.ctid FROM run_log_pieces it JOIN runs USING (run_id) WHERE project_id = $1 LIMIT $2)",
    ) + erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM run_usage WHERE ctid IN (
             SELECT it.ctid FROM run_usage it JOIN runs USING (run_id) WHERE project_id = $1 LIMIT $2)",
    ) + erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM run_snapshots WHERE ctid IN (
             SELECT it.ctid FROM run_snapshots it JOIN runs USING (run_id) WHERE project_id = $1 LIMIT $2)",
    ) + erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM run_changes WHERE ctid IN (
             SELECT it.ctid FROM run_changes it JOIN runs USING (run_id) WHERE project_id = $1 LIMIT $2)",
    ) + erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM run_tasks WHERE ctid IN (
             SELECT it.ctid FROM run_tasks it JOIN runs USING (run_id) WHERE project_id = $1 LIMIT $2)",
    ) + erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM run_turns WHERE ctid IN (
             SELECT it.ctid FROM run_turns it JOIN runs USING (run_id) WHERE project_id = $1 LIMIT $2)",
    );
    Ok(gone)
}

/// Lets a batch of runs forget the deliveries that started them; answers how many did.
pub(crate) async fn causes(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "UPDATE runs SET delivery_id = NULL WHERE run_id IN (
             SELECT run_id FROM runs WHERE project_id = $1 AND delivery_id IS NOT NULL LIMIT $2)",
    ))
}

/// Deletes a batch of runs, the newest first: a run names older ones. Answers how many went.
pub(crate) async fn runs(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM runs WHERE run_id IN (
             SELECT run_id FROM runs WHERE project_id = $1 ORDER BY run_id DESC LIMIT $2)",
    ))
}
