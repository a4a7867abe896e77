//! How the rows of a purged project go: some time later, in batches, once nothing of it is left in the cluster.

use jiff::SignedDuration;

use crate::error::Result;
use crate::id::ProjectId;
use crate::orchestrator::Orchestrator;
use crate::postgres::{SWEEP_BATCHES, SWEEP_ROWS, Tx};
use crate::project::store;
use crate::{
    agent, approval, credential, delivery, effect, identity, knowledge, repository, run, slot, trigger,
    work_item,
};

/// From a purge to the deletion of rows: what its last runs wanted to be written outward is written by then.
const ERASE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Deletes rows of purged projects, in bounded batches; answers how many. A project with a run that is not over, or with a
/// slot whose pod is not proven gone, waits. The project's own row and the audit stay.
pub async fn erase_due(orchestrator: &Orchestrator) -> Result<u64> {
    let mut all = 0;
    for _ in 0..SWEEP_BATCHES {
        let mut tx = orchestrator.begin("project.erase").await?;
        let purged_before = tx.now() - ERASE_AFTER;
        let Some(project_id) = store::next_to_erase(&mut tx, purged_before).await? else {
            break;
        };
        let gone = erase_some(&mut tx, project_id, SWEEP_ROWS).await?;
        if gone == 0 {
            store::set_erased(&mut tx, project_id).await?;
        }
        tx.commit().await?;
        all += gone;
    }
    Ok(all)
}

/// A batch of the first rows that nothing else names: what belongs to runs, then what started them, then they themselves, then
/// what they worked with.
async fn erase_some(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    let of_runs = approval::erase(tx, project_id, limit).await?
        + effect::erase(tx, project_id, limit).await?
        + credential::erase(tx, project_id, limit).await?
        + run::erase_parts(tx, project_id, limit).await?
        + run::erase_causes(tx, project_id, limit).await?;
    if of_runs > 0 {
        return Ok(of_runs);
    }
    let heard = delivery::erase(tx, project_id, limit).await?;
    if heard > 0 {
        return Ok(heard);
    }
    let runs = run::erase(tx, project_id, limit).await?;
    if runs > 0 {
        return Ok(runs);
    }
    let known = knowledge::erase(tx, project_id).await?;
    if known > 0 {
        return Ok(known);
    }
    Ok(slot::erase(tx, project_id, limit).await?
        + trigger::erase(tx, project_id, limit).await?
        + agent::erase(tx, project_id, limit).await?
        + work_item::erase(tx, project_id, limit).await?
        + repository::erase(tx, project_id, limit).await?
        + credential::secret::erase(tx, project_id, limit).await?
        + identity::rule::erase(tx, project_id, limit).await?)
}
