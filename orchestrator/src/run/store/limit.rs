//! The SQL of what a run may use, and what it used of it.

use crate::error::Result;
use crate::id::RunId;
use crate::postgres::Tx;

/// What was spent of what may be.
pub(in crate::run) struct Spending {
    /// Cost of the run so far.
    pub(in crate::run) run_micro_usd: i64,
    /// Input and output tokens of the run's current turn.
    pub(in crate::run) turn_tokens: i64,
    /// The project's budget of this month, and what its runs spent of it.
    pub(in crate::run) budget_micro_usd: Option<i64>,
    pub(in crate::run) project_micro_usd: i64,
}

pub(in crate::run) async fn spending(tx: &mut Tx, run_id: RunId) -> Result<Spending> {
    let now = tx.moment();
    let spending = sqlx::query_as!(
        Spending,
        r#"SELECT (SELECT coalesce(sum(u.cost_micro_usd), 0)::bigint FROM run_usage u WHERE u.run_id = r.run_id)
                   AS "run_micro_usd!",
               (SELECT coalesce(sum(u.input_tokens + u.output_tokens), 0)::bigint FROM run_usage u
                   WHERE u.run_id = r.run_id AND u.turn = r.turn) AS "turn_tokens!",
               p.budget_micro_usd,
               CASE WHEN p.budget_micro_usd IS NULL THEN 0 ELSE (
                   SELECT coalesce(sum(u.cost_micro_usd), 0)::bigint FROM run_usage u JOIN runs b ON b.run_id = u.run_id
                   WHERE b.project_id = p.project_id
                     AND u.reported_at >= date_trunc('month', $2::timestamptz, 'UTC')) END AS "project_micro_usd!"
           FROM runs r JOIN projects p ON p.project_id = r.project_id WHERE r.run_id = $1"#,
        run_id as RunId,
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(spending)
}

pub(in crate::run) async fn set_limits(
    tx: &mut Tx,
    run_id: RunId,
    active_seconds: i64,
    cost_micro_usd: Option<i64>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE runs SET active_seconds_limit = $2, cost_limit_micro_usd = $3 WHERE run_id = $1",
        run_id as RunId,
        active_seconds,
        cost_micro_usd,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
