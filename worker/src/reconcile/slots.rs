//! Slots that drain, or are held for a parked run: proven, freed on proof, quarantined without.

use futures_util::{StreamExt, stream};
use orchestrator::error::Result;
use orchestrator::ports::cluster::RunnerKey;
use orchestrator::slot::{self, Draining};

use crate::Hands;

/// Slots looked at in one round.
const LIMIT: i64 = 200;
/// A cluster that is slow to answer for one holds up no other.
const AT_ONCE: usize = 8;

pub(super) async fn prove(hands: &Hands) -> Result<()> {
    slot::end_holds(&hands.orchestrator).await?;
    let unproven = slot::unproven(&hands.orchestrator, LIMIT).await?;
    stream::iter(unproven)
        .for_each_concurrent(AT_ONCE, |draining| async move {
            if let Err(error) = prove_one(hands, &draining).await {
                tracing::warn!(slot_id = %draining.slot_id, %error, "a slot was not looked at");
            }
        })
        .await;
    Ok(())
}

async fn prove_one(hands: &Hands, draining: &Draining) -> Result<()> {
    let lease = draining.lease;
    let key = RunnerKey {
        project: draining.project.clone(),
        run_id: lease.run_id,
        turn: lease.turn,
        fence: lease.fence,
    };
    let why = match hands.prove_gone(&key, lease).await {
        Ok(true) => return Ok(()),
        Ok(false) => "its pod is still there, though its removal was asked for".to_owned(),
        Err(error) => error.to_string(),
    };
    slot::proof_missing(&hands.orchestrator, draining.slot_id, lease, &why).await
}
