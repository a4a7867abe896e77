//! The SQL of admission: who is next, and what stands in the way.

use crate::error::Result;
use crate::id::{ProjectId, RunId, SlotId};
use crate::postgres::Tx;

/// The next run to admit, and the slot it may have.
pub(in crate::run) struct Candidate {
    pub(in crate::run) run_id: RunId,
    pub(in crate::run) slot_id: SlotId,
}

/// Puts admitters in order: one decides at a time, over all replicas. Answers how many more runs the platform takes.
pub(in crate::run) async fn lock_platform(tx: &mut Tx) -> Result<i64> {
    let platform =
        sqlx::query!("SELECT max_live_runs, paused_at IS NOT NULL AS \"paused!\" FROM platform FOR UPDATE")
            .fetch_one(&mut **tx)
            .await?;
    if platform.paused {
        return Ok(0);
    }
    let live = sqlx::query_scalar!(
        r#"SELECT count(*) AS "live!" FROM runs
           WHERE state IN ('admitted', 'starting', 'running', 'finishing', 'cancelling')"#
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(i64::from(platform.max_live_runs) - live)
}

/// Picks fairly: of the projects that can take a run, the one whose last admission is longest ago; in it resumes first,
/// then the oldest. A project at its limit or out of budget stands in nobody's way, nor does a run without a slot. A slot
/// that is not free is some run's: others' count against the project's limit of slots.
pub(in crate::run) async fn next(tx: &mut Tx) -> Result<Option<Candidate>> {
    let now = tx.moment();
    let candidate = sqlx::query_as!(
        Candidate,
        r#"SELECT c.run_id, c.slot_id
           FROM projects p
           JOIN LATERAL (
               SELECT r.run_id, r.queued_at, s.slot_id FROM runs r
               JOIN LATERAL (
                   SELECT slot_id FROM slots
                   WHERE project_id = p.project_id
                     AND (state = 'free' OR (state = 'held' AND slots.run_id = r.run_id))
                     AND (p.slot_limit IS NULL OR p.slot_limit > (SELECT count(*) FROM slots o
                         WHERE o.project_id = p.project_id AND o.run_id <> r.run_id))
                   ORDER BY (state = 'free'), number LIMIT 1
               ) s ON true
               WHERE r.project_id = p.project_id AND r.state = 'queued'
                 AND (r.not_before IS NULL OR r.not_before <= $1)
                 AND NOT EXISTS (SELECT FROM run_turns t WHERE t.run_id = r.run_id AND t.pod_gone_at IS NULL)
               ORDER BY (r.turn = 0), r.queued_at, r.run_id LIMIT 1
           ) c ON true
           WHERE p.paused_at IS NULL AND p.delete_after IS NULL
             AND p.max_live_runs > (SELECT count(*) FROM runs l WHERE l.project_id = p.project_id
                     AND l.state IN ('admitted', 'starting', 'running', 'finishing', 'cancelling'))
             AND (p.budget_micro_usd IS NULL OR p.budget_micro_usd > (
                     SELECT coalesce(sum(u.cost_micro_usd), 0) FROM run_usage u JOIN runs b ON b.run_id = u.run_id
                     WHERE b.project_id = p.project_id
                       AND u.reported_at >= date_trunc('month', $1::timestamptz, 'UTC')))
           ORDER BY p.last_admitted_at NULLS FIRST, c.queued_at, p.project_id
           LIMIT 1"#,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(candidate)
}

/// Puts the project behind all others. A transaction's moment is not enough: it began before it got the platform's lock.
pub(in crate::run) async fn note_admission(tx: &mut Tx, project_id: ProjectId) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE projects SET last_admitted_at = greatest($2::timestamptz,
             (SELECT max(last_admitted_at) + interval '1 microsecond' FROM projects))
         WHERE project_id = $1",
        project_id as ProjectId,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What a queued run's project and platform look like, for the explanation.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of one another"
)]
pub(in crate::run) struct Standing {
    pub(in crate::run) platform_paused: bool,
    pub(in crate::run) platform_live: i64,
    pub(in crate::run) platform_limit: i32,
    pub(in crate::run) project_paused: bool,
    pub(in crate::run) project_going: bool,
    pub(in crate::run) project_live: i64,
    pub(in crate::run) project_limit: i32,
    pub(in crate::run) budget_micro_usd: Option<i64>,
    pub(in crate::run) spent_micro_usd: i64,
    pub(in crate::run) slots: i64,
    pub(in crate::run) slots_free: i64,
    pub(in crate::run) slots_quarantined: i64,
    pub(in crate::run) slot_limit: Option<i32>,
    /// By other runs.
    pub(in crate::run) slots_taken: i64,
    pub(in crate::run) ahead: i64,
    pub(in crate::run) pod_of_last_turn_left: bool,
}

pub(in crate::run) async fn standing(tx: &mut Tx, run_id: RunId) -> Result<Standing> {
    let now = tx.moment();
    let standing = sqlx::query_as!(
        Standing,
        r#"SELECT f.paused_at IS NOT NULL AS "platform_paused!",
               (SELECT count(*) FROM runs WHERE state IN ('admitted', 'starting', 'running', 'finishing', 'cancelling'))
                   AS "platform_live!",
               f.max_live_runs AS platform_limit,
               p.paused_at IS NOT NULL AS "project_paused!",
               p.delete_after IS NOT NULL AS "project_going!",
               (SELECT count(*) FROM runs l WHERE l.project_id = p.project_id
                   AND l.state IN ('admitted', 'starting', 'running', 'finishing', 'cancelling')) AS "project_live!",
               p.max_live_runs AS project_limit,
               p.budget_micro_usd,
               (SELECT coalesce(sum(u.cost_micro_usd), 0)::bigint FROM run_usage u JOIN runs b ON b.run_id = u.run_id
                   WHERE b.project_id = p.project_id
                     AND u.reported_at >= date_trunc('month', $2::timestamptz, 'UTC')) AS "spent_micro_usd!",
               (SELECT count(*) FROM slots s WHERE s.project_id = p.project_id) AS "slots!",
               (SELECT count(*) FROM slots s WHERE s.project_id = p.project_id
                   AND (s.state = 'free' OR (s.state = 'held' AND s.run_id = r.run_id))) AS "slots_free!",
               (SELECT count(*) FROM slots s WHERE s.project_id = p.project_id AND s.state = 'quarantined')
                   AS "slots_quarantined!",
               p.slot_limit,
               (SELECT count(*) FROM slots s WHERE s.project_id = p.project_id AND s.run_id <> r.run_id)
                   AS "slots_taken!",
               (SELECT count(*) FROM runs q WHERE q.project_id = p.project_id AND q.state = 'queued'
                   AND ((q.turn = 0), q.queued_at, q.run_id) < ((r.turn = 0), r.queued_at, r.run_id)) AS "ahead!",
               EXISTS (SELECT FROM run_turns t WHERE t.run_id = r.run_id AND t.pod_gone_at IS NULL)
                   AS "pod_of_last_turn_left!"
           FROM runs r JOIN projects p ON p.project_id = r.project_id CROSS JOIN platform f
           WHERE r.run_id = $1"#,
        run_id as RunId,
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(standing)
}
