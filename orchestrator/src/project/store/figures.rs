//! The SQL of a project's figures.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use crate::error::Result;
use crate::id::ProjectId;
use crate::postgres::Tx;
use crate::project::Point;

/// What can be measured of runs.
pub(in crate::project) struct Measured {
    pub(in crate::project) seconds_to_pull_request: Option<f64>,
    pub(in crate::project) queue_seconds: Option<f64>,
    pub(in crate::project) cost_micro_usd: i64,
}

pub(in crate::project) async fn runs_by_state(
    tx: &mut Tx,
    project_id: ProjectId,
    since: Timestamp,
) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"SELECT state, count(*) AS "count!" FROM runs WHERE project_id = $1 AND created_at >= $2
           GROUP BY state ORDER BY 2 DESC, state"#,
        project_id as _,
        since.to_sqlx(),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.state, row.count)).collect())
}

pub(in crate::project) async fn measured(
    tx: &mut Tx,
    project_id: ProjectId,
    since: Timestamp,
) -> Result<Measured> {
    let measured = sqlx::query_as!(
        Measured,
        r#"SELECT
               (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - created_at)::float8)
                FROM runs WHERE project_id = $1 AND created_at >= $2 AND state = 'succeeded'
                  AND pull_request_number IS NOT NULL) AS seconds_to_pull_request,
               (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.admitted_at - r.created_at)::float8)
                FROM runs r JOIN run_turns t ON t.run_id = r.run_id AND t.turn = 1
                WHERE r.project_id = $1 AND r.created_at >= $2) AS queue_seconds,
               (SELECT coalesce(sum(u.cost_micro_usd), 0)::bigint
                FROM runs r JOIN run_usage u ON u.run_id = r.run_id
                WHERE r.project_id = $1 AND r.created_at >= $2) AS "cost_micro_usd!""#,
        project_id as _,
        since.to_sqlx(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(measured)
}

/// The runs asked for since then by their bucket, counted from the first one.
pub(in crate::project) async fn points(
    tx: &mut Tx,
    project_id: ProjectId,
    since: Timestamp,
    bucket_seconds: i64,
) -> Result<Vec<(i64, Point)>> {
    let rows = sqlx::query!(
        r#"SELECT floor(extract(epoch FROM created_at - $2::timestamptz) / $3::bigint)::bigint AS "position!", count(*) AS "runs!",
               count(*) FILTER (WHERE state = 'succeeded') AS "succeeded!",
               count(*) FILTER (WHERE state IN ('failed', 'timed_out')) AS "failed!",
               count(*) FILTER (WHERE state = 'cancelled') AS "cancelled!",
               coalesce(sum(r.active_seconds), 0)::bigint AS "active_seconds!",
               percentile_cont(0.5) WITHIN GROUP (
                   ORDER BY extract(epoch FROM turns.first_admitted_at - created_at)::float8) AS queue_seconds,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - created_at)::float8)
                   FILTER (WHERE state = 'succeeded') AS seconds_to_end,
               coalesce(sum(usage.cost_micro_usd), 0)::bigint AS "cost_micro_usd!"
           FROM runs r
           CROSS JOIN LATERAL (SELECT min(t.admitted_at) AS first_admitted_at
                               FROM run_turns t WHERE t.run_id = r.run_id) turns
           CROSS JOIN LATERAL (SELECT sum(u.cost_micro_usd) AS cost_micro_usd
                               FROM run_usage u WHERE u.run_id = r.run_id) usage
           WHERE project_id = $1 AND created_at >= $2
           GROUP BY 1"#,
        project_id as _,
        since.to_sqlx(),
        bucket_seconds,
    )
    .fetch_all(&mut **tx)
    .await?;
    let points = rows.into_iter().map(|row| {
        let point = Point {
            begins_at: since,
            runs: row.runs,
            succeeded: row.succeeded,
            failed: row.failed,
            cancelled: row.cancelled,
            active_seconds: row.active_seconds,
            median_queue_seconds: row.queue_seconds,
            median_seconds_to_end: row.seconds_to_end,
            cost_micro_usd: row.cost_micro_usd,
        };
        (row.position, point)
    });
    Ok(points.collect())
}
