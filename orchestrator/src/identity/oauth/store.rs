//! The SQL of clients, codes, tokens and grants.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::Value;

use super::domain::ClientKind;
use crate::error::Result;
use crate::id::{GrantId, PersonId, TokenId};
use crate::postgres::{Moment, SWEEP_ROWS, Tx};

/// What a revocation ends, and what keeps writes of it away meanwhile.
#[derive(Clone, Copy)]
pub(super) enum Lock<'a> {
    Client(&'a str),
    Family(&'a str),
}

impl<'a> Lock<'a> {
    fn parts(self) -> (&'static str, &'a str) {
        match self {
            Self::Client(name) => ("client", name),
            Self::Family(name) => ("family", name),
        }
    }

    fn key(self) -> String {
        let (kind, name) = self.parts();
        format!("oauth {kind} {name}")
    }
}

/// Of whom and of what a token is, as revocations see it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) client_id: &'a str,
    pub(super) family_id: Option<&'a str>,
    /// When the person consented.
    pub(super) established_at: Timestamp,
}

pub(super) struct ClientRow {
    pub(super) client_id: String,
    pub(super) kind: String,
    pub(super) record: Value,
    pub(super) created_at: Moment,
    pub(super) used_at: Option<Moment>,
    pub(super) fresh_until: Option<Moment>,
}

pub(super) struct GrantRow {
    pub(super) grant_id: GrantId,
    pub(super) person_id: PersonId,
    pub(super) client_id: String,
    pub(super) client_name: Option<String>,
    pub(super) scope: String,
    pub(super) created_at: Moment,
    pub(super) used_at: Moment,
    pub(super) revoked_at: Option<Moment>,
}

/// Held alone by a revocation until its transaction ends.
pub(super) async fn lock(tx: &mut Tx, lock: Lock<'_>) -> Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        lock.key()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn lock_shared(tx: &mut Tx, lock: Lock<'_>) -> Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))",
        lock.key()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether a revocation covers what is about to be written; none comes between this and the end of the transaction.
