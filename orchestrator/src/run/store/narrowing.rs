//! What the repository's own file takes away from a run's agent.

use crate::agent::Narrowing;
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::postgres::{Tx, json};

/// What was taken away; none before the run's first start.
pub(in crate::run) async fn find(tx: &mut Tx, run_id: RunId) -> Result<Option<Narrowing>> {
    let kept = sqlx::query_scalar!("SELECT narrowing FROM runs WHERE run_id = $1", run_id as RunId)
        .fetch_optional(&mut **tx)
        .await?;
    let kept = kept.flatten();
    kept.map(|kept| serde_json::from_value(kept).map_err(Error::internal))
        .transpose()
}

/// Keeps it, and lowers the run's active time and money to what it allows.
pub(in crate::run) async fn set(tx: &mut Tx, run_id: RunId, narrowing: &Narrowing) -> Result<()> {
    sqlx::query!(
        "UPDATE runs SET narrowing = $2, active_seconds_limit = least(active_seconds_limit, $3),
                         cost_limit_micro_usd = least(cost_limit_micro_usd, $4) WHERE run_id = $1",
        run_id as RunId,
        json(narrowing)?,
        narrowing.active_seconds,
        narrowing.cost_micro_usd,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
