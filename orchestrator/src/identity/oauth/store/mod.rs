//! The SQL of clients, codes, tokens and grants.

mod clients;
mod grants;
mod tokens;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use crate::error::Result;
use crate::postgres::Tx;

pub(super) use clients::{
    count_dynamic, delete_client, delete_unused_clients, find_client, insert_dynamic, list_clients,
    lock_client, lock_registrations, touch_client, update_client, upsert_client, upsert_document,
};
pub(super) use grants::{
    GrantRow, delete_old_grants, ensure_grant, family_of, find_grant, hold_grant, list_grants,
    live_families_of, revoke_grant_of_family, revoke_grants_of_client,
};
pub(super) use tokens::{
    delete_code, delete_dead, delete_of_client, delete_of_family, delete_refresh_token, delete_token,
    delete_token_by_jti, find_refresh_token, find_token, find_token_by_jti, lock_code, lock_refresh_token,
    lock_token, set_jti, update_code, upsert_code, upsert_refresh_token, upsert_token,
};

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
