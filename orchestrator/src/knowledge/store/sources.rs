use super::super::glob::{DEFAULT_EXCLUDE, DEFAULT_INCLUDE};
use super::super::service::Source;
use super::super::source::VisibleTo;
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId, RepositoryId};
use crate::page::PageAsk;
use crate::postgres::{Moment, Tx, unknown_word};

struct Row {
    repository_id: RepositoryId,
    project_id: ProjectId,
    owner: String,
    name: String,
    default_branch: String,
    include: Vec<String>,
    exclude: Vec<String>,
    visible_to: Option<String>,
    is_private: bool,
    consent_by: Option<String>,
    consent_at: Option<Moment>,
    commit_sha: Option<String>,
    pass_commit: Option<String>,
    indexed_at: Option<Moment>,
    wanted_since: Option<Moment>,
    failure: Option<String>,
    failed_at: Option<Moment>,
    documents: i32,
    skipped: i32,
    chunks: i32,
    version: i64,
}

impl TryFrom<Row> for Source {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let visible_to = |word: String| {
            VisibleTo::parse(&word).ok_or_else(|| unknown_word("knowledge_sources.visible_to", &word))
        };
        Ok(Self {
            repository_id: row.repository_id,
            project_id: row.project_id,
            full_name: format!("{}/{}", row.owner, row.name),
            default_branch: row.default_branch,
            include: row.include,
            exclude: row.exclude,
            visible_to_set: row.visible_to.map(visible_to).transpose()?,
            is_private: row.is_private,
            consent_by: row.consent_by,
            consent_at: row.consent_at.map(Moment::to_jiff),
            commit: row.commit_sha,
            pass_commit: row.pass_commit,
            indexed_at: row.indexed_at.map(Moment::to_jiff),
            wanted_since: row.wanted_since.map(Moment::to_jiff),
            failure: row.failure,
            failed_at: row.failed_at.map(Moment::to_jiff),
            documents: row.documents,
            skipped: row.skipped,
            chunks: row.chunks,
            version: row.version,
        })
    }
}

