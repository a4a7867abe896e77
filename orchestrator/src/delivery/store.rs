use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use super::domain::Verdict;
use super::jobs::ProcessDelivery;
use super::service::{Delivery, Filter, NewDelivery, Received};
use crate::error::{Error, Result};
use crate::id::{DeliveryId, ProjectId, RepositoryId, RunId};
use crate::page::PageAsk;
use crate::postgres::{Moment, Tx, erase, unknown_word};
use crate::queue::Job;
use crate::trigger::IgnoreReason;

/// Rows one sweep touches.
const BATCH: i64 = 200;
/// Characters of an error that are kept.
const MAX_DETAIL: usize = 500;

/// What was read from a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    pub(super) action: Option<String>,
    pub(super) github_repository_id: Option<i64>,
    pub(super) number: Option<i64>,
    pub(super) label: Option<String>,
    /// The host's moment of the issue or pull request.
    pub(super) item_updated_at: Option<Timestamp>,
    pub(super) sender_github_user_id: Option<i64>,
    pub(super) sender_login: Option<String>,
    pub(super) repository_id: Option<RepositoryId>,
    pub(super) project_id: Option<ProjectId>,
    pub(super) detail: Option<String>,
}

/// A delivery to be worked on.
pub(super) struct Stored {
    pub(super) delivery: Delivery,
    pub(super) content_type: Option<String>,
    pub(super) body: Option<Vec<u8>>,
    /// The run an earlier verdict made.
    pub(super) made_before: Option<RunId>,
}

struct Row {
    delivery_id: DeliveryId,
    guid: String,
    event: String,
    body_bytes: i64,
    received_at: Moment,
    traceparent: String,
    action: Option<String>,
    github_repository_id: Option<i64>,
    number: Option<i64>,
    sender_github_user_id: Option<i64>,
    sender_login: Option<String>,
    repository_id: Option<RepositoryId>,
    project_id: Option<ProjectId>,
    verdict: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
    run_id: Option<RunId>,
    attempts: i32,
    processed_at: Option<Moment>,
}

impl TryFrom<Row> for Delivery {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let parse = |word: String| {
            Verdict::parse(&word, row.reason.as_deref(), row.detail.as_deref(), row.run_id)
                .ok_or_else(|| unknown_word("deliveries.verdict", &word))
        };
        Ok(Self {
            verdict: row.verdict.map(parse).transpose()?,
            delivery_id: row.delivery_id,
            guid: row.guid,
            event: row.event,
            body_bytes: row.body_bytes,
            received_at: row.received_at.to_jiff(),
            traceparent: row.traceparent,
            action: row.action,
            github_repository_id: row.github_repository_id,
            number: row.number,
            sender_github_user_id: row.sender_github_user_id,
            sender_login: row.sender_login,
            repository_id: row.repository_id,
            project_id: row.project_id,
            detail: row.detail,
            attempts: row.attempts,
            processed_at: row.processed_at.map(Moment::to_jiff),
        })
    }
}

/// Inserts those whose GUID is not here yet; answers in the order of `news`.
pub(super) async fn insert(tx: &mut Tx, news: &[&NewDelivery]) -> Result<Vec<Received>> {
    let now = tx.moment();
    let ids: Vec<_> = news.iter().map(|_| DeliveryId::new().uuid()).collect();
    let guids: Vec<_> = news.iter().map(|new| new.guid.as_str()).collect();
    let events: Vec<_> = news.iter().map(|new| new.event.as_str()).collect();
    let content_types: Vec<_> = news.iter().map(|new| new.content_type.as_deref()).collect();
    let bodies: Vec<_> = news.iter().map(|new| new.body.as_slice()).collect();
    let traces: Vec<_> = news.iter().map(|new| new.traceparent.as_str()).collect();
    // In the order of GUIDs, so that two replicas with the same ones do not wait for each other.
    let rows = sqlx::query!(
        "INSERT INTO deliveries (delivery_id, guid, event, content_type, body, body_bytes, received_at, traceparent)
         SELECT delivery_id, guid, event, content_type, body, octet_length(body), $7, traceparent
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[])
             AS new (delivery_id, guid, event, content_type, body, traceparent)
         ORDER BY guid
         ON CONFLICT ON CONSTRAINT deliveries_guid_key DO NOTHING
         RETURNING guid, delivery_id",
        &ids,
        &guids as _,
        &events as _,
        &content_types as _,
        &bodies as _,
        &traces as _,
        now,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut fresh: HashMap<String, DeliveryId> =
        rows.into_iter().map(|row| (row.guid, row.delivery_id)).collect();
    let mut received = Vec::with_capacity(news.len());
    for new in news {
        // The second of two in one transaction is a duplicate too.
        let kept = fresh.remove(&new.guid);
        let duplicate = kept.is_none();
        let delivery_id = match kept {
            Some(delivery_id) => delivery_id,
            None => id_of(tx, &new.guid).await?,
        };
        received.push(Received {
            delivery_id,
            duplicate,
        });
    }
    Ok(received)
}

