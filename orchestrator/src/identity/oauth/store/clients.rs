//! The SQL of clients.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::Value;

use crate::error::Result;
use crate::identity::oauth::domain::ClientKind;
use crate::postgres::{Moment, SWEEP_ROWS, Tx};

pub(in crate::identity::oauth) struct ClientRow {
    pub(in crate::identity::oauth) client_id: String,
    pub(in crate::identity::oauth) kind: String,
    pub(in crate::identity::oauth) record: Value,
    pub(in crate::identity::oauth) created_at: Moment,
    pub(in crate::identity::oauth) used_at: Option<Moment>,
    pub(in crate::identity::oauth) fresh_until: Option<Moment>,
}

pub(in crate::identity::oauth) async fn find_client(
    tx: &mut Tx,
    client_id: &str,
) -> Result<Option<ClientRow>> {
    // No id of ours has one, and PostgreSQL's text cannot.
    if client_id.contains('\0') {
        return Ok(None);
    }
    let row = sqlx::query_as!(
        ClientRow,
        "SELECT client_id, kind, record, created_at, used_at, fresh_until FROM oauth_clients WHERE client_id = $1",
        client_id,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row)
}

pub(in crate::identity::oauth) async fn list_clients(tx: &mut Tx, limit: i64) -> Result<Vec<ClientRow>> {
    let rows = sqlx::query_as!(
        ClientRow,
        "SELECT client_id, kind, record, created_at, used_at, fresh_until FROM oauth_clients
         ORDER BY kind DESC, client_id LIMIT $1",
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

pub(in crate::identity::oauth) async fn lock_client(tx: &mut Tx, client_id: &str) -> Result<Option<Value>> {
    let record = sqlx::query_scalar!(
        "SELECT record FROM oauth_clients WHERE client_id = $1 FOR UPDATE",
        client_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(record)
}

pub(in crate::identity::oauth) async fn update_client(
    tx: &mut Tx,
    client_id: &str,
    record: &Value,
) -> Result<()> {
    sqlx::query!(
        "UPDATE oauth_clients SET record = $2 WHERE client_id = $1",
        client_id,
        record
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn upsert_client(
    tx: &mut Tx,
    client_id: &str,
    kind: ClientKind,
    record: &Value,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO oauth_clients (client_id, kind, record, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (client_id) DO UPDATE SET record = excluded.record",
        client_id,
        kind.as_str(),
        record,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps the metadata of a client that an operator did not make.
pub(in crate::identity::oauth) async fn upsert_document(
    tx: &mut Tx,
    client_id: &str,
    record: &Value,
    fresh_until: Timestamp,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO oauth_clients (client_id, kind, record, created_at, fresh_until)
         VALUES ($1, 'document', $2, $3, $4)
         ON CONFLICT (client_id) DO UPDATE SET record = excluded.record, fresh_until = excluded.fresh_until
         WHERE oauth_clients.kind = 'document'",
        client_id,
        record,
        now,
        fresh_until.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Dynamic clients that nobody let in, and those that this address registered since then.
pub(in crate::identity::oauth) async fn count_dynamic(
    tx: &mut Tx,
    address: &str,
    since: Timestamp,
) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE used_at IS NULL) AS "unused!",
                count(*) FILTER (WHERE address = $1 AND created_at > $2) AS "recent!"
         FROM oauth_clients WHERE kind = 'dynamic'"#,
        address,
        since.to_sqlx(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.unused, row.recent))
}

/// Registrations are counted and inserted one at a time.
pub(in crate::identity::oauth) async fn lock_registrations(tx: &mut Tx) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('oauth registrations', 0))")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn insert_dynamic(
    tx: &mut Tx,
    client_id: &str,
    record: &Value,
    address: &str,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO oauth_clients (client_id, kind, record, address, created_at) VALUES ($1, 'dynamic', $2, $3, $4)",
        client_id,
        record,
        address,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn touch_client(tx: &mut Tx, client_id: &str) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE oauth_clients SET used_at = $2 WHERE client_id = $1",
        client_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn delete_client(tx: &mut Tx, client_id: &str) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM oauth_clients WHERE client_id = $1", client_id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Clients that nobody let in for too long, but for those an operator made.
pub(in crate::identity::oauth) async fn delete_unused_clients(
    tx: &mut Tx,
    unused_before: Timestamp,
    used_before: Timestamp,
) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM oauth_clients WHERE client_id IN (
             SELECT client_id FROM oauth_clients
             WHERE kind <> 'preset' AND (
                 (used_at IS NULL AND created_at < $1 AND coalesce(fresh_until, created_at) < $1) OR used_at < $2)
             LIMIT $3)",
        unused_before.to_sqlx(),
        used_before.to_sqlx(),
        SWEEP_ROWS,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
