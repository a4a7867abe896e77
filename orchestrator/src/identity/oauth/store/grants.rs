//! The SQL of grants: what people consented to.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use crate::error::Result;
use crate::id::{GrantId, PersonId};
use crate::postgres::{Moment, SWEEP_ROWS, Tx};

pub(in crate::identity::oauth) struct GrantRow {
    pub(in crate::identity::oauth) grant_id: GrantId,
    pub(in crate::identity::oauth) person_id: PersonId,
    pub(in crate::identity::oauth) client_id: String,
    pub(in crate::identity::oauth) client_name: Option<String>,
    pub(in crate::identity::oauth) scope: String,
    pub(in crate::identity::oauth) created_at: Moment,
    pub(in crate::identity::oauth) used_at: Moment,
    pub(in crate::identity::oauth) revoked_at: Option<Moment>,
    /// When the person had signed in who gave it.
    pub(in crate::identity::oauth) signed_in_at: Option<Moment>,
}

/// The grant of a family, made at its first token; none if it was revoked.
pub(in crate::identity::oauth) async fn ensure_grant(
    tx: &mut Tx,
    family_id: &str,
    grant: &GrantRow,
) -> Result<Option<GrantId>> {
    let grant_id = sqlx::query_scalar!(
        "INSERT INTO oauth_grants (grant_id, family_id, person_id, client_id, client_name, scope, created_at, used_at,
             signed_in_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)
         ON CONFLICT (family_id) DO UPDATE SET used_at = excluded.used_at WHERE oauth_grants.revoked_at IS NULL
         RETURNING grant_id",
        grant.grant_id as GrantId,
        family_id,
        grant.person_id as PersonId,
        grant.client_id,
        grant.client_name,
        grant.scope,
        grant.created_at as Moment,
        grant.signed_in_at as Option<Moment>,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(grant_id)
}

pub(in crate::identity::oauth) async fn find_grant(
    tx: &mut Tx,
    grant_id: GrantId,
) -> Result<Option<GrantRow>> {
    let row = sqlx::query_as!(
        GrantRow,
        "SELECT grant_id, person_id, client_id, client_name, scope, created_at, used_at, revoked_at, signed_in_at
         FROM oauth_grants WHERE grant_id = $1",
        grant_id as GrantId,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row)
}

/// Since when a grant that counts was given; it counts until the transaction ends.
pub(in crate::identity::oauth) async fn hold_grant(
    tx: &mut Tx,
    grant_id: GrantId,
) -> Result<Option<Timestamp>> {
    let created_at = sqlx::query_scalar!(
        "SELECT created_at FROM oauth_grants WHERE grant_id = $1 AND revoked_at IS NULL FOR SHARE",
        grant_id as GrantId,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(created_at.map(Moment::to_jiff))
}

pub(in crate::identity::oauth) async fn family_of(tx: &mut Tx, grant_id: GrantId) -> Result<Option<String>> {
    let family_id = sqlx::query_scalar!(
        "SELECT family_id FROM oauth_grants WHERE grant_id = $1",
        grant_id as GrantId
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(family_id)
}

pub(in crate::identity::oauth) async fn list_grants(
    tx: &mut Tx,
    person_id: PersonId,
    limit: i64,
) -> Result<Vec<GrantRow>> {
    let rows = sqlx::query_as!(
        GrantRow,
        "SELECT grant_id, person_id, client_id, client_name, scope, created_at, used_at, revoked_at, signed_in_at
         FROM oauth_grants WHERE person_id = $1 ORDER BY used_at DESC LIMIT $2",
        person_id as PersonId,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

/// The families of a person's grants that count.
pub(in crate::identity::oauth) async fn live_families_of(
    tx: &mut Tx,
    person_id: PersonId,
) -> Result<Vec<String>> {
    let families = sqlx::query_scalar!(
        "SELECT family_id FROM oauth_grants WHERE person_id = $1 AND revoked_at IS NULL ORDER BY family_id",
        person_id as PersonId,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(families)
}

pub(in crate::identity::oauth) async fn revoke_grant_of_family(
    tx: &mut Tx,
    family_id: &str,
) -> Result<Option<GrantId>> {
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

pub(in crate::identity::oauth) async fn revoke_grants_of_client(
    tx: &mut Tx,
    client_id: &str,
) -> Result<Vec<GrantId>> {
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
pub(in crate::identity::oauth) async fn delete_old_grants(
    tx: &mut Tx,
    used_before: Timestamp,
) -> Result<u64> {
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
