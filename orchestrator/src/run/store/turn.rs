//! The SQL of turns: when each began, and whether its pod is proven gone.

use crate::error::Result;
use crate::id::{RunId, SlotId};
use crate::postgres::{Moment, Tx};

pub(in crate::run) async fn insert(
    tx: &mut Tx,
    run_id: RunId,
    turn: i32,
    fence: i64,
    slot_id: SlotId,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO run_turns (run_id, turn, fence, slot_id, admitted_at) VALUES ($1, $2, $3, $4, $5)",
        run_id as RunId,
        turn,
        fence,
        slot_id as SlotId,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// When a run was first admitted: what is said since then, it has not read.
pub(in crate::run) async fn first_admitted(tx: &mut Tx, run_id: RunId) -> Result<Option<Moment>> {
    let at = sqlx::query_scalar!(
        "SELECT admitted_at FROM run_turns WHERE run_id = $1 AND turn = 1",
        run_id as RunId
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(at)
}

/// Writes that a turn is over, and how long it was active.
pub(in crate::run) async fn end(tx: &mut Tx, run_id: RunId, turn: i32, active_seconds: i64) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE run_turns SET ended_at = $3, active_seconds = $4
         WHERE run_id = $1 AND turn = $2 AND ended_at IS NULL",
        run_id as RunId,
        turn,
        now,
        active_seconds,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::run) async fn set_pod_gone(tx: &mut Tx, run_id: RunId, turn: i32) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE run_turns SET pod_gone_at = $3 WHERE run_id = $1 AND turn = $2 AND pod_gone_at IS NULL",
        run_id as RunId,
        turn,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Remembers the cluster's word that the turn's agent ran out of memory.
pub(in crate::run) async fn set_agent_oom(tx: &mut Tx, run_id: RunId, turn: i32) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE run_turns SET agent_oom_at = $3 WHERE run_id = $1 AND turn = $2 AND agent_oom_at IS NULL",
        run_id as RunId,
        turn,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::run) async fn agent_was_oom(tx: &mut Tx, run_id: RunId, turn: i32) -> Result<bool> {
    let was = sqlx::query_scalar!(
        r#"SELECT agent_oom_at IS NOT NULL AS "was!" FROM run_turns WHERE run_id = $1 AND turn = $2"#,
        run_id as RunId,
        turn,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(was.unwrap_or(false))
}

/// Whether every turn's pod is proven gone.
pub(in crate::run) async fn all_pods_gone(tx: &mut Tx, run_id: RunId) -> Result<bool> {
    let left = sqlx::query_scalar!(
        r#"SELECT count(*) AS "left!" FROM run_turns WHERE run_id = $1 AND pod_gone_at IS NULL"#,
        run_id as RunId,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(left == 0)
}
