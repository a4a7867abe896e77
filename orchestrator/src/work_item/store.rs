use jiff_sqlx::ToSqlx;

use super::{WorkItem, WorkItemKind};
use crate::error::{Error, Result};
use crate::id::{ProjectId, RepositoryId};
use crate::postgres::{Moment, Tx, erase, unknown_word};

struct Row {
    repository_id: RepositoryId,
    number: i64,
    kind: String,
    title: String,
    state: String,
    labels: Vec<String>,
    author_github_user_id: Option<i64>,
    author_login: Option<String>,
    head_branch: Option<String>,
    head_sha: Option<String>,
    url: String,
    as_of: Moment,
}

impl TryFrom<Row> for WorkItem {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            repository_id: row.repository_id,
            number: row.number,
            kind: WorkItemKind::parse(&row.kind).ok_or_else(|| unknown_word("work_items.kind", &row.kind))?,
            title: row.title,
            open: row.state == "open",
            labels: row.labels,
            author_github_user_id: row.author_github_user_id,
            author_login: row.author_login,
            head_branch: row.head_branch,
            head_sha: row.head_sha,
            url: row.url,
            as_of: row.as_of.to_jiff(),
        })
    }
}

/// An issue event knows no head, so a head once known stays.
pub(super) async fn upsert(tx: &mut Tx, item: &WorkItem) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO work_items AS w (repository_id, number, kind, title, state, labels, author_github_user_id,
                                      author_login, head_branch, head_sha, url, as_of)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (repository_id, number) DO UPDATE
             SET kind = $3, title = $4, state = $5, labels = $6, author_github_user_id = $7, author_login = $8,
                 head_branch = coalesce($9, w.head_branch), head_sha = coalesce($10, w.head_sha), url = $11, as_of = $12
             WHERE w.as_of < $12",
        item.repository_id as _,
        item.number,
        item.kind.as_str(),
        item.title,
        if item.open { "open" } else { "closed" },
        &item.labels,
        item.author_github_user_id,
        item.author_login,
        item.head_branch,
        item.head_sha,
        item.url,
        item.as_of.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn find(tx: &mut Tx, repository_id: RepositoryId, number: i64) -> Result<Option<WorkItem>> {
    sqlx::query_as!(
        Row,
        "SELECT repository_id, number, kind, title, state, labels, author_github_user_id, author_login, head_branch,
                head_sha, url, as_of
         FROM work_items WHERE repository_id = $1 AND number = $2",
        repository_id as _,
        number,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(WorkItem::try_from)
    .transpose()
}

/// Deletes a batch of a deleted project's issues and pull requests; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM work_items WHERE ctid IN (
             SELECT it.ctid FROM work_items it JOIN repositories USING (repository_id) WHERE project_id = $1 LIMIT $2)",
    ))
}
