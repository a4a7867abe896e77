//! The SQL of entries, seals and heads.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use uuid::Uuid;

use super::domain::{Chain, Hash, Row, Seal};
use super::{Entry, NOT_VISIBLE};
use crate::error::{Error, Result};
use crate::id::{AuditId, ProjectId};
use crate::page::PageAsk;
use crate::postgres::{Moment, Tx};

struct EntryRow {
    audit_id: AuditId,
    at: Moment,
    actor_kind: String,
    actor_id: String,
    operation: String,
    object_kind: String,
    object_id: String,
    project_id: Option<ProjectId>,
    decision: String,
    rule: String,
    cause: Option<String>,
    traceparent: Option<String>,
}

impl From<EntryRow> for Row {
    fn from(row: EntryRow) -> Self {
        Self {
            audit_id: row.audit_id,
            at: row.at.to_jiff(),
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            operation: row.operation,
            object_kind: row.object_kind,
            object_id: row.object_id,
            project_id: row.project_id,
            decision: row.decision,
            rule: row.rule,
            cause: row.cause,
            traceparent: row.traceparent,
        }
    }
}

pub(super) async fn insert(tx: &mut Tx, entry: &Entry<'_>) -> Result<()> {
    let now = tx.moment();
    let (traceparent, cause) = tx.origin();
    let (traceparent, cause) = (traceparent.map(str::to_owned), cause.map(str::to_owned));
    sqlx::query!(
        "INSERT INTO audit_entries (audit_id, at, actor_kind, actor_id, operation, object_kind, object_id, project_id,
                                    decision, rule, cause, traceparent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        AuditId::new() as _,
        now,
        entry.actor.kind(),
        entry.actor.id(),
        entry.operation,
        entry.object_kind,
        entry.object_id,
        entry.project_id as _,
        if entry.allowed { "allowed" } else { "denied" },
        entry.rule,
        cause,
        traceparent,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which entries a list is about; what is none does not narrow.
pub(super) struct Narrow<'a> {
    pub(super) project_id: Option<ProjectId>,
    pub(super) actor_kind: Option<&'a str>,
    pub(super) actor_id: Option<&'a str>,
    pub(super) operation: Option<&'a str>,
    pub(super) object_kind: Option<&'a str>,
    pub(super) object_id: Option<&'a str>,
    pub(super) decision: Option<&'a str>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    /// Leaves out what was refused because the asker may not see that the object exists.
    pub(super) hide_unseen: bool,
}

pub(super) async fn list(tx: &mut Tx, narrow: &Narrow<'_>, ask: PageAsk) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        EntryRow,
        "SELECT audit_id, at, actor_kind, actor_id, operation, object_kind, object_id, project_id, decision, rule, cause,
                traceparent
         FROM audit_entries
         WHERE audit_id < $1
           AND ($3::uuid IS NULL OR project_id = $3) AND ($4::text IS NULL OR actor_kind = $4)
           AND ($5::text IS NULL OR actor_id = $5) AND ($6::text IS NULL OR operation = $6)
           AND ($7::text IS NULL OR object_kind = $7) AND ($8::text IS NULL OR object_id = $8)
           AND ($9::text IS NULL OR decision = $9) AND ($10::timestamptz IS NULL OR at >= $10)
           AND ($11::timestamptz IS NULL OR at < $11) AND (NOT $12 OR rule <> $13)
         ORDER BY audit_id DESC LIMIT $2",
        ask.before(),
        ask.fetch(),
        narrow.project_id as _,
        narrow.actor_kind,
        narrow.actor_id,
        narrow.operation,
        narrow.object_kind,
        narrow.object_id,
        narrow.decision,
        narrow.since.map(ToSqlx::to_sqlx) as _,
        narrow.until.map(ToSqlx::to_sqlx) as _,
        narrow.hide_unseen,
        NOT_VISIBLE,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The names of the people and programs among the actors, by their ids.
pub(super) async fn names(tx: &mut Tx, rows: &[Row]) -> Result<HashMap<String, String>> {
    let named = rows
        .iter()
        .filter(|row| matches!(row.actor_kind.as_str(), "person" | "service"));
    let ids: Vec<Uuid> = named.filter_map(|row| row.actor_id.parse().ok()).collect();
    let found = sqlx::query!(
        r#"SELECT person_id::text AS "id!", login AS "name!" FROM people WHERE person_id = ANY ($1)
           UNION ALL
           SELECT jti::text, name FROM access_tokens WHERE jti = ANY ($1) AND name IS NOT NULL"#,
        &ids,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(found.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Whether this transaction is the one that seals now: one does at a time, over all workers.
pub(super) async fn may_seal(tx: &mut Tx) -> Result<bool> {
    let got = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended('audit.seal', 0)) AS "got!""#
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(got)
}

/// The oldest entries that are not sealed.
pub(super) async fn unsealed(tx: &mut Tx, limit: i64) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        EntryRow,
        r#"SELECT e.audit_id AS "audit_id: AuditId", e.at, e.actor_kind, e.actor_id, e.operation, e.object_kind,
                  e.object_id, e.project_id AS "project_id: ProjectId", e.decision, e.rule, e.cause, e.traceparent
           FROM audit_unsealed u JOIN audit_entries e ON e.audit_id = u.audit_id
           ORDER BY e.audit_id LIMIT $1"#,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The end of a chain: its last seal; of a new one, what it begins with.
pub(super) async fn head(tx: &mut Tx, chain: Chain) -> Result<Option<(i64, Hash)>> {
    let row = sqlx::query!(
        "SELECT seq, seal_hash FROM audit_heads WHERE chain_id = $1",
        chain.uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok((row.seq, hash(&row.seal_hash)?))).transpose()
}

pub(super) async fn insert_seals(tx: &mut Tx, chain: Chain, seals: &[Seal]) -> Result<()> {
    let seqs: Vec<_> = seals.iter().map(|seal| seal.seq).collect();
    let ids: Vec<_> = seals.iter().map(|seal| seal.audit_id.uuid()).collect();
    let entries: Vec<_> = seals.iter().map(|seal| seal.entry_hash.to_vec()).collect();
    let hashes: Vec<_> = seals.iter().map(|seal| seal.seal_hash.to_vec()).collect();
    sqlx::query!(
        "INSERT INTO audit_seals (chain_id, seq, audit_id, entry_hash, seal_hash)
         SELECT $1, * FROM unnest($2::bigint[], $3::uuid[], $4::bytea[], $5::bytea[])",
        chain.uuid(),
        &seqs,
        &ids,
        &entries,
        &hashes,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM audit_unsealed WHERE audit_id = ANY ($1)", &ids)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Moves the end of a chain, and keeps what was signed for it.
pub(super) async fn insert_head(
    tx: &mut Tx,
    chain: Chain,
    (seq, seal): (i64, &Hash),
    kid: &str,
    signature: &[u8],
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO audit_heads (chain_id, seq, seal_hash, sealed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (chain_id) DO UPDATE SET seq = $2, seal_hash = $3, sealed_at = $4",
        chain.uuid(),
        seq,
        seal.as_slice(),
        now,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO audit_signed_heads (chain_id, seq, seal_hash, kid, signature, signed_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        chain.uuid(),
        seq,
        seal.as_slice(),
        kid,
        signature,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A head as the table has it.
pub(super) struct SignedRow {
    pub(super) chain_id: Uuid,
    pub(super) seq: i64,
    pub(super) seal_hash: Vec<u8>,
    pub(super) kid: String,
    pub(super) signature: Vec<u8>,
    pub(super) signed_at: Moment,
}

/// The newest signed head of each chain that comes after `after`, in the order of their ids.
pub(super) async fn newest_heads(tx: &mut Tx, after: Option<Uuid>, limit: i64) -> Result<Vec<SignedRow>> {
    let rows = sqlx::query_as!(
        SignedRow,
        "SELECT DISTINCT ON (chain_id) chain_id, seq, seal_hash, kid, signature, signed_at FROM audit_signed_heads
         WHERE $1::uuid IS NULL OR chain_id > $1 ORDER BY chain_id, seq DESC LIMIT $2",
        after,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

/// A seal with what belongs to it.
pub(super) struct Linked {
    pub(super) seal: Seal,
    pub(super) entry: Option<Row>,
    /// Hash, key and signature, if the chain was signed here.
    pub(super) signed: Option<(Vec<u8>, String, Vec<u8>)>,
}

/// The seals after `after`, in order.
pub(super) async fn seals(tx: &mut Tx, chain: Chain, after: i64, limit: i64) -> Result<Vec<Linked>> {
    let rows = sqlx::query!(
        r#"SELECT s.seq, s.audit_id AS "audit_id!: AuditId", s.entry_hash, s.seal_hash,
                  h.seal_hash AS "signed_hash?", h.kid AS "kid?", h.signature AS "signature?"
           FROM audit_seals s LEFT JOIN audit_signed_heads h ON h.chain_id = s.chain_id AND h.seq = s.seq
           WHERE s.chain_id = $1 AND s.seq > $2 ORDER BY s.seq LIMIT $3"#,
        chain.uuid(),
        after,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    let ids: Vec<_> = rows.iter().map(|row| row.audit_id.uuid()).collect();
    let mut entries = entries(tx, &ids).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Linked {
                entry: entries.remove(&row.audit_id),
                seal: Seal {
                    seq: row.seq,
                    audit_id: row.audit_id,
                    entry_hash: hash(&row.entry_hash)?,
                    seal_hash: hash(&row.seal_hash)?,
                },
                signed: row
                    .signed_hash
                    .zip(row.kid)
                    .zip(row.signature)
                    .map(|((hash, kid), signature)| (hash, kid, signature)),
            })
        })
        .collect()
}

async fn entries(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<AuditId, Row>> {
    let rows = sqlx::query_as!(
        EntryRow,
        "SELECT audit_id, at, actor_kind, actor_id, operation, object_kind, object_id, project_id, decision, rule, cause,
                traceparent
         FROM audit_entries WHERE audit_id = ANY ($1)",
        ids,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.audit_id, row.into())).collect())
}

/// The hash of one seal.
pub(super) async fn seal_at(tx: &mut Tx, chain: Chain, seq: i64) -> Result<Option<Hash>> {
    let found = sqlx::query_scalar!(
        "SELECT seal_hash FROM audit_seals WHERE chain_id = $1 AND seq = $2",
        chain.uuid(),
        seq,
    )
    .fetch_optional(&mut **tx)
    .await?;
    found.as_deref().map(hash).transpose()
}

/// Whether an entry of this content was sealed at another place of the chain.
pub(super) async fn is_sealed_elsewhere(tx: &mut Tx, chain: Chain, entry: &Hash, seq: i64) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM audit_seals WHERE chain_id = $1 AND entry_hash = $2 AND seq <> $3) AS "found!""#,
        chain.uuid(),
        entry.as_slice(),
        seq,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(found)
}

/// Signed heads of a chain whose seal is gone.
pub(super) async fn heads_without_seal(tx: &mut Tx, chain: Chain, limit: i64) -> Result<Vec<i64>> {
    let seqs = sqlx::query_scalar!(
        "SELECT seq FROM audit_signed_heads h WHERE chain_id = $1
           AND NOT EXISTS (SELECT FROM audit_seals s WHERE s.chain_id = h.chain_id AND s.seq = h.seq)
         ORDER BY seq LIMIT $2",
        chain.uuid(),
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(seqs)
}

/// A page of a chain's entries by their ids, each with whether it is sealed or waits for it.
pub(super) async fn coverage(
    tx: &mut Tx,
    chain: Chain,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(AuditId, bool)>> {
    let rows = sqlx::query!(
        r#"SELECT e.audit_id AS "audit_id!: AuditId",
                  (EXISTS (SELECT FROM audit_seals s WHERE s.audit_id = e.audit_id)
                   OR EXISTS (SELECT FROM audit_unsealed u WHERE u.audit_id = e.audit_id)) AS "covered!"
           FROM audit_entries e WHERE e.project_id IS NOT DISTINCT FROM $1 AND e.audit_id > $2
           ORDER BY e.audit_id LIMIT $3"#,
        chain.0 as _,
        after,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.audit_id, row.covered)).collect())
}

/// Entries that were deleted before anybody sealed them; whose they were is not known any more.
pub(super) async fn lost_before_sealed(tx: &mut Tx, limit: i64) -> Result<Vec<AuditId>> {
    let ids = sqlx::query_scalar!(
        r#"SELECT u.audit_id AS "audit_id!: AuditId" FROM audit_unsealed u
           WHERE NOT EXISTS (SELECT FROM audit_entries e WHERE e.audit_id = u.audit_id) ORDER BY 1 LIMIT $1"#,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}

/// The chains there are, in the order of their ids.
pub(super) async fn chains(tx: &mut Tx, after: Option<Uuid>, limit: i64) -> Result<Vec<Chain>> {
    let ids = sqlx::query_scalar!(
        r#"SELECT chain_id AS "chain_id!" FROM (
               SELECT chain_id FROM audit_heads
               UNION SELECT chain_id FROM audit_signed_heads
               UNION SELECT project_id FROM projects
               UNION SELECT '00000000-0000-0000-0000-000000000000'::uuid) AS known
           WHERE $1::uuid IS NULL OR chain_id > $1 ORDER BY chain_id LIMIT $2"#,
        after,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(Chain::from_uuid).collect())
}

pub(super) fn hash(bytes: &[u8]) -> Result<Hash> {
    bytes
        .try_into()
        .map_err(|_| Error::internal("a hash of the audit has not 32 bytes"))
}
