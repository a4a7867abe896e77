//! The SQL of listings: when each group was listed, and which known people were in it.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use crate::error::Result;
use crate::id::PersonId;
use crate::identity::rule::watch::{Check, Claim};
use crate::ports::identity::Group;
use crate::postgres::{Moment, Tx};

/// Makes that every group of a rule has its row, and no other.
pub(in crate::identity::rule) async fn sync(tx: &mut Tx) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO membership_checks (org, team, next_at) SELECT DISTINCT org, team, $1::timestamptz FROM membership_rules
         ON CONFLICT ON CONSTRAINT membership_checks_key DO NOTHING",
        now,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "DELETE FROM membership_checks c WHERE NOT EXISTS (
             SELECT FROM membership_rules r WHERE r.org = c.org AND r.team IS NOT DISTINCT FROM c.team)"
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "DELETE FROM group_members m WHERE NOT EXISTS (
             SELECT FROM membership_rules r WHERE r.org = m.org AND r.team IS NOT DISTINCT FROM m.team)"
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Claims a group that is due, the longest due first; nobody else lists it before `again_at`.
pub(in crate::identity::rule) async fn claim(tx: &mut Tx, again_at: Timestamp) -> Result<Option<Claim>> {
    let now = tx.moment();
    let row = sqlx::query!(
        "UPDATE membership_checks c SET claimed_at = $1, next_at = $2
         FROM (SELECT org, team FROM membership_checks WHERE next_at <= $1 ORDER BY next_at LIMIT 1
               FOR UPDATE SKIP LOCKED) due
         WHERE c.org = due.org AND c.team IS NOT DISTINCT FROM due.team
         RETURNING c.org, c.team",
        now,
        again_at.to_sqlx(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    let claimed_at = tx.now();
    Ok(row.map(|row| Claim {
        group: Group {
            org: row.org,
            team: row.team,
        },
        claimed_at,
    }))
}

/// Notes that a group was listed; false if somebody claimed it since. What was said to have changed meanwhile makes it
/// due at once.
pub(in crate::identity::rule) async fn note_listed(
    tx: &mut Tx,
    claim: &Claim,
    again_at: Timestamp,
) -> Result<bool> {
    let now = tx.moment();
    let done = sqlx::query!(
        "UPDATE membership_checks SET listed_at = $4::timestamptz, failed_at = NULL, failure = NULL,
             next_at = CASE WHEN wanted_at > claimed_at THEN $4::timestamptz ELSE $5::timestamptz END
         WHERE org = $1 AND team IS NOT DISTINCT FROM $2 AND claimed_at = $3",
        claim.group.org,
        claim.group.team,
        claim.claimed_at.to_sqlx() as Moment,
        now as Moment,
        again_at.to_sqlx() as Moment,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub(in crate::identity::rule) async fn note_failed(
    tx: &mut Tx,
    claim: &Claim,
    why: &str,
    again_at: Timestamp,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE membership_checks SET failed_at = $4, failure = $5, next_at = $6
         WHERE org = $1 AND team IS NOT DISTINCT FROM $2 AND claimed_at = $3",
        claim.group.org,
        claim.group.team,
        claim.claimed_at.to_sqlx() as Moment,
        now as Moment,
        why,
        again_at.to_sqlx() as Moment,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Makes the groups of an organisation due, or one team of it alone; answers how many.
pub(in crate::identity::rule) async fn want(tx: &mut Tx, org: &str, team: Option<&str>) -> Result<u64> {
    let now = tx.moment();
    let done = sqlx::query!(
        "UPDATE membership_checks SET wanted_at = $3, next_at = least(next_at, $3)
         WHERE lower(org) = lower($1) AND ($2::text IS NULL OR lower(team) = lower($2))",
        org,
        team,
        now as Moment,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

pub(in crate::identity::rule) async fn checks(tx: &mut Tx) -> Result<Vec<Check>> {
    let rows = sqlx::query!("SELECT org, team, listed_at, failed_at, failure FROM membership_checks")
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Check {
            group: Group {
                org: row.org,
                team: row.team,
            },
            listed_at: row.listed_at.map(Moment::to_jiff),
            failure: row.failed_at.map(Moment::to_jiff).zip(row.failure),
        })
        .collect())
}

/// Replaces who of the known people is in a group; answers whom that concerns.
pub(in crate::identity::rule) async fn replace_members(
    tx: &mut Tx,
    group: &Group,
    github_user_ids: &[i64],
) -> Result<Vec<PersonId>> {
    let now = tx.moment();
    let left = sqlx::query_scalar!(
        r#"DELETE FROM group_members m USING people p
           WHERE m.org = $1 AND m.team IS NOT DISTINCT FROM $2 AND p.person_id = m.person_id
             AND p.github_user_id <> ALL($3)
           RETURNING m.person_id AS "person_id: PersonId""#,
        group.org,
        group.team,
        github_user_ids,
    )
    .fetch_all(&mut **tx)
    .await?;
    let there = sqlx::query_scalar!(
        r#"INSERT INTO group_members (person_id, org, team, seen_at)
           SELECT person_id, $1, $2, $4 FROM people WHERE github_user_id = ANY($3)
           ON CONFLICT ON CONSTRAINT group_members_key DO UPDATE SET seen_at = $4
           RETURNING person_id AS "person_id: PersonId""#,
        group.org,
        group.team,
        github_user_ids,
        now as Moment,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(left.into_iter().chain(there).collect())
}

/// Replaces the groups of a person.
pub(in crate::identity::rule) async fn replace_groups(
    tx: &mut Tx,
    person_id: PersonId,
    groups: &[Group],
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!("DELETE FROM group_members WHERE person_id = $1", person_id as _)
        .execute(&mut **tx)
        .await?;
    for group in groups {
        sqlx::query!(
            "INSERT INTO group_members (person_id, org, team, seen_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT ON CONSTRAINT group_members_key DO NOTHING",
            person_id as _,
            group.org,
            group.team,
            now as Moment,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

pub(in crate::identity::rule) async fn groups_of(tx: &mut Tx, person_id: PersonId) -> Result<Vec<Group>> {
    let rows = sqlx::query!(
        "SELECT org, team FROM group_members WHERE person_id = $1",
        person_id as _
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Group {
            org: row.org,
            team: row.team,
        })
        .collect())
}

/// Everybody who holds a role that a rule gave.
pub(in crate::identity::rule) async fn holders(tx: &mut Tx) -> Result<Vec<PersonId>> {
    let people = sqlx::query_scalar!(
        r#"SELECT person_id AS "person_id!: PersonId" FROM project_members WHERE by_rule
           UNION SELECT person_id FROM people WHERE role_by_rule"#
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(people)
}

/// The platform role of a person, if a rule gave it; the person is locked until the transaction ends.
pub(in crate::identity::rule) async fn lock_platform_role(
    tx: &mut Tx,
    person_id: PersonId,
) -> Result<Option<String>> {
    let role = sqlx::query_scalar!(
        "SELECT CASE WHEN role_by_rule THEN platform_role END FROM people WHERE person_id = $1 FOR UPDATE",
        person_id as _
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(role.flatten())
}
