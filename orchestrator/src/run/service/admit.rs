//! Admission: who gets the next slot.

use serde_json::json;

use super::take;
use crate::actor::Actor;
use crate::error::Result;
use crate::id::RunId;
use crate::orchestrator::Orchestrator;
use crate::run::domain::RunEvent;
use crate::run::jobs::StartRunner;
use crate::run::store;

/// Admits one run, if one can be: turn + 1, fence + 1, a slot leased under that fence, and its start asked for.
/// Answers none when nobody can be admitted now.
pub async fn admit_next(orchestrator: &Orchestrator) -> Result<Option<RunId>> {
    let mut tx = orchestrator.begin("run.admit").await?;
    if store::admission::lock_platform(&mut tx).await? <= 0 {
        return Ok(None);
    }
    let Some(candidate) = store::admission::next(&mut tx).await? else {
        return Ok(None);
    };
    let mut run = store::get_for_update(&mut tx, candidate.run_id).await?;
    let actor = Actor::System("admission");
    let detail = json!({ "slot_id": candidate.slot_id });
    take(
        &mut tx,
        &mut run,
        RunEvent::Admitted(candidate.slot_id),
        &actor,
        detail,
    )
    .await?;
    crate::slot::lease(&mut tx, candidate.slot_id, run.lease()).await?;
    store::turn::insert(&mut tx, run.run_id, run.turn, run.fence, candidate.slot_id).await?;
    store::admission::note_admission(&mut tx, run.project_id).await?;
    tx.enqueue(StartRunner {
        run_id: run.run_id,
        turn: run.turn,
        fence: run.fence,
    })
    .await?;
    tx.commit().await?;
    let queued = run.state_since.duration_since(run.queued_at);
    metrics::histogram!("codex_run_queue_seconds").record(queued.as_secs_f64().max(0.0));
    Ok(Some(run.run_id))
}