/// Makes the source exist and notes that it has to follow.
pub(in super::super) async fn want(
    tx: &mut Tx,
    repository_id: RepositoryId,
    project_id: ProjectId,
) -> Result<()> {
    let now = tx.moment();
    let owned = |globs: &[&str]| globs.iter().map(|&glob| glob.to_owned()).collect::<Vec<_>>();
    sqlx::query!(
        "INSERT INTO knowledge_sources AS s (repository_id, project_id, include, exclude, wanted_since, wanted_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $5, $5)
         ON CONFLICT (repository_id) DO UPDATE
             SET wanted_since = coalesce(s.wanted_since, $5), wanted_at = $5, forgotten_at = NULL",
        repository_id as _,
        project_id as _,
        &owned(DEFAULT_INCLUDE),
        &owned(DEFAULT_EXCLUDE),
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Everything of the repository is read and cut again at the next pass.
pub(in super::super) async fn want_whole(tx: &mut Tx, repository_id: RepositoryId) -> Result<()> {
    sqlx::query!(
        "UPDATE knowledge_sources SET is_stale = true, version = version + 1 WHERE repository_id = $1",
        repository_id as _,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE knowledge_documents SET blob_sha = '' WHERE repository_id = $1",
        repository_id as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in super::super) async fn forget(tx: &mut Tx, repository_id: RepositoryId) -> Result<bool> {
    let now = tx.moment();
    let done = sqlx::query!(
        "UPDATE knowledge_sources SET forgotten_at = coalesce(forgotten_at, $2) WHERE repository_id = $1",
        repository_id as _,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Answers whether nothing is left.
pub(in super::super) async fn delete_some(
    tx: &mut Tx,
    repository_id: RepositoryId,
    documents: i64,
) -> Result<bool> {
    let forgotten = sqlx::query_scalar!(
        r#"SELECT forgotten_at IS NOT NULL AS "forgotten!" FROM knowledge_sources WHERE repository_id = $1 FOR UPDATE"#,
        repository_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    if forgotten != Some(true) {
        return Ok(true);
    }
    let done = sqlx::query!(
        "DELETE FROM knowledge_documents WHERE document_id IN
             (SELECT document_id FROM knowledge_documents WHERE repository_id = $1 LIMIT $2)",
        repository_id as _,
        documents,
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() > 0 {
        return Ok(false);
    }
    sqlx::query!(
        "DELETE FROM knowledge_readers WHERE repository_id = $1",
        repository_id as _
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "DELETE FROM knowledge_sources WHERE repository_id = $1",
        repository_id as _
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// Documents with their passages first, then what is left. Answers how many rows.
pub(in super::super) async fn erase(tx: &mut Tx, project_id: ProjectId, documents: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM knowledge_documents WHERE document_id IN
             (SELECT document_id FROM knowledge_documents JOIN knowledge_sources USING (repository_id)
              WHERE project_id = $1 LIMIT $2)",
        project_id as _,
        documents,
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() > 0 {
        return Ok(done.rows_affected());
    }
    let readers = sqlx::query!(
        "DELETE FROM knowledge_readers USING repositories r
         WHERE knowledge_readers.repository_id = r.repository_id AND r.project_id = $1",
        project_id as _,
    )
    .execute(&mut **tx)
    .await?;
    let sources = sqlx::query!(
        "DELETE FROM knowledge_sources WHERE project_id = $1",
        project_id as _
    )
    .execute(&mut **tx)
    .await?;
    Ok(readers.rows_affected() + sources.rows_affected())
}

pub(in super::super) async fn find(tx: &mut Tx, repository_id: RepositoryId) -> Result<Option<Source>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT s.repository_id, s.project_id, r.owner, r.name, r.default_branch, include, exclude, visible_to, is_private,
                consent_by, consent_at, commit_sha, pass_commit, indexed_at, wanted_since, failure, failed_at, documents,
                skipped, chunks, version
         FROM knowledge_sources s JOIN repositories r USING (repository_id)
         WHERE s.repository_id = $1 AND forgotten_at IS NULL",
        repository_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Source::try_from).transpose()
}

/// The sources of these projects, those of the newest repositories first.
pub(in super::super) async fn list(tx: &mut Tx, visible: &[ProjectId], ask: PageAsk) -> Result<Vec<Source>> {
    let visible: Vec<_> = visible.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        "SELECT s.repository_id, s.project_id, r.owner, r.name, r.default_branch, include, exclude, visible_to, is_private,
                consent_by, consent_at, commit_sha, pass_commit, indexed_at, wanted_since, failure, failed_at, documents,
                skipped, chunks, version
         FROM knowledge_sources s JOIN repositories r USING (repository_id)
         WHERE s.project_id = ANY ($1) AND s.repository_id < $2 AND forgotten_at IS NULL
         ORDER BY s.repository_id DESC LIMIT $3",
        &visible,
        ask.before(),
        ask.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Source::try_from).collect()
}

/// Answers none if somebody changed it since `version`.
pub(in super::super) async fn save_settings(tx: &mut Tx, source: &Source) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE knowledge_sources
         SET include = $3, exclude = $4, visible_to = $5, consent_by = $6, consent_at = $7, version = version + 1,
             is_stale = is_stale OR (include, exclude) IS DISTINCT FROM ($3, $4)
         WHERE repository_id = $1 AND version = $2",
        source.repository_id as _,
        source.version,
        &source.include,
        &source.exclude,
        source.visible_to_set.map(VisibleTo::as_str),
        source.consent_by,
        source.consent_at.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Sources that wait for a pass, or for the end of one; those that failed lately are left alone.
pub(in super::super) async fn due(
    tx: &mut Tx,
    failed_before: Moment,
    limit: i64,
) -> Result<Vec<RepositoryId>> {
    let ids = sqlx::query_scalar!(
        r#"SELECT repository_id AS "repository_id: RepositoryId" FROM knowledge_sources
           WHERE (wanted_since IS NOT NULL OR pass_commit IS NOT NULL OR is_stale) AND forgotten_at IS NULL
               AND (failed_at IS NULL OR failed_at < $1)
           ORDER BY wanted_since NULLS FIRST LIMIT $2"#,
        failed_before,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}

pub(in super::super) async fn forgotten(tx: &mut Tx, limit: i64) -> Result<Vec<RepositoryId>> {
    let ids = sqlx::query_scalar!(
        r#"SELECT repository_id AS "repository_id: RepositoryId" FROM knowledge_sources
           WHERE forgotten_at IS NOT NULL LIMIT $1"#,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}

/// What may begin a pass, locked.
pub(in super::super) struct Start {
    pub number: i64,
    pub version: i64,
    pub commit: Option<String>,
    pub pass_commit: Option<String>,
    pub is_stale: bool,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

pub(in super::super) async fn lock(tx: &mut Tx, repository_id: RepositoryId) -> Result<Option<Start>> {
    let start = sqlx::query_as!(
        Start,
        "SELECT pass AS number, version, commit_sha AS commit, pass_commit, is_stale, include, exclude
         FROM knowledge_sources WHERE repository_id = $1 AND forgotten_at IS NULL FOR UPDATE",
        repository_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(start)
}

pub(in super::super) async fn begin(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
    commit: &str,
    is_private: bool,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE knowledge_sources SET pass = $2, pass_commit = $3, pass_began_at = $4, is_private = $5
         WHERE repository_id = $1",
        repository_id as _,
        number,
        commit,
        now,
        is_private,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The index stands at the head already.
pub(in super::super) async fn settle(
    tx: &mut Tx,
    repository_id: RepositoryId,
    is_private: bool,
) -> Result<()> {
    sqlx::query!(
        "UPDATE knowledge_sources
         SET wanted_since = NULL, wanted_at = NULL, is_private = $2, failure = NULL, failed_at = NULL
         WHERE repository_id = $1",
        repository_id as _,
        is_private,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends a pass; answers whether somebody asked again since it began.
pub(in super::super) async fn finish(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
    version: i64,
) -> Result<bool> {
    let now = tx.moment();
    let again = sqlx::query_scalar!(
        r#"UPDATE knowledge_sources s
           SET commit_sha = pass_commit, indexed_at = $4, pass_commit = NULL, pass_began_at = NULL,
               is_stale = version <> $3, failure = NULL, failed_at = NULL,
               wanted_since = CASE WHEN wanted_at > pass_began_at THEN wanted_at END,
               wanted_at = CASE WHEN wanted_at > pass_began_at THEN wanted_at END,
               documents = (SELECT count(*) FROM knowledge_documents d
                            WHERE d.repository_id = s.repository_id AND skipped IS NULL),
               skipped = (SELECT count(*) FROM knowledge_documents d
                          WHERE d.repository_id = s.repository_id AND skipped IS NOT NULL),
               chunks = (SELECT count(*) FROM knowledge_chunks c WHERE c.repository_id = s.repository_id)
           WHERE repository_id = $1 AND pass = $2
           RETURNING (wanted_since IS NOT NULL OR is_stale) AS "again!""#,
        repository_id as _,
        number,
        version,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(again.unwrap_or(true))
}

pub(in super::super) async fn fail(tx: &mut Tx, repository_id: RepositoryId, failure: &str) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE knowledge_sources SET failure = $2, failed_at = $3 WHERE repository_id = $1",
        repository_id as _,
        failure,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What the code host said lately of who may read which of these repositories.
pub(in super::super) async fn readers(
    tx: &mut Tx,
    person_id: PersonId,
    repositories: &[RepositoryId],
    since: Moment,
) -> Result<Vec<(RepositoryId, bool)>> {
    let ids: Vec<_> = repositories.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT repository_id AS "repository_id: RepositoryId", may_read FROM knowledge_readers
           WHERE person_id = $1 AND repository_id = ANY ($2) AND checked_at > $3"#,
        person_id as _,
        &ids,
        since,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.repository_id, row.may_read))
        .collect())
}

pub(in super::super) async fn note_reader(
    tx: &mut Tx,
    person_id: PersonId,
    repository_id: RepositoryId,
    may_read: bool,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO knowledge_readers (person_id, repository_id, may_read, checked_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (person_id, repository_id) DO UPDATE SET may_read = $3, checked_at = $4",
        person_id as _,
        repository_id as _,
        may_read,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
