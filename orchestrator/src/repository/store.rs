use jiff_sqlx::ToSqlx;

use super::{AccessChange, HostAccess, NewRepository, Reach, Repository, Sighting, Suspension};
use crate::error::{Error, Result};
use crate::id::{ProjectId, RepositoryId};
use crate::page::PageAsk;
use crate::postgres::{Moment, Tx, unknown_word};

struct Row {
    repository_id: RepositoryId,
    project_id: ProjectId,
    github_repository_id: i64,
    installation_id: i64,
    owner: String,
    name: String,
    default_branch: String,
    clone_url: String,
    agent_image: Option<String>,
    detached_at: Option<Moment>,
    suspension: Option<String>,
    created_at: Moment,
}

impl TryFrom<Row> for Repository {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let suspension = |word: String| {
            Suspension::parse(&word).ok_or_else(|| unknown_word("repositories.suspension", &word))
        };
        Ok(Self {
            repository_id: row.repository_id,
            project_id: row.project_id,
            github_repository_id: row.github_repository_id,
            installation_id: row.installation_id,
            owner: row.owner,
            name: row.name,
            default_branch: row.default_branch,
            clone_url: row.clone_url,
            agent_image: row.agent_image,
            detached_at: row.detached_at.map(Moment::to_jiff),
            suspension: row.suspension.map(suspension).transpose()?,
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// Answers none if the repository belongs to another project.
pub(super) async fn upsert(tx: &mut Tx, new: &NewRepository) -> Result<Option<Repository>> {
    let now = tx.moment();
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO repositories AS r (repository_id, project_id, github_repository_id, installation_id, owner, name,
                                        default_branch, clone_url, agent_image, as_of, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
         ON CONFLICT ON CONSTRAINT repositories_github_repository_id_key DO UPDATE
             SET installation_id = $4, owner = $5, name = $6, default_branch = $7, clone_url = $8, agent_image = $9,
                 as_of = $10, detached_at = NULL, suspension = NULL
             WHERE r.project_id = $2
         RETURNING repository_id, project_id, github_repository_id, installation_id, owner, name, default_branch,
                   clone_url, agent_image, detached_at, suspension, created_at",
        RepositoryId::new() as _,
        new.project_id as _,
        new.github_repository_id,
        new.installation_id,
        new.owner,
        new.name,
        new.default_branch,
        new.clone_url,
        new.agent_image,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Repository::try_from).transpose()
}

pub(super) async fn detach(tx: &mut Tx, repository_id: RepositoryId) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE repositories SET detached_at = coalesce(detached_at, $2) WHERE repository_id = $1",
        repository_id as _,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Answers which were not detached before.
pub(super) async fn detach_all(tx: &mut Tx, project_id: ProjectId) -> Result<Vec<RepositoryId>> {
    let now = tx.moment();
    let detached = sqlx::query_scalar!(
        r#"UPDATE repositories SET detached_at = $2 WHERE project_id = $1 AND detached_at IS NULL
           RETURNING repository_id AS "repository_id: RepositoryId""#,
        project_id as _,
        now,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(detached)
}

/// The address to clone from is the attacher's choice as long as the name stays. Answers whether it was news.
pub(super) async fn note_sighting(
    tx: &mut Tx,
    repository_id: RepositoryId,
    sighting: &Sighting,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE repositories
         SET installation_id = $2, owner = $3, name = $4, default_branch = $5, as_of = $7,
             clone_url = CASE WHEN (owner, name) = ($3, $4) THEN clone_url ELSE $6 END
         WHERE repository_id = $1 AND as_of <= $7",
        repository_id as _,
        sighting.installation_id,
        sighting.owner,
        sighting.name,
        sighting.default_branch,
        sighting.clone_url,
        sighting.as_of.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn find(tx: &mut Tx, repository_id: RepositoryId) -> Result<Option<Repository>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT repository_id, project_id, github_repository_id, installation_id, owner, name, default_branch,
                clone_url, agent_image, detached_at, suspension, created_at
         FROM repositories WHERE repository_id = $1",
        repository_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Repository::try_from).transpose()
}

pub(super) async fn find_by_github_id(tx: &mut Tx, github_repository_id: i64) -> Result<Option<Repository>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT repository_id, project_id, github_repository_id, installation_id, owner, name, default_branch,
                clone_url, agent_image, detached_at, suspension, created_at
         FROM repositories WHERE github_repository_id = $1",
        github_repository_id,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Repository::try_from).transpose()
}

pub(super) async fn list(tx: &mut Tx, visible: &[ProjectId], ask: PageAsk) -> Result<Vec<Repository>> {
    let visible: Vec<_> = visible.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        "SELECT repository_id, project_id, github_repository_id, installation_id, owner, name, default_branch,
                clone_url, agent_image, detached_at, suspension, created_at
         FROM repositories WHERE project_id = ANY ($1) AND repository_id < $2
         ORDER BY repository_id DESC LIMIT $3",
        &visible,
        ask.before(),
        ask.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Repository::try_from).collect()
}

pub(super) async fn set_agent_image(
    tx: &mut Tx,
    repository_id: RepositoryId,
    agent_image: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE repositories SET agent_image = $2 WHERE repository_id = $1",
        repository_id as _,
        agent_image,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Answers the repositories for which it was news.
pub(super) async fn note_access(tx: &mut Tx, access: &HostAccess) -> Result<Vec<Repository>> {
    let (installation, repositories) = match &access.reach {
        Reach::Installation(id) => (Some(*id), &[] as &[i64]),
        Reach::Repositories(ids) => (None, ids.as_slice()),
    };
    let (lost, ended) = match access.change {
        AccessChange::Lost(suspension) => (Some(suspension.as_str()), Vec::new()),
        AccessChange::Regained(ended) => (None, ended.iter().map(|it| it.as_str().to_owned()).collect()),
    };
    let rows = sqlx::query_as!(
        Row,
        "UPDATE repositories
         SET suspension = $3, access_as_of = $4,
             installation_id = CASE WHEN $3::text IS NULL THEN coalesce($5, installation_id) ELSE installation_id END
         WHERE (installation_id = $1 OR github_repository_id = ANY ($2))
             AND (access_as_of IS NULL OR access_as_of <= $4) AND suspension IS DISTINCT FROM $3
             AND ($3::text IS NOT NULL OR suspension = ANY ($6))
         RETURNING repository_id, project_id, github_repository_id, installation_id, owner, name, default_branch,
                   clone_url, agent_image, detached_at, suspension, created_at",
        installation,
        repositories,
        lost,
        access.as_of.to_sqlx() as _,
        access.installation_id,
        &ended,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Repository::try_from).collect()
}