async fn id_of(tx: &mut Tx, guid: &str) -> Result<DeliveryId> {
    let id = sqlx::query_scalar!("SELECT delivery_id FROM deliveries WHERE guid = $1", guid)
        .fetch_optional(&mut **tx)
        .await?;
    id.ok_or_else(|| Error::not_found("delivery", guid))
}

pub(super) async fn get(tx: &mut Tx, delivery_id: DeliveryId) -> Result<Delivery> {
    let row = sqlx::query_as!(
        Row,
        "SELECT delivery_id, guid, event, body_bytes, received_at, traceparent, action, github_repository_id, number,
                sender_github_user_id, sender_login, repository_id, project_id, verdict, reason, detail, run_id,
                attempts, processed_at
         FROM deliveries WHERE delivery_id = $1",
        delivery_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.ok_or_else(|| Error::not_found("delivery", delivery_id))?
        .try_into()
}

/// Locks the delivery, so that it is settled once. Others may still refer to it, as the retry of its run does.
pub(super) async fn get_for_update(tx: &mut Tx, delivery_id: DeliveryId) -> Result<Stored> {
    let row = sqlx::query!(
        "SELECT content_type, body, run_id FROM deliveries WHERE delivery_id = $1 FOR NO KEY UPDATE",
        delivery_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let row = row.ok_or_else(|| Error::not_found("delivery", delivery_id))?;
    Ok(Stored {
        delivery: get(tx, delivery_id).await?,
        content_type: row.content_type,
        body: row.body,
        made_before: row.run_id,
    })
}

pub(super) async fn body(tx: &mut Tx, delivery_id: DeliveryId) -> Result<Option<Vec<u8>>> {
    let body = sqlx::query_scalar!(
        "SELECT body FROM deliveries WHERE delivery_id = $1",
        delivery_id as _
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(body.flatten())
}

pub(super) async fn list(
    tx: &mut Tx,
    visible: &[ProjectId],
    all: bool,
    filter: &Filter,
    ask: PageAsk,
) -> Result<Vec<Delivery>> {
    let visible: Vec<_> = visible.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        "SELECT delivery_id, guid, event, body_bytes, received_at, traceparent, action, github_repository_id, number,
                sender_github_user_id, sender_login, repository_id, project_id, verdict, reason, detail, run_id,
                attempts, processed_at
         FROM deliveries
         WHERE (project_id = ANY ($1) OR ($2 AND project_id IS NULL))
           AND ($3::uuid IS NULL OR project_id = $3)
           AND ($4::uuid IS NULL OR repository_id = $4)
           AND ($5::bigint IS NULL OR number = $5)
           AND ($6::text IS NULL OR event = $6)
           AND ($7::text IS NULL OR coalesce(verdict, 'none') = $7)
           AND delivery_id < $8
         ORDER BY delivery_id DESC LIMIT $9",
        &visible,
        all,
        filter.project_id as _,
        filter.repository_id as _,
        filter.number,
        filter.event,
        filter.verdict,
        ask.before(),
        ask.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// Keeps what was read of a delivery that is not settled yet.
pub(super) async fn note_reading(tx: &mut Tx, delivery_id: DeliveryId, reading: &Reading) -> Result<()> {
    sqlx::query!(
        "UPDATE deliveries
         SET action = $2, github_repository_id = $3, number = $4, sender_github_user_id = $5, sender_login = $6,
             repository_id = $7, project_id = $8, label = $9, item_updated_at = $10
         WHERE delivery_id = $1",
        delivery_id as _,
        reading.action,
        reading.github_repository_id,
        reading.number,
        reading.sender_github_user_id,
        reading.sender_login,
        reading.repository_id as _,
        reading.project_id as _,
        reading.label,
        reading.item_updated_at.map(ToSqlx::to_sqlx) as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn settle(
    tx: &mut Tx,
    delivery_id: DeliveryId,
    reading: &Reading,
    verdict: &Verdict,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE deliveries
         SET action = $2, github_repository_id = $3, number = $4, sender_github_user_id = $5, sender_login = $6,
             repository_id = $7, project_id = $8, verdict = $9, reason = $10, detail = $11,
             run_id = coalesce($12, run_id), attempts = attempts + 1, processed_at = $13, label = $14,
             item_updated_at = $15
         WHERE delivery_id = $1",
        delivery_id as _,
        reading.action,
        reading.github_repository_id,
        reading.number,
        reading.sender_github_user_id,
        reading.sender_login,
        reading.repository_id as _,
        reading.project_id as _,
        verdict.word(),
        verdict.reason(),
        reading.detail,
        verdict.run_id() as _,
        now,
        reading.label,
        reading.item_updated_at.map(ToSqlx::to_sqlx) as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the label of this delivery was removed later, and that removal found no run to end because this delivery was
/// still waiting.
pub(super) async fn taken_back(tx: &mut Tx, delivery_id: DeliveryId, reading: &Reading) -> Result<bool> {
    let taken_back = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM deliveries
               WHERE github_repository_id = $1 AND number = $2 AND delivery_id > $3 AND event = 'issues'
                 AND action = 'unlabeled' AND label = $4 AND item_updated_at > $5 AND reason = $6) AS "yes!""#,
        reading.github_repository_id,
        reading.number,
        delivery_id as _,
        reading.label,
        reading.item_updated_at.map(ToSqlx::to_sqlx) as _,
        IgnoreReason::NothingToEnd.as_str(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(taken_back)
}

/// Answers whether it was still open.
pub(super) async fn failed_attempt(
    tx: &mut Tx,
    delivery_id: DeliveryId,
    why: &str,
    last: bool,
) -> Result<bool> {
    let now = tx.moment();
    let why = &why[..why.floor_char_boundary(MAX_DETAIL)];
    let done = sqlx::query!(
        "UPDATE deliveries
         SET attempts = attempts + 1, detail = $2, verdict = CASE WHEN $3 THEN 'failed' END,
             processed_at = CASE WHEN $3 THEN $4::timestamptz END
         WHERE delivery_id = $1 AND processed_at IS NULL",
        delivery_id as _,
        why,
        last,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes the verdict away; the run it made stays known. Answers false if there is no body to work on any more.
pub(super) async fn reopen(tx: &mut Tx, delivery_id: DeliveryId) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE deliveries SET verdict = NULL, reason = NULL, detail = NULL, processed_at = NULL, attempts = 0
         WHERE delivery_id = $1 AND body IS NOT NULL",
        delivery_id as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deliveries that wait, with their traces, oldest first; those whose job lives are left out.
pub(super) async fn without_job(tx: &mut Tx, before: Timestamp) -> Result<Vec<(DeliveryId, String)>> {
    let rows = sqlx::query!(
        "SELECT delivery_id, traceparent FROM deliveries AS d
         WHERE processed_at IS NULL AND received_at < $1
           AND NOT EXISTS (SELECT FROM river_job
                           WHERE args @> jsonb_build_object('delivery_id', d.delivery_id) AND kind = $3
                             AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled'))
         ORDER BY received_at LIMIT $2",
        before.to_sqlx(),
        BATCH,
        ProcessDelivery::NAME,
    )
    .fetch_all(&mut **tx)
    .await?;
    let rows = rows.into_iter().map(|row| (row.delivery_id, row.traceparent));
    Ok(rows.collect())
}

pub(super) async fn remove_bodies(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE deliveries SET body = NULL
         WHERE delivery_id IN (SELECT delivery_id FROM deliveries
                               WHERE received_at < $1 AND body IS NOT NULL AND processed_at IS NOT NULL
                               ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before.to_sqlx(),
        BATCH,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

pub(super) async fn missing(tx: &mut Tx, guids: &[String]) -> Result<Vec<String>> {
    let missing = sqlx::query_scalar!(
        r#"SELECT wanted AS "wanted!" FROM unnest($1::text[]) AS wanted
           WHERE NOT EXISTS (SELECT FROM deliveries WHERE guid = wanted)"#,
        guids,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(missing)
}

/// A search for missed deliveries that nobody else holds.
pub(super) struct Leased {
    pub(super) swept_at: Option<Timestamp>,
    pub(super) begun_at: Timestamp,
    pub(super) cursor: Option<String>,
}

/// Takes the search, if it is due or begun, and nobody else holds it.
pub(super) async fn lease_sweep(
    tx: &mut Tx,
    due_before: Timestamp,
    held_until: Timestamp,
) -> Result<Option<Leased>> {
    let now = tx.moment();
    let row = sqlx::query!(
        r#"UPDATE delivery_sweeps SET held_until = $2, begun_at = coalesce(begun_at, $3)
           WHERE (swept_at IS NULL OR swept_at <= $1 OR begun_at IS NOT NULL)
             AND (held_until IS NULL OR held_until <= $3)
           RETURNING swept_at, begun_at AS "begun_at!", cursor"#,
        due_before.to_sqlx(),
        held_until.to_sqlx(),
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Leased {
        swept_at: row.swept_at.map(Moment::to_jiff),
        begun_at: row.begun_at.to_jiff(),
        cursor: row.cursor,
    }))
}

pub(super) async fn pause_sweep(tx: &mut Tx, cursor: Option<&str>) -> Result<()> {
    sqlx::query!(
        "UPDATE delivery_sweeps SET cursor = $1, held_until = NULL",
        cursor
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn end_sweep(tx: &mut Tx, swept_at: Timestamp) -> Result<()> {
    sqlx::query!(
        "UPDATE delivery_sweeps SET swept_at = $1, begun_at = NULL, cursor = NULL, held_until = NULL",
        swept_at.to_sqlx()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a batch of a deleted project's deliveries; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM deliveries WHERE delivery_id IN (
             SELECT delivery_id FROM deliveries WHERE project_id = $1 LIMIT $2)",
    ))
}
