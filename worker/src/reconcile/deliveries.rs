//! Deliveries that GitHub sent and we never got are asked for again: GitHub itself does not repeat them.

use std::collections::BTreeMap;

use orchestrator::delivery;
use orchestrator::error::{Error, Result};
use orchestrator::ports::CodeHostError;

use crate::Hands;
use crate::outward::outward;

/// Deliveries looked at in one sweep.
const LIMIT: usize = 1000;
/// Deliveries asked for again in one sweep: the rest comes with the next.
const REDELIVERIES: usize = 50;

pub(super) async fn fetch_missed(hands: &Hands) -> Result<()> {
    let Some(sweep) = delivery::begin_sweep(&hands.orchestrator).await? else {
        return Ok(());
    };
    let unavailable = |error: CodeHostError| Error::Unavailable(error.to_string());
    let listed = hands.code_host.deliveries(sweep.since, LIMIT);
    let listed = outward("code_host.deliveries", listed)
        .await
        .map_err(unavailable)?;
    // A GUID may have several attempts, the newest first; one that arrived is enough.
    let mut newest = BTreeMap::new();
    for found in &listed {
        newest.entry(found.guid.clone()).or_insert(found.host_delivery_id);
    }
    let guids: Vec<String> = newest.keys().cloned().collect();
    let missing = delivery::missing(&hands.orchestrator, &guids).await?;
    for guid in missing.iter().take(REDELIVERIES) {
        let Some(host_delivery_id) = newest.get(guid) else {
            continue;
        };
        tracing::info!(guid, "asking for a missed delivery again");
        outward(
            "code_host.redeliver",
            hands.code_host.redeliver(*host_delivery_id),
        )
        .await
        .map_err(unavailable)?;
    }
    if missing.len() <= REDELIVERIES {
        delivery::end_sweep(&hands.orchestrator, sweep).await?;
    }
    Ok(())
}
