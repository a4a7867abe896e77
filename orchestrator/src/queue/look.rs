//! The queue as operators look at it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::actor::Actor;
use crate::audit;
use crate::error::{Error, Result};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::{Moment, Tx};
use crate::project::access::{self, Operation};

/// A job without its errors: their texts are for logs only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSeen {
    pub job_id: i64,
    pub kind: String,
    pub queue: String,
    /// River's word.
    pub state: String,
    /// Ids, as JSON.
    pub arguments: String,
    pub attempt: i16,
    pub max_attempts: i16,
    pub failures: i32,
    pub scheduled_at: Timestamp,
    pub created_at: Timestamp,
    pub attempted_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// Which jobs to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// None means all that is not completed.
    pub state: Option<String>,
    pub kind: Option<String>,
}

struct Row {
    id: i64,
    kind: String,
    queue: String,
    state: String,
    arguments: String,
    attempt: i16,
    max_attempts: i16,
    failures: i32,
    scheduled_at: Moment,
    created_at: Moment,
    attempted_at: Option<Moment>,
    finalized_at: Option<Moment>,
}

impl From<Row> for JobSeen {
    fn from(row: Row) -> Self {
        Self {
            job_id: row.id,
            kind: row.kind,
            queue: row.queue,
            state: row.state,
            arguments: row.arguments,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            failures: row.failures,
            scheduled_at: row.scheduled_at.to_jiff(),
            created_at: row.created_at.to_jiff(),
            attempted_at: row.attempted_at.map(Moment::to_jiff),
            ended_at: row.finalized_at.map(Moment::to_jiff),
        }
    }
}

/// The queue's jobs, newest first.
///
/// # Errors
///
/// `NotFound` for who may not see them.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    filter: &Filter,
    ask: PageAsk,
) -> Result<Page<JobSeen>> {
    let mut tx = orchestrator.look("queue.list").await?;
    access::require_platform(&mut tx, actor, Operation::JobRead, "job", "list").await?;
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, kind, queue, state::text AS "state!", args::text AS "arguments!", attempt, max_attempts,
                  coalesce(array_length(errors, 1), 0) AS "failures!", scheduled_at, created_at, attempted_at,
                  finalized_at
           FROM river_job
           WHERE id < $1 AND ($3::text IS NULL OR kind = $3)
             AND CASE WHEN $4::text IS NULL THEN state <> 'completed' ELSE state = $4::text::river_job_state END
           ORDER BY id DESC LIMIT $2"#,
        number(ask.before()),
        ask.fetch(),
        filter.kind,
        filter.state,
    )
    .fetch_all(&mut *tx)
    .await?;
    let rows = rows.into_iter().map(JobSeen::from).collect();
    Ok(ask.page(rows, |job| Uuid::from_u128(job.job_id.unsigned_abs().into())))
}

/// The greatest number for a cursor that is none of ours: the list begins at its first row then.
fn number(before: Uuid) -> i64 {
    i64::try_from(before.as_u128()).unwrap_or(i64::MAX)
}

/// Makes a job due now; one that used all its attempts gets one more. A running one is left alone.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn retry(
    orchestrator: &Orchestrator,
    actor: &Actor,
    job_id: i64,
    key: Option<Key>,
) -> Result<JobSeen> {
    let mut tx = orchestrator.begin("queue.retry").await?;
    let id = job_id.to_string();
    let rule = access::permit_platform(&mut tx, actor, Operation::JobRetry, "job", &id).await?;
    find(&mut tx, job_id).await?;
    if idempotency::recall::<()>(&mut tx, actor, key.as_ref())
        .await?
        .is_none()
    {
        tx.retry_job(job_id).await?;
        audit::record_done(&mut tx, actor, "job_retry", ("job", id), None, &rule).await?;
        idempotency::remember(&mut tx, actor, key.as_ref(), &()).await?;
    }
    let job = find(&mut tx, job_id).await?;
    tx.commit().await?;
    Ok(job)
}

async fn find(tx: &mut Tx, job_id: i64) -> Result<JobSeen> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, kind, queue, state::text AS "state!", args::text AS "arguments!", attempt, max_attempts,
                  coalesce(array_length(errors, 1), 0) AS "failures!", scheduled_at, created_at, attempted_at,
                  finalized_at
           FROM river_job WHERE id = $1"#,
        job_id,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Into::into).ok_or_else(|| Error::not_found("job", job_id))
}
