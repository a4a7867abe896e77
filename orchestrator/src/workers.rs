//! Which workers there are: each says every some seconds that it is there.

use jiff::{SignedDuration, Timestamp};

use crate::actor::Actor;
use crate::error::Result;
use crate::orchestrator::Orchestrator;
use crate::postgres::Moment;
use crate::project::access::{self, Operation};

/// A worker that said nothing for this long is not there.
const PRESENT_WITHIN: SignedDuration = SignedDuration::from_secs(30);
/// Workers shown at once.
const MAX_WORKERS: i64 = 200;

/// One worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    pub worker: String,
    pub version: String,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
    pub is_present: bool,
}

/// Says that this worker is there, and forgets those that were not for a day.
pub async fn beat(orchestrator: &Orchestrator, worker: &str, version: &str) -> Result<()> {
    let mut tx = orchestrator.begin("workers.beat").await?;
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO workers AS w (worker, version, started_at, seen_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (worker) DO UPDATE SET seen_at = $3, version = $2,
             started_at = CASE WHEN w.seen_at < $3::timestamptz - interval '1 minute' THEN $3 ELSE w.started_at END",
        worker,
        version,
        now,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "DELETE FROM workers WHERE seen_at < $1::timestamptz - interval '1 day'",
        now
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// The workers of the last day, the newest sign of life first.
///
/// # Errors
///
/// `NotFound` for who may not see them.
pub async fn list(orchestrator: &Orchestrator, actor: &Actor) -> Result<Vec<Worker>> {
    let mut tx = orchestrator.look("workers.list").await?;
    access::require_platform(&mut tx, actor, Operation::WorkerRead, "worker", "list").await?;
    let present_since = tx.now() - PRESENT_WITHIN;
    let rows = sqlx::query!(
        "SELECT worker, version, started_at, seen_at FROM workers ORDER BY seen_at DESC, worker LIMIT $1",
        MAX_WORKERS,
    )
    .fetch_all(&mut *tx)
    .await?;
    let worker = |worker, version, started_at: Moment, seen_at: Moment| Worker {
        worker,
        version,
        started_at: started_at.to_jiff(),
        seen_at: seen_at.to_jiff(),
        is_present: seen_at.to_jiff() >= present_since,
    };
    Ok(rows
        .into_iter()
        .map(|row| worker(row.worker, row.version, row.started_at, row.seen_at))
        .collect())
}
