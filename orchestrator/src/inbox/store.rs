//! The SQL of what waits for people. It reads what other contexts keep, and writes nothing.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use super::domain::{Item, Kind, MAX_ITEMS, Place};
use crate::error::Result;
use crate::id::{DeliveryId, PersonId, ProjectId, RepositoryId, RunId};
use crate::postgres::{Moment, Tx};

/// Of each kind one more than is shown, so that it is known whether there are more.
const FETCHED: i64 = MAX_ITEMS as i64 + 1;

struct Row {
    project_id: ProjectId,
    project: String,
    repository_id: Option<RepositoryId>,
    repository: Option<String>,
    number: Option<i64>,
    title: Option<String>,
    run_id: Option<RunId>,
    delivery_id: Option<DeliveryId>,
    reason: Option<String>,
    sub_reason: Option<String>,
    at: Moment,
}

impl Row {
    fn item(self, kind: Kind) -> Item {
        Item {
            kind,
            project_id: self.project_id,
            project: self.project,
            place: Place {
                repository_id: self.repository_id,
                repository: self.repository,
                number: self.number,
                title: self.title,
                run_id: self.run_id,
                delivery_id: self.delivery_id,
            },
            reason: self.reason,
            sub_reason: self.sub_reason,
            at: self.at.to_jiff(),
        }
    }
}

/// Runs of a person that failed, and after which nobody began another of the same issue, nor a retry.
pub(super) async fn failed_runs(
    tx: &mut Tx,
    person_id: PersonId,
    projects: &[ProjectId],
    since: Timestamp,
) -> Result<Vec<Item>> {
    let projects: Vec<uuid::Uuid> = projects.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.project_id, p.slug AS project, r.repository_id AS "repository_id?",
               b.owner || '/' || b.name AS repository, r.number, r.title, r.run_id AS "run_id?: RunId",
               NULL::uuid AS "delivery_id: DeliveryId", coalesce(r.reason, r.state) AS reason, r.sub_reason,
               r.finished_at AS "at!"
           FROM runs r JOIN projects p USING (project_id) JOIN repositories b ON b.repository_id = r.repository_id
           WHERE r.started_by = $1 AND r.state IN ('failed', 'timed_out') AND r.finished_at >= $3
             AND r.project_id = ANY ($2)
             AND NOT EXISTS (SELECT FROM runs again WHERE again.retry_of = r.run_id)
             AND NOT EXISTS (SELECT FROM runs newer WHERE newer.repository_id = r.repository_id
                                 AND newer.number = r.number AND newer.run_id > r.run_id)
           ORDER BY r.finished_at DESC LIMIT $4"#,
        person_id as PersonId,
        &projects,
        since.to_sqlx() as _,
        FETCHED,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.item(Kind::FailedRun)).collect())
}

/// The newest thing that an account asked for on each issue and that could not be, unless something came of the issue since.
pub(super) async fn conflicts(
    tx: &mut Tx,
    github_user_id: i64,
    projects: &[ProjectId],
    since: Timestamp,
) -> Result<Vec<Item>> {
    let projects: Vec<uuid::Uuid> = projects.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT d.project_id AS "project_id!", p.slug AS project, d.repository_id,
               b.owner || '/' || b.name AS repository, d.number, w.title AS "title?", NULL::uuid AS "run_id: RunId",
               d.delivery_id AS "delivery_id?: DeliveryId", d.reason, NULL::text AS sub_reason, d.received_at AS at
           FROM deliveries d JOIN projects p USING (project_id)
           JOIN repositories b ON b.repository_id = d.repository_id
           LEFT JOIN work_items w ON w.repository_id = d.repository_id AND w.number = d.number
           WHERE d.sender_github_user_id = $1 AND d.verdict = 'conflict' AND d.received_at >= $3
             AND d.project_id = ANY ($2)
             AND NOT EXISTS (SELECT FROM deliveries later WHERE later.github_repository_id = d.github_repository_id
                                 AND later.number = d.number AND later.delivery_id > d.delivery_id
                                 AND later.verdict IN ('conflict', 'run_created', 'run_joined', 'run_ended'))
             AND NOT EXISTS (SELECT FROM runs r WHERE r.repository_id = d.repository_id AND r.number = d.number
                                 AND r.created_at > d.received_at)
           ORDER BY d.received_at DESC LIMIT $4"#,
        github_user_id,
        &projects,
        since.to_sqlx() as _,
        FETCHED,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.item(Kind::Conflict)).collect())
}

/// Repositories of projects that GitHub does not let the platform into.
pub(super) async fn suspended(tx: &mut Tx, projects: &[ProjectId]) -> Result<Vec<Item>> {
    let projects: Vec<uuid::Uuid> = projects.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT b.project_id, p.slug AS project, b.repository_id AS "repository_id?",
               b.owner || '/' || b.name AS repository, NULL::bigint AS number, NULL::text AS title,
               NULL::uuid AS "run_id: RunId", NULL::uuid AS "delivery_id: DeliveryId", b.suspension AS reason,
               NULL::text AS sub_reason, coalesce(b.access_as_of, b.created_at) AS "at!"
           FROM repositories b JOIN projects p USING (project_id)
           WHERE b.project_id = ANY ($1) AND b.suspension IS NOT NULL AND b.detached_at IS NULL
           ORDER BY b.access_as_of DESC NULLS LAST LIMIT $2"#,
        &projects,
        FETCHED,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| row.item(Kind::SuspendedRepository))
        .collect())
}

/// The last time a model's key was refused in a project, and what happened since.
pub(super) struct RefusedKey {
    pub(super) project_id: ProjectId,
    pub(super) project: String,
    pub(super) run_id: RunId,
    pub(super) sub_reason: Option<String>,
    pub(super) refused_at: Timestamp,
    pub(super) succeeded_at: Option<Timestamp>,
    pub(super) set_at: Option<Timestamp>,
}

/// Of each project the newest run whose model's key was refused.
pub(super) async fn refused_keys(
    tx: &mut Tx,
    projects: &[ProjectId],
    since: Timestamp,
) -> Result<Vec<RefusedKey>> {
    let projects: Vec<uuid::Uuid> = projects.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT p.project_id, p.slug, r.run_id AS "run_id: RunId", r.sub_reason, r.finished_at AS "refused_at!",
               (SELECT max(s.finished_at) FROM runs s
                WHERE s.project_id = p.project_id AND s.state = 'succeeded') AS succeeded_at,
               (SELECT max(k.set_at) FROM secrets k WHERE k.kind = 'model_key') AS set_at
           FROM projects p CROSS JOIN LATERAL (
               SELECT run_id, sub_reason, finished_at FROM runs
               WHERE runs.project_id = p.project_id AND state = 'failed' AND reason = 'model_auth' AND finished_at >= $2
               ORDER BY finished_at DESC LIMIT 1) r
           WHERE p.project_id = ANY ($1)"#,
        &projects,
        since.to_sqlx() as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    let refused = rows.into_iter().map(|row| RefusedKey {
        project_id: row.project_id,
        project: row.slug,
        run_id: row.run_id,
        sub_reason: row.sub_reason,
        refused_at: row.refused_at.to_jiff(),
        succeeded_at: row.succeeded_at.map(Moment::to_jiff),
        set_at: row.set_at.map(Moment::to_jiff),
    });
    Ok(refused.collect())
}
