//! The SQL of lists of runs.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use super::{Row, select};
use crate::error::Result;
use crate::id::{PersonId, ProjectId, RepositoryId, RunId};
use crate::page::PageAsk;
use crate::postgres::Tx;
use crate::run::aggregate::Run;

/// Which runs to list; none means all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub project_id: Option<ProjectId>,
    pub repository_id: Option<RepositoryId>,
    pub number: Option<i64>,
    /// In one of these; in any if there are none.
    pub states: Vec<String>,
    pub started_by: Option<PersonId>,
    pub stage: Option<String>,
    pub kind: Option<String>,
    /// A part of what its issue is called, or of its branch; in any case of letters.
    pub text: Option<String>,
    pub created_after: Option<Timestamp>,
    /// Before this moment.
    pub created_before: Option<Timestamp>,
}

/// What is shown beside a run, and is not its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Owner and name.
    pub repository: String,
    pub started_by_login: Option<String>,
    /// None where a model has no price.
    pub cost_micro_usd: Option<i64>,
}

/// Runs of these projects, newest first: of each project the newest that the filter leaves, and of these the newest.
pub(in crate::run) async fn list(
    tx: &mut Tx,
    projects: &[ProjectId],
    filter: &Filter,
    page: PageAsk,
) -> Result<Vec<Run>> {
    let projects: Vec<uuid::Uuid> = projects.iter().map(|id| id.uuid()).collect();
    let states = Some(filter.states.as_slice()).filter(|states| !states.is_empty());
    // A plan for every filter at once would serve none of them.
    sqlx::query!(
        "SELECT set_config(name, setting, true) FROM
             (VALUES ('plan_cache_mode', 'force_custom_plan'), ('jit', 'off')) AS wanted (name, setting)"
    )
    .fetch_all(&mut **tx)
    .await?;
    let rows = select!(
        "WHERE run_id IN (
             SELECT found.run_id FROM unnest($1::uuid[]) AS seen (project_id)
             CROSS JOIN LATERAL (
                 SELECT r.run_id FROM runs r
                 WHERE r.project_id = seen.project_id AND r.run_id < $2
                   AND ($4::uuid IS NULL OR r.repository_id = $4) AND ($5::bigint IS NULL OR r.number = $5)
                   AND ($6::text[] IS NULL OR r.state = ANY ($6)) AND ($7::uuid IS NULL OR r.started_by = $7)
                   AND ($8::text IS NULL OR r.stage = $8) AND ($9::text IS NULL OR r.kind = $9)
                   AND ($10::text IS NULL OR r.title ILIKE $10 OR r.branch ILIKE $10)
                   AND ($11::timestamptz IS NULL OR r.created_at >= $11)
                   AND ($12::timestamptz IS NULL OR r.created_at < $12)
                 ORDER BY r.run_id DESC LIMIT $3) AS found
             ORDER BY found.run_id DESC LIMIT $3)
         ORDER BY run_id DESC",
        &projects,
        page.before(),
        page.fetch(),
        filter.repository_id as Option<RepositoryId>,
        filter.number,
        states as Option<&[String]>,
        filter.started_by as Option<PersonId>,
        filter.stage,
        filter.kind,
        filter.text.as_deref().map(part_of),
        filter.created_after.map(ToSqlx::to_sqlx) as _,
        filter.created_before.map(ToSqlx::to_sqlx) as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Run::try_from).collect()
}

/// The pattern of what has this text in it, whatever the text is made of.
fn part_of(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// What is shown beside these runs.
pub(in crate::run) async fn beside(tx: &mut Tx, runs: &[RunId]) -> Result<HashMap<RunId, Beside>> {
    let ids: Vec<uuid::Uuid> = runs.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT r.run_id, p.owner || '/' || p.name AS "repository!", who.login AS "login?", u.cost AS "cost?"
           FROM runs r JOIN repositories p USING (repository_id)
           LEFT JOIN people who ON who.person_id = r.started_by
           CROSS JOIN LATERAL (
               SELECT CASE WHEN count(*) = count(cost_micro_usd) THEN coalesce(sum(cost_micro_usd), 0)::bigint END AS cost
               FROM run_usage WHERE run_usage.run_id = r.run_id) u
           WHERE r.run_id = ANY ($1)"#,
        &ids,
    )
    .fetch_all(&mut **tx)
    .await?;
    let beside = rows.into_iter().map(|row| {
        let beside = Beside {
            repository: row.repository,
            started_by_login: row.login,
            cost_micro_usd: row.cost,
        };
        (row.run_id, beside)
    });
    Ok(beside.collect())
}

/// Whether runs of a work item have another title, and the item's lock was to be had; it is held until the transaction ends.
pub(in crate::run) async fn hold_to_retitle(
    tx: &mut Tx,
    key: &str,
    repository_id: RepositoryId,
    number: i64,
    title: &str,
) -> Result<bool> {
    let held = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS "held!"
           FROM (SELECT FROM runs WHERE repository_id = $2 AND number = $3 AND title IS DISTINCT FROM $4 LIMIT 1) other"#,
        key,
        repository_id as RepositoryId,
        number,
        title,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(held.unwrap_or(false))
}

/// Gives runs of a work item its newest title, but those that somebody holds.
pub(in crate::run) async fn retitle(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
    title: &str,
) -> Result<()> {
    sqlx::query!(
        "UPDATE runs SET title = $3 WHERE run_id IN (
             SELECT run_id FROM runs WHERE repository_id = $1 AND number = $2 AND title IS DISTINCT FROM $3
             FOR UPDATE SKIP LOCKED)",
        repository_id as RepositoryId,
        number,
        title,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_pattern() {
        assert_eq!(part_of("50% a_b\\"), "%50\\% a\\_b\\\\%");
    }
}
