use pgvector::HalfVector;

use super::super::plan::Word;
use super::super::service::{Document, Filter, Passage, Scoped};
use super::super::source::VisibleTo;
use super::super::{DocumentKind, Language};
use crate::error::Result;
use crate::id::{ChunkId, DocumentId, ProjectId, RepositoryId};
use crate::postgres::{Moment, Tx, unknown_word};

/// The sources of these projects, or the one of a repository, that can be searched: not those that GitHub closed to us.
pub(in super::super) async fn scope(
    tx: &mut Tx,
    projects: &[ProjectId],
    repository_id: Option<RepositoryId>,
) -> Result<Vec<Scoped>> {
    let projects: Vec<_> = projects.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT s.repository_id AS "repository_id: RepositoryId", r.owner, r.name, visible_to, is_private,
                  commit_sha, pass_commit, wanted_since, chunks
           FROM knowledge_sources s JOIN repositories r USING (repository_id)
           WHERE s.project_id = ANY ($1) AND ($2::uuid IS NULL OR s.repository_id = $2) AND forgotten_at IS NULL
               AND (r.suspension IS NULL OR r.suspension = 'repository_archived')
           ORDER BY s.repository_id"#,
        &projects,
        repository_id as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let set = row.visible_to.map(|word| {
                VisibleTo::parse(&word).ok_or_else(|| unknown_word("knowledge_sources.visible_to", &word))
            });
            let visible_to = set.transpose()?.unwrap_or(VisibleTo::default_of(row.is_private));
            Ok(Scoped {
                repository_id: row.repository_id,
                full_name: format!("{}/{}", row.owner, row.name),
                visible_to,
                commit: row.commit_sha,
                pass_commit: row.pass_commit,
                wanted_since: row.wanted_since.map(Moment::to_jiff),
                chunks: u64::from(row.chunks.unsigned_abs()),
            })
        })
        .collect()
}

/// All passages of the installation, roughly: what the models' indexes hold.
pub(in super::super) async fn passages_in_all(tx: &mut Tx) -> Result<u64> {
    let all = sqlx::query_scalar!(r#"SELECT coalesce(sum(chunks), 0) AS "all!" FROM knowledge_sources"#)
        .fetch_one(&mut **tx)
        .await?;
    Ok(u64::try_from(all).unwrap_or_default())
}

/// How many passages pass the filter, counted no further than `most`.
pub(in super::super) async fn count(
    tx: &mut Tx,
    repositories: &[RepositoryId],
    filter: &Filter,
    most: u64,
) -> Result<u64> {
    let ids: Vec<_> = repositories.iter().map(|id| id.uuid()).collect();
    let kinds: Option<Vec<_>> = filter
        .kinds
        .as_ref()
        .map(|kinds| kinds.iter().map(|kind| kind.as_str().to_owned()).collect());
    let counted = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM
               (SELECT FROM knowledge_documents d JOIN knowledge_chunks c USING (document_id)
                WHERE d.repository_id = ANY ($1) AND ($2::text IS NULL OR d.path ~ $2)
                    AND ($3::text[] IS NULL OR d.kind = ANY ($3))
                LIMIT $4) AS passed"#,
        &ids,
        filter.paths.as_deref(),
        kinds.as_deref(),
        i64::try_from(most).unwrap_or(i64::MAX),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(u64::try_from(counted).unwrap_or_default())
}

/// The question's words in every language we stem, each with the part of the passages in scope that bear it.
pub(in super::super) async fn weigh(
    tx: &mut Tx,
    words: &str,
    repositories: &[RepositoryId],
) -> Result<Vec<Word>> {
    let ids: Vec<_> = repositories.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT asked.word AS "word!",
                  coalesce((SELECT sum(k.share * s.chunks) FROM knowledge_common_words k
                            JOIN knowledge_sources s USING (repository_id)
                            WHERE k.word = asked.word AND k.repository_id = ANY ($2))
                           / nullif((SELECT sum(chunks) FROM knowledge_sources WHERE repository_id = ANY ($2)), 0),
                           0)::float8 AS "share!"
           FROM unnest(tsvector_to_array(to_tsvector('english', $1) || to_tsvector('russian', $1)
                                         || to_tsvector('simple', $1))) AS asked (word)"#,
        words,
        &ids,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Word {
            word: row.word,
            share: row.share,
        })
        .collect())
}

