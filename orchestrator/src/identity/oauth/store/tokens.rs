//! The SQL of codes, tokens and refresh tokens.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::Value;

use super::Scope;
use crate::error::Result;
use crate::id::TokenId;
use crate::postgres::{Moment, SWEEP_ROWS, Tx};

pub(in crate::identity::oauth) async fn delete_of_client(tx: &mut Tx, client_id: &str) -> Result<()> {
    sqlx::query!(
        "WITH codes AS (DELETE FROM oauth_codes WHERE client_id = $1),
              tokens AS (DELETE FROM oauth_tokens WHERE client_id = $1)
         DELETE FROM oauth_refresh_tokens WHERE client_id = $1",
        client_id,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn delete_of_family(tx: &mut Tx, family_id: &str) -> Result<u64> {
    let gone = sqlx::query_scalar!(
        r#"WITH tokens AS (DELETE FROM oauth_tokens WHERE family_id = $1 RETURNING 1),
              refresh AS (DELETE FROM oauth_refresh_tokens WHERE family_id = $1 RETURNING 1)
         SELECT (SELECT count(*) FROM tokens) + (SELECT count(*) FROM refresh) AS "gone!""#,
        family_id,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(u64::try_from(gone).unwrap_or(0))
}

pub(in crate::identity::oauth) async fn upsert_code(
    tx: &mut Tx,
    hash: &[u8],
    client_id: &str,
    sealed: &[u8],
    expires_at: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO oauth_codes (code_sha256, client_id, sealed, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (code_sha256) DO UPDATE SET
             client_id = excluded.client_id, sealed = excluded.sealed, expires_at = excluded.expires_at",
        hash,
        client_id,
        sealed,
        expires_at.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn lock_code(tx: &mut Tx, hash: &[u8]) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "SELECT sealed FROM oauth_codes WHERE code_sha256 = $1 FOR UPDATE",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

pub(in crate::identity::oauth) async fn update_code(
    tx: &mut Tx,
    hash: &[u8],
    sealed: &[u8],
    expires_at: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "UPDATE oauth_codes SET sealed = $2, expires_at = $3 WHERE code_sha256 = $1",
        hash,
        sealed,
        expires_at.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn delete_code(tx: &mut Tx, hash: &[u8]) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "DELETE FROM oauth_codes WHERE code_sha256 = $1 RETURNING sealed",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

pub(in crate::identity::oauth) async fn upsert_token(
    tx: &mut Tx,
    hash: &[u8],
    scope: Scope<'_>,
    record: &Value,
    expires_at: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO oauth_tokens (token_sha256, client_id, family_id, record, expires_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (token_sha256) DO UPDATE SET
             client_id = excluded.client_id, family_id = excluded.family_id, record = excluded.record,
             expires_at = excluded.expires_at",
        hash,
        scope.client_id,
        scope.family_id,
        record,
        expires_at.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn find_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<Value>> {
    let record = sqlx::query_scalar!("SELECT record FROM oauth_tokens WHERE token_sha256 = $1", hash)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(record)
}

pub(in crate::identity::oauth) async fn find_token_by_jti(
    tx: &mut Tx,
    jti: TokenId,
) -> Result<Option<Value>> {
    let record = sqlx::query_scalar!("SELECT record FROM oauth_tokens WHERE jti = $1", jti as TokenId)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(record)
}

/// A token that was just issued, kept from being revoked meanwhile, and the signed one that was made for it.
pub(in crate::identity::oauth) async fn lock_token(
    tx: &mut Tx,
    hash: &[u8],
) -> Result<Option<(Value, Option<TokenId>)>> {
    let row = sqlx::query!(
        "SELECT record, jti FROM oauth_tokens WHERE token_sha256 = $1 FOR UPDATE",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (row.record, row.jti)))
}

pub(in crate::identity::oauth) async fn set_jti(tx: &mut Tx, hash: &[u8], jti: TokenId) -> Result<()> {
    sqlx::query!(
        "UPDATE oauth_tokens SET jti = $2 WHERE token_sha256 = $1",
        hash,
        jti as TokenId
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn delete_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<TokenId>> {
    let jti = sqlx::query_scalar!(
        "DELETE FROM oauth_tokens WHERE token_sha256 = $1 RETURNING jti",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(jti.flatten())
}

pub(in crate::identity::oauth) async fn delete_token_by_jti(tx: &mut Tx, jti: TokenId) -> Result<()> {
    sqlx::query!("DELETE FROM oauth_tokens WHERE jti = $1", jti as TokenId)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn upsert_refresh_token(
    tx: &mut Tx,
    hash: &[u8],
    (client_id, family_id): (&str, &str),
    sealed: &[u8],
    expires_at: Option<Timestamp>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO oauth_refresh_tokens (token_sha256, client_id, family_id, sealed, expires_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (token_sha256) DO UPDATE SET
             client_id = excluded.client_id, family_id = excluded.family_id, sealed = excluded.sealed,
             expires_at = excluded.expires_at",
        hash,
        client_id,
        family_id,
        sealed,
        expires_at.map(ToSqlx::to_sqlx) as Option<Moment>,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::identity::oauth) async fn find_refresh_token(
    tx: &mut Tx,
    hash: &[u8],
) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "SELECT sealed FROM oauth_refresh_tokens WHERE token_sha256 = $1",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

pub(in crate::identity::oauth) async fn lock_refresh_token(
    tx: &mut Tx,
    hash: &[u8],
) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "SELECT sealed FROM oauth_refresh_tokens WHERE token_sha256 = $1 FOR UPDATE",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

pub(in crate::identity::oauth) async fn delete_refresh_token(
    tx: &mut Tx,
    hash: &[u8],
) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "DELETE FROM oauth_refresh_tokens WHERE token_sha256 = $1 RETURNING sealed",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

/// Forgets codes, tokens and barriers whose time is over; of each kind so many at once.
pub(in crate::identity::oauth) async fn delete_dead(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    let gone = sqlx::query_scalar!(
        r#"WITH codes AS (DELETE FROM oauth_codes WHERE code_sha256 IN (
                  SELECT code_sha256 FROM oauth_codes WHERE expires_at <= $1 LIMIT $2) RETURNING 1),
              tokens AS (DELETE FROM oauth_tokens WHERE token_sha256 IN (
                  SELECT token_sha256 FROM oauth_tokens WHERE expires_at <= $1 LIMIT $2) RETURNING 1),
              refresh AS (DELETE FROM oauth_refresh_tokens WHERE token_sha256 IN (
                  SELECT token_sha256 FROM oauth_refresh_tokens WHERE expires_at <= $1 LIMIT $2) RETURNING 1),
              barriers AS (DELETE FROM oauth_barriers WHERE (kind, name) IN (
                  SELECT kind, name FROM oauth_barriers WHERE until <= $1 LIMIT $2) RETURNING 1)
         SELECT (SELECT count(*) FROM codes) + (SELECT count(*) FROM tokens) + (SELECT count(*) FROM refresh)
             + (SELECT count(*) FROM barriers) AS "gone!""#,
        now.to_sqlx(),
        SWEEP_ROWS,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(u64::try_from(gone).unwrap_or(0))
}
