//! Slots that drain: freed on proof, quarantined without.

use orchestrator::error::Result;
use orchestrator::ports::cluster::RunnerKey;
use orchestrator::slot;

use crate::Hands;

/// Slots looked at in one round.
const LIMIT: i64 = 200;

pub(super) async fn prove(hands: &Hands) -> Result<()> {
    slot::end_holds(&hands.orchestrator).await?;
    for draining in slot::draining(&hands.orchestrator, LIMIT).await? {
        let lease = draining.lease;
        let key = RunnerKey {
            project: draining.project,
            run_id: lease.run_id,
            turn: lease.turn,
            fence: lease.fence,
        };
        let why = match hands.prove_gone(&key, lease).await {
            Ok(true) => continue,
            Ok(false) => "its pod is still there, though its removal was asked for".to_owned(),
            Err(error) => error.to_string(),
        };
        if !draining.quarantined {
            slot::proof_missing(&hands.orchestrator, draining.slot_id, lease, &why).await?;
        }
    }
    Ok(())
}