pub(super) async fn is_revoked(tx: &mut Tx, scope: Scope<'_>) -> Result<bool> {
    lock_shared(tx, Lock::Client(scope.client_id)).await?;
    if let Some(family_id) = scope.family_id {
        lock_shared(tx, Lock::Family(family_id)).await?;
    }
    let revoked = sqlx::query_scalar!(
        r#"SELECT EXISTS (
             SELECT 1 FROM oauth_barriers
             WHERE (kind = 'family' AND name = $2)
                OR (kind = 'client' AND name = $1 AND (
                    recorded_at >= $3 OR NOT EXISTS (SELECT 1 FROM oauth_clients WHERE client_id = $1)))
         ) AS "revoked!""#,
        scope.client_id,
        scope.family_id,
        scope.established_at.to_sqlx(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(revoked)
}

/// Revoking again moves both moments forward, never back.
pub(super) async fn insert_barrier(
    tx: &mut Tx,
    barrier: Lock<'_>,
    recorded_at: Timestamp,
    until: Timestamp,
) -> Result<()> {
    let (kind, name) = barrier.parts();
    sqlx::query!(
        "INSERT INTO oauth_barriers (kind, name, recorded_at, until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, name) DO UPDATE SET
             recorded_at = greatest(oauth_barriers.recorded_at, excluded.recorded_at),
             until = greatest(oauth_barriers.until, excluded.until)",
        kind,
        name,
        recorded_at.to_sqlx(),
        until.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn find_client(tx: &mut Tx, client_id: &str) -> Result<Option<ClientRow>> {
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

pub(super) async fn list_clients(tx: &mut Tx, limit: i64) -> Result<Vec<ClientRow>> {
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

pub(super) async fn lock_client(tx: &mut Tx, client_id: &str) -> Result<Option<Value>> {
    let record = sqlx::query_scalar!(
        "SELECT record FROM oauth_clients WHERE client_id = $1 FOR UPDATE",
        client_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(record)
}

pub(super) async fn update_client(tx: &mut Tx, client_id: &str, record: &Value) -> Result<()> {
    sqlx::query!(
        "UPDATE oauth_clients SET record = $2 WHERE client_id = $1",
        client_id,
        record
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn upsert_client(
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
pub(super) async fn upsert_document(
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
pub(super) async fn count_dynamic(tx: &mut Tx, address: &str, since: Timestamp) -> Result<(i64, i64)> {
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
pub(super) async fn lock_registrations(tx: &mut Tx) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('oauth registrations', 0))")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn insert_dynamic(
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

pub(super) async fn touch_client(tx: &mut Tx, client_id: &str) -> Result<()> {
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

pub(super) async fn delete_client(tx: &mut Tx, client_id: &str) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM oauth_clients WHERE client_id = $1", client_id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Clients that nobody let in for too long, but for those an operator made.
pub(super) async fn delete_unused_clients(
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

pub(super) async fn delete_of_client(tx: &mut Tx, client_id: &str) -> Result<()> {
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

pub(super) async fn delete_of_family(tx: &mut Tx, family_id: &str) -> Result<u64> {
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

pub(super) async fn upsert_code(
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

pub(super) async fn lock_code(tx: &mut Tx, hash: &[u8]) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "SELECT sealed FROM oauth_codes WHERE code_sha256 = $1 FOR UPDATE",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

pub(super) async fn update_code(
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

pub(super) async fn delete_code(tx: &mut Tx, hash: &[u8]) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "DELETE FROM oauth_codes WHERE code_sha256 = $1 RETURNING sealed",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

pub(super) async fn upsert_token(
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

pub(super) async fn find_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<Value>> {
    let record = sqlx::query_scalar!("SELECT record FROM oauth_tokens WHERE token_sha256 = $1", hash)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(record)
}

pub(super) async fn find_token_by_jti(tx: &mut Tx, jti: TokenId) -> Result<Option<Value>> {
    let record = sqlx::query_scalar!("SELECT record FROM oauth_tokens WHERE jti = $1", jti as TokenId)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(record)
}

/// A token that was just issued, kept from being revoked meanwhile, and the signed one that was made for it.
pub(super) async fn lock_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<(Value, Option<TokenId>)>> {
    let row = sqlx::query!(
        "SELECT record, jti FROM oauth_tokens WHERE token_sha256 = $1 FOR UPDATE",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (row.record, row.jti)))
}

pub(super) async fn set_jti(tx: &mut Tx, hash: &[u8], jti: TokenId) -> Result<()> {
    sqlx::query!(
        "UPDATE oauth_tokens SET jti = $2 WHERE token_sha256 = $1",
        hash,
        jti as TokenId
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<TokenId>> {
    let jti = sqlx::query_scalar!(
        "DELETE FROM oauth_tokens WHERE token_sha256 = $1 RETURNING jti",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(jti.flatten())
}

pub(super) async fn delete_token_by_jti(tx: &mut Tx, jti: TokenId) -> Result<()> {
    sqlx::query!("DELETE FROM oauth_tokens WHERE jti = $1", jti as TokenId)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn upsert_refresh_token(
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

pub(super) async fn find_refresh_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "SELECT sealed FROM oauth_refresh_tokens WHERE token_sha256 = $1",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

pub(super) async fn lock_refresh_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "SELECT sealed FROM oauth_refresh_tokens WHERE token_sha256 = $1 FOR UPDATE",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

pub(super) async fn delete_refresh_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar!(
        "DELETE FROM oauth_refresh_tokens WHERE token_sha256 = $1 RETURNING sealed",
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(sealed)
}

/// Forgets codes, tokens and barriers whose time is over; of each kind so many at once.
pub(super) async fn delete_dead(tx: &mut Tx, now: Timestamp) -> Result<u64> {
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

/// The grant of a family, made at its first token; none if it was revoked.
pub(super) async fn ensure_grant(tx: &mut Tx, family_id: &str, grant: &GrantRow) -> Result<Option<GrantId>> {
    let grant_id = sqlx::query_scalar!(
        "INSERT INTO oauth_grants (grant_id, family_id, person_id, client_id, client_name, scope, created_at, used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
         ON CONFLICT (family_id) DO UPDATE SET used_at = excluded.used_at WHERE oauth_grants.revoked_at IS NULL
         RETURNING grant_id",
        grant.grant_id as GrantId,
        family_id,
        grant.person_id as PersonId,
        grant.client_id,
        grant.client_name,
        grant.scope,
        grant.created_at as Moment,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(grant_id)
}

pub(super) async fn find_grant(tx: &mut Tx, grant_id: GrantId) -> Result<Option<GrantRow>> {
    let row = sqlx::query_as!(
        GrantRow,
        "SELECT grant_id, person_id, client_id, client_name, scope, created_at, used_at, revoked_at
         FROM oauth_grants WHERE grant_id = $1",
        grant_id as GrantId,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row)
}

pub(super) async fn family_of(tx: &mut Tx, grant_id: GrantId) -> Result<Option<String>> {
    let family_id = sqlx::query_scalar!(
        "SELECT family_id FROM oauth_grants WHERE grant_id = $1",
        grant_id as GrantId
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(family_id)
}

pub(super) async fn list_grants(tx: &mut Tx, person_id: PersonId, limit: i64) -> Result<Vec<GrantRow>> {
    let rows = sqlx::query_as!(
        GrantRow,
        "SELECT grant_id, person_id, client_id, client_name, scope, created_at, used_at, revoked_at
         FROM oauth_grants WHERE person_id = $1 ORDER BY used_at DESC LIMIT $2",
        person_id as PersonId,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

pub(super) async fn revoke_grant_of_family(tx: &mut Tx, family_id: &str) -> Result<Option<GrantId>> {
    let now = tx.moment();
    let grant_id = sqlx::query_scalar!(
        "UPDATE oauth_grants SET revoked_at = $2 WHERE family_id = $1 AND revoked_at IS NULL RETURNING grant_id",
        family_id,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(grant_id)
}

pub(super) async fn revoke_grants_of_client(tx: &mut Tx, client_id: &str) -> Result<Vec<GrantId>> {
    let now = tx.moment();
    let grants = sqlx::query_scalar!(
        "UPDATE oauth_grants SET revoked_at = $2 WHERE client_id = $1 AND revoked_at IS NULL RETURNING grant_id",
        client_id,
        now,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(grants)
}

/// Forgets grants that nobody can use any more.
pub(super) async fn delete_old_grants(tx: &mut Tx, used_before: Timestamp) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM oauth_grants WHERE grant_id IN (
             SELECT grant_id FROM oauth_grants WHERE used_at < $1 LIMIT $2)",
        used_before.to_sqlx(),
        SWEEP_ROWS,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
