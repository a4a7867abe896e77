//! The SQL of projects.

mod figures;
mod members;
mod platform;

pub(super) use figures::{measured, points, runs_by_state};
pub(super) use members::{
    is_member_of_any, members, membership, other_admins, remove_roles_by_rule, roles_by_rule, set_blocked,
    set_member, set_role_by_rule,
};
pub(super) use platform::{platform, set_max_live_runs, set_platform_paused};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

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
    run_cost_micro_usd: Option<i64>,
    lockdown: bool,
    paused_at: Option<Moment>,
    delete_after: Option<Moment>,
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
                run_cost_micro_usd: row.run_cost_micro_usd,
            },
            lockdown: row.lockdown,
            paused_at: row.paused_at.map(Moment::to_jiff),
            delete_after: row.delete_after.map(Moment::to_jiff),
            created_at: row.created_at.to_jiff(),
        }
    }
}

pub(super) async fn insert(tx: &mut Tx, new: &NewProject) -> Result<Project> {
    let now = tx.moment();
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO projects (project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, lockdown,
                               created_at, run_cost_micro_usd)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         RETURNING project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, run_cost_micro_usd,
                   lockdown, paused_at, delete_after, created_at",
        ProjectId::new() as _,
        new.slug,
        new.name,
        new.limits.max_live_runs,
        new.limits.active_seconds,
        new.limits.budget_micro_usd,
        new.lockdown,
        now,
        new.limits.run_cost_micro_usd,
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
        "SELECT project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, run_cost_micro_usd, lockdown,
                paused_at, delete_after, created_at
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
        "SELECT project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, run_cost_micro_usd, lockdown,
                paused_at, delete_after, created_at
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
        "SELECT project_id, slug, name, max_live_runs, active_seconds_limit, budget_micro_usd, run_cost_micro_usd, lockdown,
                paused_at, delete_after, created_at
         FROM projects WHERE project_id = ANY ($1) AND project_id < $2 AND purged_at IS NULL
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
    let ids =
        sqlx::query_scalar!("SELECT project_id FROM projects WHERE purged_at IS NULL ORDER BY project_id")
            .fetch_all(&mut **tx)
            .await?;
    Ok(ids)
}

/// All projects in which the person is not blocked.
pub(super) async fn all_ids_but_blocked(tx: &mut Tx, person_id: PersonId) -> Result<Vec<ProjectId>> {
    let ids = sqlx::query_scalar!(
        "SELECT project_id FROM projects p WHERE purged_at IS NULL
           AND NOT EXISTS (SELECT FROM project_blocks b WHERE b.project_id = p.project_id AND b.person_id = $1)
         ORDER BY project_id",
        person_id as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}

/// The roles of a person in projects where it is not blocked.
pub(super) async fn memberships(tx: &mut Tx, person_id: PersonId) -> Result<Vec<(ProjectId, Role)>> {
    let rows = sqlx::query!(
        "SELECT project_id, role FROM project_members m WHERE person_id = $1
           AND NOT EXISTS (SELECT FROM project_blocks b WHERE b.project_id = m.project_id AND b.person_id = $1)
         ORDER BY project_id",
        person_id as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.project_id, parse_role(&row.role)?)))
        .collect()
}

fn parse_role(word: &str) -> Result<Role> {
    Role::parse(word).ok_or_else(|| unknown_word("project_members.role", word))
}

pub(super) async fn set_limits(tx: &mut Tx, project_id: ProjectId, limits: Limits) -> Result<()> {
    sqlx::query!(
        "UPDATE projects SET max_live_runs = $2, active_seconds_limit = $3, budget_micro_usd = $4,
             run_cost_micro_usd = $5
         WHERE project_id = $1",
        project_id as _,
        limits.max_live_runs,
        limits.active_seconds,
        limits.budget_micro_usd,
        limits.run_cost_micro_usd,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn set_slot_limit(tx: &mut Tx, project_id: ProjectId, slots: i32) -> Result<()> {
    sqlx::query!(
        "UPDATE projects SET slot_limit = $2 WHERE project_id = $1",
        project_id as _,
        slots
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

pub(super) async fn set_name(tx: &mut Tx, project_id: ProjectId, name: &str, lockdown: bool) -> Result<()> {
    sqlx::query!(
        "UPDATE projects SET name = $2, lockdown = $3 WHERE project_id = $1",
        project_id as _,
        name,
        lockdown,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Locks the project's row, if it is there.
pub(super) async fn lock(tx: &mut Tx, project_id: ProjectId) -> Result<()> {
    sqlx::query!(
        "SELECT project_id FROM projects WHERE project_id = $1 FOR NO KEY UPDATE",
        project_id as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(())
}

/// Sets when the project goes, keeping the first moment, or takes that back.
pub(super) async fn set_delete_after(
    tx: &mut Tx,
    project_id: ProjectId,
    after: Option<Timestamp>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE projects SET delete_after = CASE WHEN $2::timestamptz IS NULL THEN NULL ELSE coalesce(delete_after, $2) END
         WHERE project_id = $1",
        project_id as _,
        after.map(ToSqlx::to_sqlx) as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A project whose hold is over; one that another worker has in hand is not waited for.
pub(super) async fn next_to_purge(tx: &mut Tx) -> Result<Option<ProjectId>> {
    let now = tx.moment();
    let next = sqlx::query_scalar!(
        "SELECT project_id FROM projects WHERE delete_after <= $1 AND purged_at IS NULL
         ORDER BY delete_after LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(next)
}

/// A purged project that has rows, and nothing that lives; one that another worker has in hand is not waited for.
pub(super) async fn next_to_erase(tx: &mut Tx, purged_before: Timestamp) -> Result<Option<ProjectId>> {
    let next = sqlx::query_scalar!(
        "SELECT project_id FROM projects p WHERE purged_at <= $1 AND erased_at IS NULL
           AND NOT EXISTS (SELECT FROM runs r WHERE r.project_id = p.project_id
               AND r.state NOT IN ('succeeded', 'failed', 'timed_out', 'cancelled'))
           AND NOT EXISTS (SELECT FROM slots s WHERE s.project_id = p.project_id AND s.state <> 'free')
         ORDER BY purged_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        purged_before.to_sqlx() as _,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(next)
}

pub(super) async fn set_erased(tx: &mut Tx, project_id: ProjectId) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE projects SET erased_at = $2 WHERE project_id = $1",
        project_id as _,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes everybody out of the project, and the project out of every list. Its slug stays taken: namespaces with pods
/// that are not proven gone may still bear it.
pub(super) async fn purge(tx: &mut Tx, project_id: ProjectId) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "DELETE FROM project_members WHERE project_id = $1",
        project_id as _
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "DELETE FROM project_blocks WHERE project_id = $1",
        project_id as _
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE projects SET purged_at = $2, paused_at = coalesce(paused_at, $2) WHERE project_id = $1",
        project_id as _,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn uuids(ids: &[ProjectId]) -> Vec<uuid::Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}
