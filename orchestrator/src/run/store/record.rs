//! The SQL of what a runner tells: log, usage, snapshots, changes; and of the event timeline.

use serde_json::Value;

use crate::error::Result;
use crate::id::{RunId, SnapshotId};
use crate::postgres::{Moment, Tx};
use crate::run::service::{Change, Event, LogPiece, Snapshot, UsageRow};

pub(in crate::run) async fn events_after(
    tx: &mut Tx,
    run_id: RunId,
    after: i64,
    limit: i64,
) -> Result<Vec<Event>> {
    struct Row {
        seq: i64,
        turn: i32,
        kind: String,
        detail: Value,
        actor: String,
        at: Moment,
    }
    let rows = sqlx::query_as!(
        Row,
        "SELECT seq, turn, kind, detail, actor, at FROM run_events WHERE run_id = $1 AND seq > $2
         ORDER BY seq LIMIT $3",
        run_id as RunId,
        after,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Event {
            seq: row.seq,
            turn: row.turn,
            kind: row.kind,
            detail: row.detail,
            actor: row.actor,
            at: row.at.to_jiff(),
        })
        .collect())
}

/// The detail of a run's newest event of a kind.
pub(in crate::run) async fn newest_detail(tx: &mut Tx, run_id: RunId, kind: &str) -> Result<Option<Value>> {
    let detail = sqlx::query_scalar!(
        "SELECT detail FROM run_events WHERE run_id = $1 AND kind = $2 ORDER BY seq DESC LIMIT 1",
        run_id as RunId,
        kind,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(detail)
}

/// Where a stream of a turn ends, in bytes.
pub(in crate::run) async fn log_end(tx: &mut Tx, run_id: RunId, turn: i32, stream: &str) -> Result<i64> {
    let end = sqlx::query_scalar!(
        r#"SELECT "offset" + octet_length(text) AS "end!" FROM run_log_pieces
           WHERE run_id = $1 AND turn = $2 AND stream = $3 ORDER BY "offset" DESC LIMIT 1"#,
        run_id as RunId,
        turn,
        stream,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(end.unwrap_or(0))
}

/// Bytes a run has logged over all its turns.
pub(in crate::run) async fn log_bytes(tx: &mut Tx, run_id: RunId) -> Result<i64> {
    let bytes = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(octet_length(text)), 0)::bigint AS "bytes!" FROM run_log_pieces WHERE run_id = $1"#,
        run_id as RunId,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(bytes)
}

pub(in crate::run) async fn insert_log(
    tx: &mut Tx,
    run_id: RunId,
    turn: i32,
    stream: &str,
    offset: i64,
    text: &str,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        r#"INSERT INTO run_log_pieces (run_id, turn, stream, "offset", text, at) VALUES ($1, $2, $3, $4, $5, $6)"#,
        run_id as RunId,
        turn,
        stream,
        offset,
        text,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Pieces of a turn's stream that end after `after`, oldest first.
pub(in crate::run) async fn log_after(
    tx: &mut Tx,
    run_id: RunId,
    turn: i32,
    stream: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<LogPiece>> {
    let pieces = sqlx::query_as!(
        LogPiece,
        r#"SELECT "offset", text FROM run_log_pieces
           WHERE run_id = $1 AND turn = $2 AND stream = $3 AND "offset" + octet_length(text) > $4
           ORDER BY "offset" LIMIT $5"#,
        run_id as RunId,
        turn,
        stream,
        after,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(pieces)
}

pub(in crate::run) async fn upsert_usage(
    tx: &mut Tx,
    run_id: RunId,
    turn: i32,
    usage: &UsageRow,
) -> Result<()> {
    let now = tx.moment();
    // Totals only grow: a late report of less changes nothing.
    sqlx::query!(
        "INSERT INTO run_usage AS u (run_id, turn, model, requests, input_tokens, cached_input_tokens, output_tokens,
             reasoning_tokens, cost_micro_usd, reported_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (run_id, turn, model) DO UPDATE SET requests = $4, input_tokens = $5, cached_input_tokens = $6,
             output_tokens = $7, reasoning_tokens = $8, cost_micro_usd = $9, reported_at = $10
         WHERE u.input_tokens + u.output_tokens <= $5 + $7",
        run_id as RunId,
        turn,
        usage.model,
        usage.requests,
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.cost_micro_usd,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A run's usage per turn and model.
pub(in crate::run) async fn usage(tx: &mut Tx, run_id: RunId) -> Result<Vec<UsageRow>> {
    let rows = sqlx::query_as!(
        UsageRow,
        "SELECT turn, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
             cost_micro_usd
         FROM run_usage WHERE run_id = $1 ORDER BY turn, model",
        run_id as RunId,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

pub(in crate::run) async fn insert_snapshot(
    tx: &mut Tx,
    run_id: RunId,
    turn: i32,
    snapshot: &Snapshot,
) -> Result<SnapshotId> {
    let now = tx.moment();
    let id = SnapshotId::new();
    sqlx::query!(
        "INSERT INTO run_snapshots (snapshot_id, run_id, turn, session, path, sha256, data, stored_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id as SnapshotId,
        run_id as RunId,
        turn,
        snapshot.session,
        snapshot.path,
        snapshot.sha256,
        snapshot.data,
        now,
    )
    .execute(&mut **tx)
    .await?;
    // Only the newest is ever resumed from.
    sqlx::query!(
        "DELETE FROM run_snapshots WHERE run_id = $1 AND snapshot_id <> $2",
        run_id as RunId,
        id as SnapshotId
    )
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

pub(in crate::run) async fn newest_snapshot(tx: &mut Tx, run_id: RunId) -> Result<Option<Snapshot>> {
    let snapshot = sqlx::query_as!(
        Snapshot,
        "SELECT session, path, sha256, data FROM run_snapshots WHERE run_id = $1 ORDER BY snapshot_id DESC LIMIT 1",
        run_id as RunId,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(snapshot)
}

/// The session a run goes on with: its own newest, else that of the nearest run it continues.
pub(in crate::run) async fn session(tx: &mut Tx, run_id: RunId) -> Result<Option<Snapshot>> {
    let snapshot = sqlx::query_as!(
        Snapshot,
        "WITH RECURSIVE line (run_id, continues, back) AS (
             SELECT run_id, continues, 0 FROM runs WHERE run_id = $1
             UNION ALL
             SELECT r.run_id, r.continues, line.back + 1 FROM line JOIN runs r ON r.run_id = line.continues
             WHERE line.back < 100)
         SELECT s.session, s.path, s.sha256, s.data FROM line JOIN run_snapshots s ON s.run_id = line.run_id
         ORDER BY line.back, s.snapshot_id DESC LIMIT 1",
        run_id as RunId,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(snapshot)
}

pub(in crate::run) async fn set_changes(tx: &mut Tx, run_id: RunId, changes: &[Change]) -> Result<()> {
    sqlx::query!("DELETE FROM run_changes WHERE run_id = $1", run_id as RunId)
        .execute(&mut **tx)
        .await?;
    let paths: Vec<String> = changes.iter().map(|change| change.path.clone()).collect();
    let kinds: Vec<String> = changes.iter().map(|change| change.change.clone()).collect();
    sqlx::query!(
        "INSERT INTO run_changes (run_id, path, change)
         SELECT $1, path, change FROM unnest($2::text[], $3::text[]) AS c (path, change)
         ON CONFLICT (run_id, path) DO NOTHING",
        run_id as RunId,
        &paths,
        &kinds,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Paths after `after`, in byte order.
pub(in crate::run) async fn changes(
    tx: &mut Tx,
    run_id: RunId,
    after: &str,
    limit: i64,
) -> Result<Vec<Change>> {
    let rows = sqlx::query_as!(
        Change,
        r#"SELECT path, change FROM run_changes WHERE run_id = $1 AND path COLLATE "C" > $2
           ORDER BY path COLLATE "C" LIMIT $3"#,
        run_id as RunId,
        after,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

/// Deletes logs of runs that ended before a moment, at most `limit` pieces; answers how many.
pub(in crate::run) async fn delete_old_logs(tx: &mut Tx, before: Moment, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        r#"DELETE FROM run_log_pieces WHERE (run_id, turn, stream, "offset") IN (
               SELECT p.run_id, p.turn, p.stream, p."offset" FROM runs r JOIN run_log_pieces p USING (run_id)
               WHERE r.finished_at < $1 LIMIT $2)"#,
        before,
        limit,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes snapshots of runs that ended before a moment, at most `limit`; answers how many.
pub(in crate::run) async fn delete_old_snapshots(tx: &mut Tx, before: Moment, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM run_snapshots WHERE snapshot_id IN (
             SELECT s.snapshot_id FROM runs r JOIN run_snapshots s USING (run_id) WHERE r.finished_at < $1 LIMIT $2)",
        before,
        limit,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
