//! How a run waits for people, and goes on.

use serde_json::json;

use super::{require_live_turn, runner, take};
use crate::actor::Actor;
use crate::approval::{self, Wait};
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::postgres::listen::Topic;
use crate::run::domain::{RunEvent, RunState};
use crate::run::store;

/// What became of the wish to wait.
#[derive(Clone, Debug)]
pub enum Parked {
    /// The turn is over: the pod goes, nothing is spent until the answer.
    Parked,
    /// Everything is answered already: the turn goes on.
    Answered(Vec<Wait>),
}

/// Ends the turn to wait for people. The run's row is locked first, as in [`resume`], so an answer and a park never
/// miss each other.
///
/// # Errors
///
/// `StaleTurn`, or `Precondition` if no snapshot is stored or nothing was ever asked.
pub async fn park(orchestrator: &Orchestrator, actor: &Actor) -> Result<Parked> {
    let caller = runner(actor)?;
    let mut tx = orchestrator.begin("run.park").await?;
    let mut run = require_live_turn(&mut tx, caller).await?;
    let waits = approval::of_turn(&mut tx, run.run_id, run.turn).await?;
    if waits.is_empty() {
        return Err(Error::Precondition(
            "nothing was asked in this turn; ask first, then park".into(),
        ));
    }
    if !waits.iter().any(Wait::is_open) {
        return Ok(Parked::Answered(waits));
    }
    if store::record::newest_snapshot(&mut tx, run.run_id)
        .await?
        .is_none()
    {
        return Err(Error::Precondition(
            "store a snapshot with run_snapshot_put before parking".into(),
        ));
    }
    take(&mut tx, &mut run, RunEvent::Parked, actor, json!({})).await?;
    tx.commit().await?;
    Ok(Parked::Parked)
}

/// Puts a waiting run back in the queue once nothing it waits for is open. The caller holds the run's lock.
pub(crate) async fn resume(tx: &mut Tx, actor: &Actor, run_id: RunId) -> Result<()> {
    let mut run = super::lock(tx, run_id).await?;
    if run.state != RunState::Waiting || approval::any_open(tx, run_id).await? {
        return Ok(());
    }
    take(tx, &mut run, RunEvent::Answered, actor, json!({})).await?;
    tx.notify(Topic::Poke, "admission").await
}
