//! The SQL of rules, and of what was seen of their groups.

pub(super) mod seen;

use super::domain::{Grant, Rule};
use crate::actor::{PlatformRole, Role};
use crate::error::{Error, Result};
use crate::id::{MembershipRuleId, PersonId, ProjectId};
use crate::ports::identity::Group;
use crate::postgres::{Tx, erase, unknown_word};

struct Row {
    membership_rule_id: MembershipRuleId,
    org: String,
    team: Option<String>,
    project_id: Option<ProjectId>,
    role: Option<String>,
    platform_role: Option<String>,
}

impl TryFrom<Row> for Rule {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let role = row.role.as_deref().and_then(Role::parse);
        let platform = row.platform_role.as_deref().and_then(PlatformRole::parse);
        let grant = match (row.project_id, role, platform) {
            (Some(project_id), Some(role), None) => Grant::Project(project_id, role),
            (None, None, Some(role)) => Grant::Platform(role),
            _ => return Err(unknown_word("membership_rules.role", "")),
        };
        Ok(Self {
            membership_rule_id: row.membership_rule_id,
            group: Group {
                org: row.org,
                team: row.team,
            },
            grant,
        })
    }
}

pub(in crate::identity::rule) async fn upsert(tx: &mut Tx, group: &Group, grant: Grant) -> Result<Rule> {
    let now = tx.moment();
    let (project_id, role, platform_role) = match grant {
        Grant::Project(project_id, role) => (Some(project_id), Some(role.as_str()), None),
        Grant::Platform(role) => (None, None, Some(role.as_str())),
    };
    sqlx::query_as!(
        Row,
        r#"INSERT INTO membership_rules (membership_rule_id, org, team, project_id, role, platform_role, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT ON CONSTRAINT membership_rules_key DO UPDATE SET role = $5, platform_role = $6
         RETURNING membership_rule_id AS "membership_rule_id: MembershipRuleId", org, team,
             project_id AS "project_id: ProjectId", role, platform_role"#,
        MembershipRuleId::new() as _,
        group.org,
        group.team,
        project_id as _,
        role,
        platform_role,
        now,
    )
    .fetch_one(&mut **tx)
    .await?
    .try_into()
}

pub(in crate::identity::rule) async fn delete(tx: &mut Tx, id: MembershipRuleId) -> Result<Option<Rule>> {
    sqlx::query_as!(
        Row,
        r#"DELETE FROM membership_rules WHERE membership_rule_id = $1
         RETURNING membership_rule_id AS "membership_rule_id: MembershipRuleId", org, team,
             project_id AS "project_id: ProjectId", role, platform_role"#,
        id as _,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Rule::try_from)
    .transpose()
}

pub(in crate::identity::rule) async fn list(tx: &mut Tx) -> Result<Vec<Rule>> {
    sqlx::query_as!(
        Row,
        r#"SELECT membership_rule_id AS "membership_rule_id: MembershipRuleId", org, team,
             project_id AS "project_id: ProjectId", role, platform_role
         FROM membership_rules ORDER BY org, team NULLS FIRST, membership_rule_id"#,
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .map(Rule::try_from)
    .collect()
}

/// Gives or takes the platform role that rules give; one that a person gave stays.
pub(in crate::identity::rule) async fn set_platform_role(
    tx: &mut Tx,
    person_id: PersonId,
    role: Option<PlatformRole>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE people SET platform_role = $2::text, role_by_rule = $2::text IS NOT NULL
         WHERE person_id = $1 AND (role_by_rule OR platform_role IS NULL)",
        person_id as _,
        role.map(PlatformRole::as_str),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a batch of a deleted project's rules about groups; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM membership_rules WHERE membership_rule_id IN (
             SELECT membership_rule_id FROM membership_rules WHERE project_id = $1 LIMIT $2)",
    ))
}
