//! The SQL of port calls.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::Value;

use crate::error::Result;
use crate::id::PortCallId;
use crate::postgres::Tx;

/// A call as its row has it.
pub(super) struct Row {
    pub(super) arguments: Value,
    pub(super) state: String,
    pub(super) answer: Option<Value>,
    pub(super) sealed_answer: Option<Vec<u8>>,
    pub(super) error: Option<Value>,
    pub(super) deadline_at: jiff_sqlx::Timestamp,
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: PortCallId,
    kind: &str,
    arguments: &Value,
    caller: &str,
    deadline_at: Timestamp,
    traceparent: &str,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO port_calls (port_call_id, kind, arguments, caller, state, deadline_at, traceparent, created_at)
         VALUES ($1, $2, $3, $4, 'waiting', $5, $6, $7)",
        id as PortCallId,
        kind,
        arguments,
        caller,
        deadline_at.to_sqlx(),
        traceparent,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn find(tx: &mut Tx, id: PortCallId) -> Result<Option<Row>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT arguments, state, answer, sealed_answer, error, deadline_at FROM port_calls WHERE port_call_id = $1",
        id as PortCallId,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row)
}

/// Writes the answer of a call that still waits; answers whether it did.
pub(super) async fn save_answer(
    tx: &mut Tx,
    id: PortCallId,
    answer: Option<&Value>,
    sealed_answer: Option<&[u8]>,
    error: Option<&Value>,
) -> Result<bool> {
    let state = if error.is_some() { "failed" } else { "answered" };
    let done = sqlx::query!(
        "UPDATE port_calls SET state = $2, answer = $3, sealed_answer = $4, error = $5
         WHERE port_call_id = $1 AND state = 'waiting'",
        id as PortCallId,
        state,
        answer,
        sealed_answer,
        error,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a call; answers whether it was still there: one reader gets the answer.
pub(super) async fn delete(tx: &mut Tx, id: PortCallId) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM port_calls WHERE port_call_id = $1", id as PortCallId)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn delete_overdue(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let done = sqlx::query!("DELETE FROM port_calls WHERE deadline_at < $1", before.to_sqlx())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}
