//! The SQL of the one row of the platform.

use crate::error::Result;
use crate::postgres::{Moment, Tx};
use crate::project::Platform;

pub(in crate::project) async fn platform(tx: &mut Tx) -> Result<Platform> {
    let row = sqlx::query!("SELECT max_live_runs, paused_at FROM platform")
        .fetch_one(&mut **tx)
        .await?;
    Ok(Platform {
        max_live_runs: row.max_live_runs.into(),
        paused_at: row.paused_at.map(Moment::to_jiff),
    })
}

pub(in crate::project) async fn set_max_live_runs(tx: &mut Tx, value: i64) -> Result<()> {
    sqlx::query!("UPDATE platform SET max_live_runs = $1::bigint::integer", value)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(in crate::project) async fn set_platform_paused(tx: &mut Tx, paused: bool) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE platform SET paused_at = CASE WHEN $1 THEN coalesce(paused_at, $2) END",
        paused,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
