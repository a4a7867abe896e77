//! The write lane of an installation: one write at a time over all replicas, one second apart; the code host's wish to
//! wait moves the whole lane.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;

use crate::error::Result;
use crate::postgres::Tx;

/// GitHub asks for one second between writes.
const BETWEEN_WRITES: SignedDuration = SignedDuration::from_secs(1);
/// A holder that says nothing for this long is dead: jobs end after 30 s.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(45);

/// What asking for the lane is answered.
pub(super) enum Lane {
    Held {
        fence: i64,
    },
    /// Somebody writes, or the host asked to wait.
    Busy {
        until: Timestamp,
    },
}

pub(super) async fn acquire(tx: &mut Tx, installation_id: i64, holder: &str) -> Result<Lane> {
    let now = tx.moment();
    let held_until = (tx.now() + HELD_FOR).to_sqlx();
    sqlx::query!(
        "INSERT INTO write_lanes (installation_id, not_before) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        installation_id,
        now,
    )
    .execute(&mut **tx)
    .await?;
    let lane = sqlx::query!(
        "SELECT not_before, held_until, fence FROM write_lanes WHERE installation_id = $1 FOR UPDATE",
        installation_id,
    )
    .fetch_one(&mut **tx)
    .await?;
    let free_at = lane.held_until.map_or(lane.not_before.to_jiff(), |held| {
        held.to_jiff().max(lane.not_before.to_jiff())
    });
    if free_at > tx.now() {
        // A holder is usually done long before its time is up.
        let soon = tx.now() + BETWEEN_WRITES;
        let until = if lane.not_before.to_jiff() > soon {
            lane.not_before.to_jiff()
        } else {
            soon
        };
        return Ok(Lane::Busy { until });
    }
    let fence = sqlx::query_scalar!(
        "UPDATE write_lanes SET holder = $2, held_until = $3, fence = fence + 1, reason = NULL
         WHERE installation_id = $1 RETURNING fence",
        installation_id,
        holder,
        held_until,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Lane::Held { fence })
}

/// Gives the lane back; the next write waits a second, or as long as the host asked. A holder whose time was up changes
/// nothing.
pub(super) async fn release(
    tx: &mut Tx,
    installation_id: i64,
    fence: i64,
    wait: Option<(SignedDuration, &str)>,
) -> Result<()> {
    let (pause, reason) = wait.map_or((BETWEEN_WRITES, None), |(pause, reason)| (pause, Some(reason)));
    let not_before = (tx.now() + pause).to_sqlx();
    sqlx::query!(
        "UPDATE write_lanes SET holder = NULL, held_until = NULL, not_before = $3, reason = $4
         WHERE installation_id = $1 AND fence = $2",
        installation_id,
        fence,
        not_before,
        reason,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Why the lane stands still, and until when, if the host asked for it.
pub(super) async fn pause_of(tx: &mut Tx, installation_id: i64) -> Result<Option<(Timestamp, String)>> {
    let now = tx.moment();
    let row = sqlx::query!(
        "SELECT not_before, reason FROM write_lanes
         WHERE installation_id = $1 AND not_before > $2 AND reason IS NOT NULL",
        installation_id,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.and_then(|row| Some((row.not_before.to_jiff(), row.reason?))))
}
