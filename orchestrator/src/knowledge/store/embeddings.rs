use pgvector::HalfVector;
use sqlx::AssertSqlSafe;

use super::super::service::{Model, ModelState, Unembedded};
use crate::error::{Error, Result};
use crate::id::{ChunkId, RepositoryId};
use crate::ports::EmbeddingModel;
use crate::postgres::{Moment, Tx, unknown_word};

struct Row {
    model_id: i16,
    name: String,
    dims: i16,
    checksum: String,
    is_external: bool,
    state: String,
}

impl TryFrom<Row> for Model {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let state = ModelState::parse(&row.state);
        Ok(Self {
            model_id: row.model_id,
            state: state.ok_or_else(|| unknown_word("embedding_models.state", &row.state))?,
            pinned: EmbeddingModel {
                name: row.name,
                dims: row.dims,
                checksum: row.checksum,
                is_external: row.is_external,
            },
        })
    }
}

/// One change of models at a time.
pub(in super::super) async fn lock_models(tx: &mut Tx) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('embedding_models', 0))")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(in super::super) async fn models(tx: &mut Tx) -> Result<Vec<Model>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT model_id, name, dims, checksum, is_external, state FROM embedding_models ORDER BY model_id",
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Model::try_from).collect()
}

pub(in super::super) async fn insert_model(
    tx: &mut Tx,
    model: &EmbeddingModel,
    state: ModelState,
) -> Result<i16> {
    let now = tx.moment();
    let model_id = sqlx::query_scalar!(
        "INSERT INTO embedding_models (name, dims, checksum, is_external, state, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING model_id",
        model.name,
        model.dims,
        model.checksum,
        model.is_external,
        state.as_str(),
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!("SELECT knowledge_prepare_model($1)", model_id)
        .execute(&mut **tx)
        .await?;
    Ok(model_id)
}

pub(in super::super) async fn set_state(tx: &mut Tx, model_id: i16, state: ModelState) -> Result<()> {
    let retired_at = (state == ModelState::Retired).then(|| tx.moment());
    sqlx::query!(
        "UPDATE embedding_models SET state = $2, retired_at = $3 WHERE model_id = $1",
        model_id,
        state.as_str(),
        retired_at as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whatever the model lacks waits for it.
pub(in super::super) async fn fill_pending(tx: &mut Tx, model_id: i16) -> Result<()> {
    sqlx::query!(
        "INSERT INTO knowledge_pending (model_id, chunk_id, repository_id)
         SELECT $1, c.chunk_id, c.repository_id FROM knowledge_chunks c
         WHERE NOT EXISTS (SELECT FROM knowledge_embeddings e WHERE e.chunk_id = c.chunk_id AND e.model_id = $1)
         ON CONFLICT DO NOTHING",
        model_id,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Models nobody uses since `before`.
pub(in super::super) async fn drop_retired(tx: &mut Tx, before: Moment) -> Result<u64> {
    let done = sqlx::query!(
        "SELECT knowledge_drop_model(model_id) FROM embedding_models WHERE state = 'retired' AND retired_at < $1",
        before,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(u64::try_from(done.len()).unwrap_or(u64::MAX))
}

/// Passages that wait for the model; of sources without consent none, if it is outside.
pub(in super::super) async fn pending(tx: &mut Tx, model_id: i16, limit: i64) -> Result<Vec<Unembedded>> {
    let waiting = sqlx::query_as!(
        Unembedded,
        r#"SELECT p.chunk_id AS "chunk_id: ChunkId", c.heading, c.text
           FROM knowledge_pending p JOIN knowledge_chunks c USING (chunk_id)
           JOIN knowledge_sources s ON s.repository_id = p.repository_id
           JOIN embedding_models m USING (model_id)
           WHERE p.model_id = $1 AND p.refusal IS NULL AND s.forgotten_at IS NULL AND (NOT m.is_external OR s.consent_at IS NOT NULL)
           ORDER BY p.repository_id, p.chunk_id LIMIT $2"#,
        model_id,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(waiting)
}

/// How many passages of each of these repositories wait for the model.
pub(in super::super) async fn waiting(
    tx: &mut Tx,
    model_id: i16,
    repositories: &[RepositoryId],
) -> Result<Vec<(RepositoryId, i64)>> {
    let ids: Vec<_> = repositories.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT repository_id AS "repository_id: RepositoryId", count(*) AS "waiting!" FROM knowledge_pending
           WHERE model_id = $1 AND refusal IS NULL AND repository_id = ANY ($2) GROUP BY repository_id"#,
        model_id,
        &ids,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.repository_id, row.waiting))
        .collect())
}

/// How many passages of each of these repositories the model will not read, and why one of them.
pub(in super::super) async fn refused(
    tx: &mut Tx,
    model_id: i16,
    repositories: &[RepositoryId],
) -> Result<Vec<(RepositoryId, i64, String)>> {
    let ids: Vec<_> = repositories.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT repository_id AS "repository_id: RepositoryId", count(*) AS "refused!", max(refusal) AS "refusal!"
           FROM knowledge_pending
           WHERE model_id = $1 AND refusal IS NOT NULL AND repository_id = ANY ($2) GROUP BY repository_id"#,
        model_id,
        &ids,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.repository_id, row.refused, row.refusal))
        .collect())
}

/// Notes why a passage that waits will get no vector of the model.
pub(in super::super) async fn refuse(
    tx: &mut Tx,
    model_id: i16,
    chunk_id: ChunkId,
    refusal: &str,
) -> Result<()> {
    sqlx::query!(
        "UPDATE knowledge_pending SET refusal = $3 WHERE model_id = $1 AND chunk_id = $2",
        model_id,
        chunk_id as _,
        refusal,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps vectors of passages that still wait; those that went meanwhile are left out. Answers how many were kept.
pub(in super::super) async fn insert(
    tx: &mut Tx,
    model: &Model,
    vectors: &[(ChunkId, Vec<f32>)],
) -> Result<u64> {
    let ids: Vec<_> = vectors.iter().map(|(id, _)| id.uuid()).collect();
    let halves: Vec<_> = vectors
        .iter()
        .map(|(_, vector)| HalfVector::from_f32_slice(vector))
        .collect();
    let sql = "WITH made AS
                   (DELETE FROM knowledge_pending p USING unnest($2::uuid[], $3::halfvec[]) AS new (chunk_id, embedding)
                    WHERE p.model_id = $1 AND p.chunk_id = new.chunk_id
                    RETURNING p.chunk_id, p.repository_id, new.embedding)
               INSERT INTO knowledge_embeddings (model_id, chunk_id, repository_id, embedding)
               SELECT $1, chunk_id, repository_id, embedding FROM made ON CONFLICT DO NOTHING";
    // At run time, because the macro knows no arrays of vectors.
    let done = sqlx::query(AssertSqlSafe(sql))
        .bind(model.model_id)
        .bind(ids)
        .bind(halves)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Vectors that an embedder outside made are the repository's no more.
pub(in super::super) async fn delete_external(tx: &mut Tx, repository_id: RepositoryId) -> Result<()> {
    sqlx::query!(
        "WITH gone AS
             (DELETE FROM knowledge_embeddings e USING embedding_models m
              WHERE e.model_id = m.model_id AND m.is_external AND e.repository_id = $1
              RETURNING e.model_id, e.chunk_id, e.repository_id)
         INSERT INTO knowledge_pending (model_id, chunk_id, repository_id)
         SELECT model_id, chunk_id, repository_id FROM gone ON CONFLICT DO NOTHING",
        repository_id as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in super::super) async fn keep_question(
    tx: &mut Tx,
    model_id: i16,
    question_sha256: &[u8],
    vector: &[f32],
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO knowledge_questions AS q (model_id, question_sha256, embedding, asked_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (model_id, question_sha256) DO UPDATE SET asked_at = $4",
        model_id,
        question_sha256,
        HalfVector::from_f32_slice(vector) as _,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets questions but the newest; answers how many.
pub(in super::super) async fn sweep_questions(tx: &mut Tx, keep: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM knowledge_questions WHERE asked_at <
             (SELECT asked_at FROM knowledge_questions ORDER BY asked_at DESC OFFSET $1 LIMIT 1)",
        keep,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
