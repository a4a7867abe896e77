//! What keeps the inbox whole: lost jobs, missed deliveries, old bodies.

use jiff::{Timestamp, ToSpan};

use super::jobs::ProcessDelivery;
use super::store;
use crate::error::Result;
use crate::orchestrator::Orchestrator;

/// Bodies are kept this long.
const KEEP_BODY_HOURS: i64 = 30 * 24;
/// The code host keeps its list of deliveries this long.
const HOST_KEEPS_HOURS: i64 = 3 * 24;
const SWEEP_EVERY_MINUTES: i64 = 10;
/// A sweep that takes longer than this belongs to a dead process.
const SWEEP_LEASE_MINUTES: i64 = 5;
/// Deliveries arrive late: each sweep looks this far behind the last one.
const OVERLAP_MINUTES: i64 = 60;
/// A delivery this old whose job is not done may have lost it.
const LOST_AFTER_SECONDS: i64 = 30;

/// A search for missed deliveries that this process may do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Look at the code host's deliveries since then.
    pub since: Timestamp,
    /// When its first part began: what the next search goes back to.
    pub begun_at: Timestamp,
    /// Where an earlier part of this search stopped, in the code host's words.
    pub cursor: Option<String>,
}

/// Takes the search for missed deliveries, if it is due or a part of it is left, and nobody else has it.
pub async fn begin_sweep(orchestrator: &Orchestrator) -> Result<Option<Sweep>> {
    let mut tx = orchestrator.begin("delivery.begin_sweep").await?;
    let now = tx.now();
    let Some(leased) = store::lease_sweep(
        &mut tx,
        now - SWEEP_EVERY_MINUTES.minutes(),
        now + SWEEP_LEASE_MINUTES.minutes(),
    )
    .await?
    else {
        return Ok(None);
    };
    tx.commit().await?;
    let oldest = now - HOST_KEEPS_HOURS.hours();
    let since = leased.swept_at.map_or(oldest, |swept_at| {
        oldest.max(swept_at - OVERLAP_MINUTES.minutes())
    });
    Ok(Some(Sweep {
        since,
        begun_at: leased.begun_at,
        cursor: leased.cursor,
    }))
}

/// Gives a search back that is not done: the next part goes on at `cursor`, whoever does it.
pub async fn pause_sweep(orchestrator: &Orchestrator, cursor: Option<&str>) -> Result<()> {
    let mut tx = orchestrator.begin("delivery.pause_sweep").await?;
    store::pause_sweep(&mut tx, cursor).await?;
    tx.commit().await
}

/// Ends a search that looked at everything.
pub async fn end_sweep(orchestrator: &Orchestrator, sweep: &Sweep) -> Result<()> {
    let mut tx = orchestrator.begin("delivery.end_sweep").await?;
    store::end_sweep(&mut tx, sweep.begun_at).await?;
    tx.commit().await
}

/// Those of `guids` that never arrived.
pub async fn missing(orchestrator: &Orchestrator, guids: &[String]) -> Result<Vec<String>> {
    let mut tx = orchestrator.begin("delivery.missing").await?;
    store::missing(&mut tx, guids).await
}

/// Asks again for deliveries that wait without a job; answers how many did.
pub async fn requeue_unprocessed(orchestrator: &Orchestrator) -> Result<usize> {
    let mut tx = orchestrator.begin("delivery.requeue_unprocessed").await?;
    let before = tx.now() - LOST_AFTER_SECONDS.seconds();
    let waiting = store::without_job(&mut tx, before).await?;
    drop(tx);
    for (delivery_id, traceparent) in &waiting {
        let delivery_id = *delivery_id;
        // The queue keeps one live job per delivery, so one that got its job meanwhile gets no second. One transaction
        // each: asking locks the live job's row, and many at once cross those of the queue itself.
        let mut tx = orchestrator.begin("delivery.requeue_unprocessed").await?;
        tx.follow(traceparent);
        tx.enqueue(ProcessDelivery { delivery_id }).await?;
        tx.commit().await?;
    }
    Ok(waiting.len())
}

/// Removes the bodies of all old deliveries, some in each transaction; answers how many.
pub async fn sweep_bodies(orchestrator: &Orchestrator) -> Result<u64> {
    let mut all = 0;
    loop {
        let mut tx = orchestrator.begin("delivery.sweep_bodies").await?;
        let before = tx.now() - KEEP_BODY_HOURS.hours();
        let removed = store::remove_bodies(&mut tx, before).await?;
        tx.commit().await?;
        if removed == 0 {
            return Ok(all);
        }
        all += removed;
    }
}
