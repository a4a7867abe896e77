use super::domain::SecretKind;
use super::service::{NewSecret, Secret};
use crate::error::{Error, Result};
use crate::id::{ProjectId, SecretId};
use crate::page::PageAsk;
use crate::postgres::{Moment, Tx, erase, unknown_word};

/// A value as it lies in the table.
pub(super) struct Sealed {
    pub(super) key_id: String,
    pub(super) data_key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

struct Row {
    secret_id: SecretId,
    project_id: Option<ProjectId>,
    name: String,
    kind: String,
    host: Option<String>,
    key_id: String,
    version: i64,
    set_by: String,
    set_at: Moment,
    last_used_at: Option<Moment>,
    created_at: Moment,
}

impl TryFrom<Row> for Secret {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            secret_id: row.secret_id,
            project_id: row.project_id,
            name: row.name,
            kind: SecretKind::parse(&row.kind).ok_or_else(|| unknown_word("secrets.kind", &row.kind))?,
            host: row.host,
            key_id: row.key_id,
            version: row.version,
            set_by: row.set_by,
            set_at: row.set_at.to_jiff(),
            last_used_at: row.last_used_at.map(Moment::to_jiff),
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// Locks the secret of a name until the transaction ends.
pub(super) async fn find_for_update(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
    name: &str,
) -> Result<Option<SecretId>> {
    let found = sqlx::query_scalar!(
        "SELECT secret_id FROM secrets WHERE project_id IS NOT DISTINCT FROM $1 AND name = $2 FOR UPDATE",
        project_id as Option<ProjectId>,
        name,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found)
}

pub(super) async fn upsert(
    tx: &mut Tx,
    secret_id: SecretId,
    new: &NewSecret,
    host: Option<&str>,
    sealed: &Sealed,
    set_by: &str,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO secrets AS s (secret_id, project_id, name, kind, host, key_id, sealed_data_key, sealed_value, set_by,
                                   set_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
         ON CONFLICT (secret_id) DO UPDATE
             SET kind = $4, host = $5, key_id = $6, sealed_data_key = $7, sealed_value = $8, set_by = $9, set_at = $10,
                 version = s.version + 1",
        secret_id as SecretId,
        new.project_id as Option<ProjectId>,
        new.name,
        new.kind.as_str(),
        host,
        sealed.key_id,
        sealed.data_key,
        sealed.value,
        set_by,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn get(tx: &mut Tx, secret_id: SecretId) -> Result<Secret> {
    sqlx::query_as!(
        Row,
        "SELECT secret_id, project_id, name, kind, host, key_id, version, set_by, set_at, last_used_at, created_at
         FROM secrets WHERE secret_id = $1",
        secret_id as SecretId,
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(|| Error::not_found("secret", secret_id))?
    .try_into()
}

pub(super) async fn find_by_host(tx: &mut Tx, host: &str) -> Result<Option<Secret>> {
    sqlx::query_as!(
        Row,
        "SELECT secret_id, project_id, name, kind, host, key_id, version, set_by, set_at, last_used_at, created_at
         FROM secrets WHERE host = $1",
        host,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Secret::try_from)
    .transpose()
}

/// The secrets of a project, or those of none.
pub(super) async fn list(tx: &mut Tx, project_id: Option<ProjectId>, ask: PageAsk) -> Result<Vec<Secret>> {
    sqlx::query_as!(
        Row,
        "SELECT secret_id, project_id, name, kind, host, key_id, version, set_by, set_at, last_used_at, created_at
         FROM secrets WHERE project_id IS NOT DISTINCT FROM $1 AND secret_id < $2
         ORDER BY secret_id DESC LIMIT $3",
        project_id as Option<ProjectId>,
        ask.before(),
        ask.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .map(Secret::try_from)
    .collect()
}

/// The key of a host, with a note that it is used now.
pub(super) async fn use_of_host(tx: &mut Tx, host: &str) -> Result<Option<(SecretId, Sealed)>> {
    let now = tx.moment();
    let row = sqlx::query!(
        r#"UPDATE secrets SET last_used_at = $2 WHERE host = $1
           RETURNING secret_id AS "secret_id: SecretId", key_id, sealed_data_key, sealed_value"#,
        host,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| {
        let sealed = Sealed {
            key_id: row.key_id,
            data_key: row.sealed_data_key,
            value: row.sealed_value,
        };
        (row.secret_id, sealed)
    }))
}

/// Data keys that another master key seals, locked; what another process seals anew is left to it.
pub(super) async fn sealed_otherwise(
    tx: &mut Tx,
    key_id: &str,
    limit: i64,
) -> Result<Vec<(SecretId, Vec<u8>)>> {
    let rows = sqlx::query!(
        r#"SELECT secret_id AS "secret_id: SecretId", sealed_data_key FROM secrets
           WHERE key_id <> $1 LIMIT $2 FOR UPDATE SKIP LOCKED"#,
        key_id,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.secret_id, row.sealed_data_key))
        .collect())
}

pub(super) async fn reseal(tx: &mut Tx, secret_id: SecretId, key_id: &str, sealed: &[u8]) -> Result<()> {
    sqlx::query!(
        "UPDATE secrets SET key_id = $2, sealed_data_key = $3 WHERE secret_id = $1",
        secret_id as SecretId,
        key_id,
        sealed,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a batch of a deleted project's secrets; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM secrets WHERE secret_id IN (
             SELECT secret_id FROM secrets WHERE project_id = $1 LIMIT $2)",
    ))
}
