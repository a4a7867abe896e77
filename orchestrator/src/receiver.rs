//! Which processes can hear runners, and since when: a silent runner is only at fault while somebody was there to hear.

use jiff::{Timestamp, ToSpan};
use jiff_sqlx::ToSqlx;

use crate::error::Result;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;

/// How often a receiver says that it is there.
pub const BEAT_EVERY: std::time::Duration = std::time::Duration::from_secs(5);
/// A receiver that said nothing for this long is gone.
const GONE_AFTER_SECONDS: i64 = 15;

/// Says that this process receives. A receiver that was silent too long begins anew.
pub async fn beat(orchestrator: &Orchestrator, receiver: &str) -> Result<()> {
    let mut tx = orchestrator.begin("receiver.beat").await?;
    let now = tx.moment();
    let gone = (tx.now() - GONE_AFTER_SECONDS.seconds()).to_sqlx();
    sqlx::query!(
        "INSERT INTO receivers AS r (receiver, started_at, seen_at) VALUES ($1, $2, $2)
         ON CONFLICT (receiver) DO UPDATE SET seen_at = $2,
             started_at = CASE WHEN r.seen_at < $3 THEN $2 ELSE r.started_at END",
        receiver,
        now,
        gone,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "DELETE FROM receivers WHERE seen_at < $1::timestamptz - interval '1 hour'",
        now
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Since when somebody has been there without a break, or none if nobody is there now.
pub(crate) async fn hearing_since(tx: &mut Tx) -> Result<Option<Timestamp>> {
    let gone = (tx.now() - GONE_AFTER_SECONDS.seconds()).to_sqlx();
    let since = sqlx::query_scalar!("SELECT min(started_at) FROM receivers WHERE seen_at >= $1", gone)
        .fetch_one(&mut **tx)
        .await?;
    Ok(since.map(jiff_sqlx::Timestamp::to_jiff))
}