/// All words of a question, in each language: what a short question most likely means.
pub(in super::super) async fn every_word(tx: &mut Tx, words: &str) -> Result<String> {
    let query = sqlx::query_scalar!(
        r#"SELECT (plainto_tsquery('english', $1) || plainto_tsquery('russian', $1) || plainto_tsquery('simple', $1))::text
               AS "query!""#,
        words,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(query)
}

/// Passages that define a name like this one, or whose file's path has it.
pub(in super::super) async fn like_a_name(
    tx: &mut Tx,
    repositories: &[RepositoryId],
    name: &str,
    limit: i64,
) -> Result<Vec<ChunkId>> {
    let ids: Vec<_> = repositories.iter().map(|id| id.uuid()).collect();
    let found = sqlx::query_scalar!(
        r#"SELECT chunk_id AS "chunk_id!: ChunkId" FROM
               (SELECT n.chunk_id, similarity(n.name, $2) AS likeness
                FROM unnest($1::uuid[]) AS r (repository_id) JOIN knowledge_names n USING (repository_id)
                WHERE n.name % $2
                UNION ALL
                SELECT first.chunk_id, 1.0 FROM unnest($1::uuid[]) AS r (repository_id)
                JOIN knowledge_documents d USING (repository_id)
                CROSS JOIN LATERAL (SELECT chunk_id FROM knowledge_chunks c WHERE c.document_id = d.document_id
                                    ORDER BY line_from LIMIT 1) AS first
                WHERE $2 ~ '[./]' AND d.path ILIKE '%' || replace(replace($2, '%', ''), '_', '\_') || '%') AS found
           GROUP BY chunk_id ORDER BY max(likeness) DESC, chunk_id LIMIT $3"#,
        &ids,
        name,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(found)
}

/// The vector of a question that was asked before.
pub(in super::super) async fn question(
    tx: &mut Tx,
    model_id: i16,
    question_sha256: &[u8],
) -> Result<Option<Vec<f32>>> {
    let vector = sqlx::query_scalar!(
        r#"SELECT embedding AS "embedding: HalfVector" FROM knowledge_questions
           WHERE model_id = $1 AND question_sha256 = $2"#,
        model_id,
        question_sha256,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(vector.map(|vector| vector.to_vec().into_iter().map(f32::from).collect()))
}

/// These passages with all that is shown of them, in no order.
pub(in super::super) async fn passages(
    tx: &mut Tx,
    ids: &[ChunkId],
    repositories: &[RepositoryId],
) -> Result<Vec<Passage>> {
    let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
    let repositories: Vec<_> = repositories.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT c.chunk_id AS "chunk_id: ChunkId", d.document_id AS "document_id: DocumentId",
                  d.repository_id AS "repository_id: RepositoryId", d.path, d.kind, c.heading, c.names, c.line_from,
                  c.line_to, c.text,
                  CASE WHEN s.pass_commit IS NOT NULL AND d.pass = s.pass THEN s.pass_commit
                       ELSE coalesce(s.commit_sha, d.commit_sha) END AS "commit!"
           FROM knowledge_chunks c JOIN knowledge_documents d USING (document_id)
           JOIN knowledge_sources s ON s.repository_id = d.repository_id
           WHERE c.chunk_id = ANY ($1) AND c.repository_id = ANY ($2)"#,
        &ids,
        &repositories,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = DocumentKind::parse(&row.kind);
            Ok(Passage {
                chunk_id: row.chunk_id,
                document_id: row.document_id,
                repository_id: row.repository_id,
                path: row.path,
                kind: kind.ok_or_else(|| unknown_word("knowledge_documents.kind", &row.kind))?,
                heading: row.heading,
                names: row.names,
                lines: (row.line_from.unsigned_abs(), row.line_to.unsigned_abs()),
                text: row.text,
                commit: row.commit,
            })
        })
        .collect()
}

/// How a document is named.
pub(in super::super) enum Which<'a> {
    Id(DocumentId),
    Path(RepositoryId, &'a str),
}

pub(in super::super) async fn document(tx: &mut Tx, which: Which<'_>) -> Result<Option<Document>> {
    let (id, repository_id, path) = match which {
        Which::Id(id) => (Some(id), None, None),
        Which::Path(repository_id, path) => (None, Some(repository_id), Some(path)),
    };
    let row = sqlx::query!(
        r#"SELECT d.document_id AS "document_id: DocumentId", d.repository_id AS "repository_id: RepositoryId", d.path,
                  d.blob_sha, d.kind, d.language, d.bytes, d.lines, d.skipped, d.text,
                  CASE WHEN s.pass_commit IS NOT NULL AND d.pass = s.pass THEN s.pass_commit
                       ELSE coalesce(s.commit_sha, d.commit_sha) END AS "commit!"
           FROM knowledge_documents d JOIN knowledge_sources s USING (repository_id)
           WHERE (d.document_id = $1 OR (d.repository_id = $2 AND d.path = $3)) AND s.forgotten_at IS NULL"#,
        id as _,
        repository_id as _,
        path,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let kind = DocumentKind::parse(&row.kind);
    let language = Language::parse(&row.language);
    Ok(Some(Document {
        document_id: row.document_id,
        repository_id: row.repository_id,
        path: row.path,
        commit: row.commit,
        blob_sha: row.blob_sha,
        kind: kind.ok_or_else(|| unknown_word("knowledge_documents.kind", &row.kind))?,
        language: language.ok_or_else(|| unknown_word("knowledge_documents.language", &row.language))?,
        bytes: row.bytes,
        lines: row.lines.unsigned_abs(),
        skipped: row.skipped,
        text: row.text,
    }))
}

/// Vectors of questions asked lately, a random few.
pub(in super::super) async fn sample(tx: &mut Tx, model_id: i16, limit: i64) -> Result<Vec<Vec<f32>>> {
    let vectors = sqlx::query_scalar!(
        r#"SELECT embedding AS "embedding: HalfVector" FROM
               (SELECT embedding FROM knowledge_questions WHERE model_id = $1 ORDER BY asked_at DESC LIMIT 1000) AS lately
           ORDER BY random() LIMIT $2"#,
        model_id,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(vectors
        .into_iter()
        .map(|vector| vector.to_vec().into_iter().map(f32::from).collect())
        .collect())
}

/// The repositories of each project with the passages they have, those of the largest project first.
pub(in super::super) async fn projects(tx: &mut Tx, limit: i64) -> Result<Vec<(Vec<RepositoryId>, u64)>> {
    let rows = sqlx::query!(
        r#"SELECT array_agg(repository_id) AS "repositories!: Vec<uuid::Uuid>", sum(chunks) AS "chunks!"
           FROM knowledge_sources WHERE forgotten_at IS NULL GROUP BY project_id ORDER BY sum(chunks) DESC LIMIT $1"#,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let repositories = row.repositories.into_iter().map(RepositoryId::from).collect();
            (repositories, u64::try_from(row.chunks).unwrap_or_default())
        })
        .collect())
}
