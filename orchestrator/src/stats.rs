//! How many of what there are now, for metrics.

use crate::error::Result;
use crate::orchestrator::Orchestrator;

/// A count under a state's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub state: String,
    pub count: i64,
}

/// What the platform holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Runs that are not over.
    pub runs: Vec<Counted>,
    pub slots: Vec<Counted>,
    /// Effects that are not over.
    pub effects: Vec<Counted>,
    pub open_waits: i64,
    pub unprocessed_deliveries: i64,
    /// Entries of the audit that wait for their seal.
    pub unsealed_audit_entries: i64,
    /// Seconds the longest queued run has waited.
    pub longest_queued_seconds: i64,
}

/// Counts what there is now.
pub async fn read(orchestrator: &Orchestrator) -> Result<Stats> {
    let mut tx = orchestrator.look("stats.read").await?;
    let runs = sqlx::query_as!(
        Counted,
        r#"SELECT state, count(*) AS "count!" FROM runs
           WHERE state NOT IN ('succeeded', 'failed', 'timed_out', 'cancelled') GROUP BY state"#
    )
    .fetch_all(&mut *tx)
    .await?;
    let slots = sqlx::query_as!(
        Counted,
        r#"SELECT state, count(*) AS "count!" FROM slots GROUP BY state"#
    )
    .fetch_all(&mut *tx)
    .await?;
    let effects = sqlx::query_as!(
        Counted,
        r#"SELECT state, count(*) AS "count!" FROM effects
           WHERE state IN ('ready', 'applying') GROUP BY state"#
    )
    .fetch_all(&mut *tx)
    .await?;
    let now = tx.moment();
    let rest = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM waits WHERE state = 'open') AS "open_waits!",
               (SELECT count(*) FROM deliveries WHERE processed_at IS NULL) AS "unprocessed!",
               (SELECT count(*) FROM audit_unsealed) AS "unsealed!",
               (SELECT coalesce(extract(epoch FROM $1::timestamptz - min(queued_at)), 0)::bigint
                FROM runs WHERE state = 'queued') AS "longest_queued_seconds!""#,
        now,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(Stats {
        runs,
        slots,
        effects,
        open_waits: rest.open_waits,
        unprocessed_deliveries: rest.unprocessed,
        unsealed_audit_entries: rest.unsealed,
        longest_queued_seconds: rest.longest_queued_seconds,
    })
}
