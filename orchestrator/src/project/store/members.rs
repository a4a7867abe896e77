//! The SQL of members and blocks.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::parse_role;
use crate::actor::Role;
use crate::error::Result;
use crate::id::{PersonId, ProjectId};
use crate::page::PageAsk;
use crate::postgres::{Moment, Tx};
use crate::project::Member;

/// What a person holds in a project.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::project) struct Held {
    pub(in crate::project) role: Option<Role>,
    pub(in crate::project) blocked_at: Option<Timestamp>,
}

pub(in crate::project) async fn membership(
    tx: &mut Tx,
    project_id: ProjectId,
    person_id: PersonId,
) -> Result<Held> {
    let row = sqlx::query!(
        r#"SELECT (SELECT role FROM project_members WHERE project_id = $1 AND person_id = $2) AS role,
                  (SELECT blocked_at FROM project_blocks WHERE project_id = $1 AND person_id = $2) AS blocked_at"#,
        project_id as _,
        person_id as _,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Held {
        role: row.role.as_deref().map(parse_role).transpose()?,
        blocked_at: row.blocked_at.map(Moment::to_jiff),
    })
}

/// Members and blocked people, newest people first.
pub(in crate::project) async fn members(
    tx: &mut Tx,
    project_id: ProjectId,
    ask: PageAsk,
) -> Result<Vec<Member>> {
    let rows = sqlx::query!(
        r#"SELECT p.person_id AS "person_id!: PersonId", p.login AS "login!", m.role AS "role?",
                  b.blocked_at AS "blocked_at?", p.disabled_at
           FROM people p
           LEFT JOIN project_members m ON m.person_id = p.person_id AND m.project_id = $1
           LEFT JOIN project_blocks b ON b.person_id = p.person_id AND b.project_id = $1
           WHERE p.person_id < $2 AND p.person_id IN (
               SELECT person_id FROM project_members WHERE project_id = $1
               UNION SELECT person_id FROM project_blocks WHERE project_id = $1)
           ORDER BY p.person_id DESC LIMIT $3"#,
        project_id as _,
        ask.before(),
        ask.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Member {
                person_id: row.person_id,
                login: row.login,
                role: row.role.as_deref().map(parse_role).transpose()?,
                blocked_at: row.blocked_at.map(Moment::to_jiff),
                disabled_at: row.disabled_at.map(Moment::to_jiff),
            })
        })
        .collect()
}

/// Admins of the project who can act, without this one.
pub(in crate::project) async fn other_admins(
    tx: &mut Tx,
    project_id: ProjectId,
    without: PersonId,
) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM project_members m JOIN people p ON p.person_id = m.person_id
           WHERE m.project_id = $1 AND m.role = 'admin' AND m.person_id <> $2 AND p.disabled_at IS NULL
             AND NOT EXISTS (SELECT FROM project_blocks b
                             WHERE b.project_id = m.project_id AND b.person_id = m.person_id)"#,
        project_id as _,
        without as _,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count)
}

pub(in crate::project) async fn set_member(
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

/// Blocks a person, keeping the first moment, or lifts the block.
pub(in crate::project) async fn set_blocked(
    tx: &mut Tx,
    project_id: ProjectId,
    person_id: PersonId,
    blocked: bool,
) -> Result<()> {
    if !blocked {
        sqlx::query!(
            "DELETE FROM project_blocks WHERE project_id = $1 AND person_id = $2",
            project_id as _,
            person_id as _,
        )
        .execute(&mut **tx)
        .await?;
        return Ok(());
    }
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO project_blocks (project_id, person_id, blocked_at) VALUES ($1, $2, $3)
         ON CONFLICT (project_id, person_id) DO NOTHING",
        project_id as _,
        person_id as _,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::project) async fn is_member_of_any(tx: &mut Tx, person_id: PersonId) -> Result<bool> {
    let is_one = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM project_members WHERE person_id = $1) AS "is_one!""#,
        person_id as PersonId,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(is_one)
}

pub(in crate::project) async fn roles_by_rule(
    tx: &mut Tx,
    person_id: PersonId,
) -> Result<BTreeMap<ProjectId, Role>> {
    let rows = sqlx::query!(
        "SELECT project_id, role FROM project_members WHERE person_id = $1 AND by_rule",
        person_id as _
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.project_id, parse_role(&row.role)?)))
        .collect()
}

/// Gives a role by a rule, where no person gave one.
pub(in crate::project) async fn set_role_by_rule(
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
pub(in crate::project) async fn remove_roles_by_rule(
    tx: &mut Tx,
    person_id: PersonId,
    but: &[ProjectId],
) -> Result<()> {
    sqlx::query!(
        "DELETE FROM project_members WHERE person_id = $1 AND by_rule AND project_id <> ALL($2)",
        person_id as _,
        &but.iter().map(|id| id.uuid()).collect::<Vec<_>>(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
