use serde_json::json;

use super::super::document::{NewDocument, NewPassage, Skipped};
use super::super::words;
use crate::error::Result;
use crate::id::{ChunkId, DocumentId, RepositoryId};
use crate::postgres::Tx;

/// Locks the pass; answers whether it is still the one under way.
pub(in super::super) async fn is_under_way(
    tx: &mut Tx,
    repository_id: RepositoryId,
    pass: i64,
) -> Result<bool> {
    let under_way = sqlx::query_scalar!(
        r#"SELECT (pass = $2 AND pass_commit IS NOT NULL AND forgotten_at IS NULL) AS "under_way!"
           FROM knowledge_sources WHERE repository_id = $1 FOR UPDATE"#,
        repository_id as _,
        pass,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(under_way.unwrap_or(false))
}

/// Marks as seen those that did not change; answers their paths.
pub(in super::super) async fn mark_seen(
    tx: &mut Tx,
    repository_id: RepositoryId,
    pass: i64,
    paths: &[String],
    blobs: &[String],
) -> Result<Vec<String>> {
    let paths = sqlx::query_scalar!(
        "UPDATE knowledge_documents d SET pass = $2
         FROM unnest($3::text[], $4::text[]) AS there (path, blob_sha)
         WHERE d.repository_id = $1 AND d.path = there.path AND d.blob_sha = there.blob_sha
         RETURNING d.path",
        repository_id as _,
        pass,
        paths,
        blobs,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(paths)
}

pub(in super::super) async fn upsert(
    tx: &mut Tx,
    repository_id: RepositoryId,
    (pass, commit): (i64, &str),
    document: &NewDocument,
) -> Result<DocumentId> {
    let lines = i32::try_from(document.text.lines().count()).unwrap_or(i32::MAX);
    let id = sqlx::query_scalar!(
        r#"INSERT INTO knowledge_documents (document_id, repository_id, path, blob_sha, pass, commit_sha, kind, language,
                                            bytes, lines, text)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT ON CONSTRAINT knowledge_documents_path_key DO UPDATE
               SET blob_sha = $4, pass = $5, commit_sha = $6, kind = $7, language = $8, bytes = $9, lines = $10, text = $11,
                   skipped = NULL
           RETURNING document_id AS "document_id: DocumentId""#,
        DocumentId::new() as _,
        repository_id as _,
        document.path,
        document.blob_sha,
        pass,
        commit,
        document.kind.as_str(),
        document.language.as_str(),
        document.bytes,
        lines,
        document.text,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(id)
}

pub(in super::super) async fn skip(
    tx: &mut Tx,
    repository_id: RepositoryId,
    (pass, commit): (i64, &str),
    file: &Skipped,
) -> Result<()> {
    let id = sqlx::query_scalar!(
        r#"INSERT INTO knowledge_documents (document_id, repository_id, path, blob_sha, pass, commit_sha, kind, language,
                                            bytes, lines, skipped)
           VALUES ($1, $2, $3, $4, $5, $6, 'docs', 'simple', $7, 0, $8)
           ON CONFLICT ON CONSTRAINT knowledge_documents_path_key DO UPDATE
               SET blob_sha = $4, pass = $5, commit_sha = $6, bytes = $7, lines = 0, text = NULL, skipped = $8
           RETURNING document_id AS "document_id: DocumentId""#,
        DocumentId::new() as _,
        repository_id as _,
        file.path,
        file.blob_sha,
        pass,
        commit,
        file.bytes,
        file.reason,
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM knowledge_chunks WHERE document_id = $1", id as _)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A passage that is there already.
pub(in super::super) struct Kept {
    pub chunk_id: ChunkId,
    pub content_sha256: Vec<u8>,
}

pub(in super::super) async fn passages(tx: &mut Tx, document_id: DocumentId) -> Result<Vec<Kept>> {
    let kept = sqlx::query_as!(
        Kept,
        r#"SELECT chunk_id AS "chunk_id: ChunkId", content_sha256 FROM knowledge_chunks
           WHERE document_id = $1 ORDER BY line_from, chunk_id"#,
        document_id as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(kept)
}

/// Passages that say the same at other lines.
pub(in super::super) async fn move_passages(tx: &mut Tx, moved: &[(ChunkId, (u32, u32))]) -> Result<()> {
    let line = |line: u32| i32::try_from(line).unwrap_or(i32::MAX);
    let ids: Vec<_> = moved.iter().map(|(id, _)| id.uuid()).collect();
    let from: Vec<_> = moved.iter().map(|(_, lines)| line(lines.0)).collect();
    let to: Vec<_> = moved.iter().map(|(_, lines)| line(lines.1)).collect();
    sqlx::query!(
        "UPDATE knowledge_chunks c SET line_from = moved.line_from, line_to = moved.line_to
         FROM unnest($1::uuid[], $2::int[], $3::int[]) AS moved (chunk_id, line_from, line_to)
         WHERE c.chunk_id = moved.chunk_id AND (c.line_from, c.line_to) <> (moved.line_from, moved.line_to)",
        &ids,
        &from,
        &to,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in super::super) async fn delete_passages(tx: &mut Tx, gone: &[ChunkId]) -> Result<()> {
    let ids: Vec<_> = gone.iter().map(|id| id.uuid()).collect();
    sqlx::query!("DELETE FROM knowledge_chunks WHERE chunk_id = ANY ($1)", &ids)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Inserts passages with what they are found by. Vectors of the same content elsewhere in the repository are theirs, too;
/// what a model lacks then waits for it.
pub(in super::super) async fn insert_passages(
    tx: &mut Tx,
    document_id: DocumentId,
    repository_id: RepositoryId,
    document: &NewDocument,
    passages: &[(ChunkId, &NewPassage)],
) -> Result<()> {
    let rows: Vec<_> = passages
        .iter()
        .map(|(id, passage)| {
            json!({
                "chunk_id": id,
                "content": hex::encode(passage.content_sha256()),
                "heading": passage.heading,
                "names": passage.names,
                "line_from": passage.lines.0,
                "line_to": passage.lines.1,
                "text": passage.text,
                "exact": words::exact(&passage.names, &passage.text),
                "head": words::spread(&format!("{} {}", document.path, passage.heading)),
                "body": words::spread(&passage.text),
            })
        })
        .collect();
    sqlx::query!(
        "INSERT INTO knowledge_chunks (chunk_id, document_id, repository_id, content_sha256, heading, names, line_from,
                                       line_to, text, words)
         SELECT chunk_id, $2, $3, decode(content, 'hex'), heading, names, line_from, line_to, text,
                exact::tsvector || setweight(to_tsvector($4::text::regconfig, head), 'B')
                    || to_tsvector($4::text::regconfig, body)
         FROM jsonb_to_recordset($1) AS new (chunk_id uuid, content text, heading text, names text[], line_from int,
                                             line_to int, text text, exact text, head text, body text)",
        serde_json::Value::Array(rows),
        document_id as _,
        repository_id as _,
        document.language.as_str(),
    )
    .execute(&mut **tx)
    .await?;
    insert_names(tx, repository_id, passages).await?;
    let ids: Vec<_> = passages.iter().map(|(id, _)| id.uuid()).collect();
    sqlx::query!(
        "INSERT INTO knowledge_embeddings (model_id, chunk_id, repository_id, embedding)
         SELECT DISTINCT ON (new.chunk_id, e.model_id) e.model_id, new.chunk_id, new.repository_id, e.embedding
         FROM knowledge_chunks new
         JOIN knowledge_chunks old ON old.repository_id = new.repository_id AND old.content_sha256 = new.content_sha256
             AND old.chunk_id <> new.chunk_id
         JOIN knowledge_embeddings e ON e.chunk_id = old.chunk_id
         WHERE new.chunk_id = ANY ($1)",
        &ids,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO knowledge_pending (model_id, chunk_id, repository_id)
         SELECT m.model_id, c.chunk_id, c.repository_id
         FROM knowledge_chunks c CROSS JOIN embedding_models m
         WHERE c.chunk_id = ANY ($1) AND m.state <> 'retired' AND NOT EXISTS
             (SELECT FROM knowledge_embeddings e WHERE e.chunk_id = c.chunk_id AND e.model_id = m.model_id)",
        &ids,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn insert_names(
    tx: &mut Tx,
    repository_id: RepositoryId,
    passages: &[(ChunkId, &NewPassage)],
) -> Result<()> {
    let (mut ids, mut names) = (Vec::new(), Vec::new());
    for (id, passage) in passages {
        for name in &passage.names {
            ids.push(id.uuid());
            names.push(name.to_lowercase());
        }
    }
    sqlx::query!(
        "INSERT INTO knowledge_names (chunk_id, repository_id, name)
         SELECT DISTINCT chunk_id, $2::uuid, name FROM unnest($1::uuid[], $3::text[]) AS new (chunk_id, name)
         WHERE length(name) <= 200",
        &ids,
        repository_id as _,
        &names,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes at most so many documents that the pass did not see; answers how many.
pub(in super::super) async fn delete_unseen(
    tx: &mut Tx,
    repository_id: RepositoryId,
    pass: i64,
    limit: i64,
) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM knowledge_documents WHERE document_id IN
             (SELECT document_id FROM knowledge_documents WHERE repository_id = $1 AND pass < $2 LIMIT $3)",
        repository_id as _,
        pass,
        limit,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Counts anew which words are so common in a repository that they tell nothing apart. At most `sample` passages are looked at.
pub(in super::super) async fn count_words(
    tx: &mut Tx,
    repository_id: RepositoryId,
    sample: i64,
) -> Result<()> {
    sqlx::query!(
        "DELETE FROM knowledge_common_words WHERE repository_id = $1",
        repository_id as _,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "WITH looked AS MATERIALIZED
             (SELECT words FROM knowledge_chunks WHERE repository_id = $1 ORDER BY content_sha256 LIMIT $2),
         counted AS
             (SELECT word, count(*) AS passages FROM looked CROSS JOIN LATERAL unnest(tsvector_to_array(words)) AS word
              GROUP BY word)
         INSERT INTO knowledge_common_words (repository_id, word, share)
         SELECT $1, word, passages::real / (SELECT count(*) FROM looked) FROM counted
         WHERE passages > 20 AND passages::real / (SELECT count(*) FROM looked) > 0.003",
        repository_id as _,
        sample,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
