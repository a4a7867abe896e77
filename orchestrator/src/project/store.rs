use super::{Limits, NewProject, Project};
use crate::actor::Role;
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId};
use crate::page::PageAsk;
use crate::postgres::{Moment, Tx, unknown_word, violates};

struct Row {
    project_id: ProjectId,
    slug: String,
    name: String,
    max_live_runs: i32,
    active_seconds_limit: i64,
    budget_micro_usd: Option<i64>,
    lockdown: bool,
    paused_at: Option<Moment>,
    created_at: Moment,
}

impl From<Row> for Project {
    fn from(row: Row) -> Self {
        Self {
            project_id: row.project_id,
            slug: row.slug,
            name: row.name,
            limits: Limits {
                max_live_runs: row.max_live_runs,
                active_seconds: row.active_seconds_limit,
                budget_micro_usd: row.budget_micro_usd,
            },
            lockdown: row.lockdown,
            paused_at: row.paused_at.map(Moment::to_jiff),
            created_at: row.created_at.to_jiff(),
        }
    }
}

pub(super) async fn insert(tx: &mut Tx, new: &NewProject) -> Result<Project> {
    let now = tx.moment();
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO projects (project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, lockdown,
                               created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         RETURNING project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, lockdown, paused_at,
                   created_at",
        ProjectId::new() as _,
        new.slug,
        new.name,
        new.limits.max_live_runs,
        new.limits.active_seconds,
        new.limits.budget_micro_usd,
        new.lockdown,
        now,
    )
    .fetch_one(&mut **tx)
    .await;
    match row {
        Ok(row) => Ok(row.into()),
        Err(error) if violates(&error, "projects_slug_key") => Err(Error::Conflict(format!(
            "there is a project {:?} already; choose another slug",
            new.slug
        ))),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn find(tx: &mut Tx, project_id: ProjectId) -> Result<Option<Project>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, lockdown, paused_at,
                created_at
         FROM projects WHERE project_id = $1",
        project_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Into::into))
}

pub(super) async fn find_by_slug(tx: &mut Tx, slug: &str) -> Result<Option<Project>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, lockdown, paused_at,
                created_at
         FROM projects WHERE slug = $1",
        slug,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Into::into))
}

pub(super) async fn list(tx: &mut Tx, visible: &[ProjectId], ask: PageAsk) -> Result<Vec<Project>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, lockdown, paused_at,
                created_at
         FROM projects WHERE project_id = ANY ($1) AND project_id < $2
         ORDER BY project_id DESC LIMIT $3",
        &uuids(visible),
        ask.before(),
        ask.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

pub(super) async fn all_ids(tx: &mut Tx) -> Result<Vec<ProjectId>> {
    let ids = sqlx::query_scalar!("SELECT project_id FROM projects ORDER BY project_id")
        .fetch_all(&mut **tx)
        .await?;
    Ok(ids)
}

pub(super) async fn memberships(tx: &mut Tx, person_id: PersonId) -> Result<Vec<(ProjectId, Role)>> {
    let rows = sqlx::query!(
        "SELECT project_id, role FROM project_members WHERE person_id = $1 ORDER BY project_id",
        person_id as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.project_id, parse_role(&row.role)?)))
        .collect()
}

pub(super) async fn role(tx: &mut Tx, project_id: ProjectId, person_id: PersonId) -> Result<Option<Role>> {
    let word = sqlx::query_scalar!(
        "SELECT role FROM project_members WHERE project_id = $1 AND person_id = $2",
        project_id as _,
        person_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    word.as_deref().map(parse_role).transpose()
}

fn parse_role(word: &str) -> Result<Role> {
    Role::parse(word).ok_or_else(|| unknown_word("project_members.role", word))
}

pub(super) async fn set_member(
    tx: &mut Tx,
    project_id: ProjectId,
    person_id: PersonId,
    role: Option<Role>,
) -> Result<()> {
    let Some(role) = role else {
        sqlx::query!(
            "DELETE FROM project_members WHERE project_id = $1 AND person_id = $2",
            project_id as _,
            person_id as _,
        )
        .execute(&mut **tx)
        .await?;
        return Ok(());
    };
    sqlx::query!(
        "INSERT INTO project_members (project_id, person_id, role) VALUES ($1, $2, $3)
         ON CONFLICT (project_id, person_id) DO UPDATE SET role = $3, by_rule = false",
        project_id as _,
        person_id as _,
        role.as_str(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives a role by a rule, where no person gave one.
pub(super) async fn set_role_by_rule(
    tx: &mut Tx,
    project_id: ProjectId,
    person_id: PersonId,
    role: Role,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO project_members (project_id, person_id, role, by_rule) VALUES ($1, $2, $3, true)
         ON CONFLICT (project_id, person_id) DO UPDATE SET role = $3 WHERE project_members.by_rule",
        project_id as _,
        person_id as _,
        role.as_str(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes the roles that rules gave, but for those in these projects.
pub(super) async fn remove_roles_by_rule(tx: &mut Tx, person_id: PersonId, but: &[ProjectId]) -> Result<()> {
    sqlx::query!(
        "DELETE FROM project_members WHERE person_id = $1 AND by_rule AND project_id <> ALL($2)",
        person_id as _,
        &uuids(but),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn set_limits(tx: &mut Tx, project_id: ProjectId, limits: Limits) -> Result<()> {
    sqlx::query!(
        "UPDATE projects SET max_live_runs = $2, active_seconds_limit = $3, budget_micro_usd = $4
         WHERE project_id = $1",
        project_id as _,
        limits.max_live_runs,
        limits.active_seconds,
        limits.budget_micro_usd,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn set_paused(tx: &mut Tx, project_id: ProjectId, paused: bool) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE projects SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, $3) END WHERE project_id = $1",
        project_id as _,
        paused,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn uuids(ids: &[ProjectId]) -> Vec<uuid::Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}
