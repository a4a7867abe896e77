//! The SQL of effects.

use jiff_sqlx::ToSqlx;
use serde_json::Value;

use super::domain::{EffectKind, EffectState, Write};
use super::service::Effect;
use crate::error::{Error, Result};
use crate::id::{EffectId, PersonId, ProjectId, RepositoryId, RunId};
use crate::page::PageAsk;
use crate::postgres::{Moment, Tx, erase, json, unknown_word};

struct Row {
    effect_id: EffectId,
    project_id: ProjectId,
    repository_id: RepositoryId,
    number: Option<i64>,
    run_id: Option<RunId>,
    turn: Option<i32>,
    effect_key: Option<String>,
    arguments: Value,
    version: i64,
    applied_version: Option<i64>,
    state: String,
    reason: Option<String>,
    result: Option<Value>,
    attempts: i32,
    not_before: Moment,
    lane_fence: Option<i64>,
    applying_since: Option<Moment>,
    applied_at: Option<Moment>,
    actor: String,
    asked_by: Option<PersonId>,
    traceparent: String,
    created_at: Moment,
    updated_at: Moment,
}

impl TryFrom<Row> for Effect {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            effect_id: row.effect_id,
            project_id: row.project_id,
            repository_id: row.repository_id,
            number: row.number,
            run_id: row.run_id,
            turn: row.turn,
            effect_key: row.effect_key,
            write: serde_json::from_value(row.arguments).map_err(Error::internal)?,
            version: row.version,
            applied_version: row.applied_version,
            state: EffectState::parse(&row.state).ok_or_else(|| unknown_word("effects.state", &row.state))?,
            reason: row.reason,
            result: row
                .result
                .map(serde_json::from_value)
                .transpose()
                .map_err(Error::internal)?,
            attempts: row.attempts,
            not_before: row.not_before.to_jiff(),
            lane_fence: row.lane_fence,
            applying_since: row.applying_since.map(Moment::to_jiff),
            applied_at: row.applied_at.map(Moment::to_jiff),
            actor: row.actor,
            asked_by: row.asked_by,
            traceparent: row.traceparent,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
        })
    }
}

macro_rules! select {
    ($rest:literal $(, $arg:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT effect_id, project_id, repository_id, number, run_id, turn, effect_key, arguments, version,
                 applied_version, state, reason, result, attempts, not_before, lane_fence, applying_since, applied_at,
                 actor, asked_by, traceparent, created_at, updated_at
             FROM effects " + $rest
            $(, $arg)*
        )
    };
}

pub(super) async fn find(tx: &mut Tx, effect_id: EffectId) -> Result<Option<Effect>> {
    let row = select!("WHERE effect_id = $1", effect_id as EffectId)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Effect::try_from).transpose()
}

pub(super) async fn get_for_update(tx: &mut Tx, effect_id: EffectId) -> Result<Effect> {
    let row = select!("WHERE effect_id = $1 FOR UPDATE", effect_id as EffectId)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Effect::try_from)
        .transpose()?
        .ok_or_else(|| Error::not_found("effect", effect_id))
}

/// The row of a key, locked. A key that has none is locked too, so that two asks at once make one row.
pub(super) async fn find_by_key_for_update(tx: &mut Tx, key: &str) -> Result<Option<Effect>> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('effect:' || $1, 0))",
        key
    )
    .execute(&mut **tx)
    .await?;
    let row = select!("WHERE effect_key = $1 FOR UPDATE", key)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Effect::try_from).transpose()
}

/// The newest run whose pull request this is.
pub(super) async fn run_of_pull_request(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
) -> Result<Option<RunId>> {
    let run_id = sqlx::query_scalar!(
        "SELECT run_id FROM effects
         WHERE kind = 'pull_request' AND repository_id = $1 AND (result ->> 'number')::bigint = $2
         ORDER BY effect_id DESC LIMIT 1",
        repository_id as RepositoryId,
        number,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(run_id.flatten())
}

/// Effects of a run, newest first; none means all runs of the projects.
pub(super) async fn list(
    tx: &mut Tx,
    projects: &[ProjectId],
    run_id: Option<RunId>,
    page: PageAsk,
) -> Result<Vec<Effect>> {
    let projects: Vec<uuid::Uuid> = projects.iter().map(|id| id.uuid()).collect();
    let rows = select!(
        "WHERE project_id = ANY($1) AND ($2::uuid IS NULL OR run_id = $2) AND effect_id < $3
         ORDER BY effect_id DESC LIMIT $4",
        &projects,
        run_id as Option<RunId>,
        page.before(),
        page.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Effect::try_from).collect()
}

/// Effects of a run that are not over, or that failed.
pub(super) async fn open_of_run(tx: &mut Tx, run_id: RunId) -> Result<Vec<Effect>> {
    let rows = select!(
        "WHERE run_id = $1 AND state IN ('proposed', 'awaiting_approval', 'ready', 'applying', 'failed')
         ORDER BY effect_id LIMIT 50",
        run_id as RunId,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Effect::try_from).collect()
}

/// How many writes of a kind a run has asked for.
pub(super) async fn count_of_kind(tx: &mut Tx, run_id: RunId, kind: EffectKind) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM effects WHERE run_id = $1 AND kind = $2"#,
        run_id as RunId,
        kind.as_str(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count)
}

/// How many writes a person has asked for since a moment. Locks the person's count until the transaction ends.
pub(super) async fn count_of_person(tx: &mut Tx, person_id: PersonId, since: jiff::Timestamp) -> Result<i64> {
    let key = format!("effects of {person_id}");
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key)
        .execute(&mut **tx)
        .await?;
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM effects WHERE asked_by = $1 AND created_at > $2"#,
        person_id as PersonId,
        since.to_sqlx(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count)
}

/// Who asked for the newest change of labels that began to be made before a moment, and that sets this label or takes it
/// away; none if that was the platform or a run.
pub(super) async fn person_behind_label(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
    label: &str,
    set: bool,
    before: jiff::Timestamp,
) -> Result<Option<PersonId>> {
    let found = sqlx::query_scalar!(
        "SELECT asked_by FROM effects
         WHERE repository_id = $1 AND number = $2 AND kind = 'labels' AND created_at <= $5
           AND (state IN ('applying', 'applied') OR attempts > 0)
           AND EXISTS (SELECT FROM jsonb_array_elements_text(arguments -> CASE WHEN $4 THEN 'add' ELSE 'remove' END) AS named
                       WHERE lower(named) = lower($3))
         ORDER BY effect_id DESC LIMIT 1",
        repository_id as RepositoryId,
        number,
        label,
        set,
        before.to_sqlx(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.flatten())
}

/// Effects that are due and may have lost their job: ready ones, and applying ones nobody settled.
pub(super) async fn due(tx: &mut Tx, stale_before: jiff::Timestamp) -> Result<Vec<(EffectId, String)>> {
    let now = tx.moment();
    let due = sqlx::query!(
        "SELECT effect_id, traceparent FROM effects
         WHERE (state = 'ready' AND not_before <= $1) OR (state = 'applying' AND applying_since < $2)
         ORDER BY not_before LIMIT 200",
        now,
        stale_before.to_sqlx(),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(due
        .into_iter()
        .map(|row| (row.effect_id, row.traceparent))
        .collect())
}

/// The platform's own changes of an issue's labels that wait to be made, locked, oldest first.
pub(super) async fn ready_system_labels(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
) -> Result<Vec<Effect>> {
    let rows = select!(
        "WHERE repository_id = $1 AND number = $2 AND kind = 'labels' AND state = 'ready' AND actor LIKE 'system:%'
         ORDER BY effect_id FOR UPDATE",
        repository_id as RepositoryId,
        number,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Effect::try_from).collect()
}

/// What a run's own words asked for and is not begun yet, locked: all of it, or only what still waits for something.
pub(super) async fn unbegun_of_run(tx: &mut Tx, run_id: RunId, with_ready: bool) -> Result<Vec<Effect>> {
    let rows = select!(
        "WHERE run_id = $1 AND actor NOT LIKE 'system:%'
           AND (state IN ('proposed', 'awaiting_approval') OR (state = 'ready' AND $2))
         ORDER BY effect_id FOR UPDATE",
        run_id as RunId,
        with_ready,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Effect::try_from).collect()
}

pub(super) async fn insert(tx: &mut Tx, effect: &Effect) -> Result<()> {
    sqlx::query!(
        "INSERT INTO effects (effect_id, project_id, repository_id, number, run_id, turn, kind, effect_key, arguments,
             state, not_before, actor, traceparent, created_at, updated_at, asked_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15)",
        effect.effect_id as EffectId,
        effect.project_id as ProjectId,
        effect.repository_id as RepositoryId,
        effect.number,
        effect.run_id as Option<RunId>,
        effect.turn,
        effect.write.kind().as_str(),
        effect.effect_key,
        json(&effect.write)?,
        effect.state.as_str(),
        effect.not_before.to_sqlx(),
        effect.actor,
        effect.traceparent,
        effect.created_at.to_sqlx(),
        effect.asked_by as Option<PersonId>,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes what events change.
pub(super) async fn save(tx: &mut Tx, effect: &Effect) -> Result<()> {
    let now = tx.moment();
    let write: &Write = &effect.write;
    sqlx::query!(
        "UPDATE effects SET run_id = $2, turn = $3, arguments = $4, version = $5, applied_version = $6, state = $7,
             reason = $8, result = $9, attempts = $10, not_before = $11, lane_fence = $12, applying_since = $13,
             applied_at = $14, updated_at = $15
         WHERE effect_id = $1",
        effect.effect_id as EffectId,
        effect.run_id as Option<RunId>,
        effect.turn,
        json(write)?,
        effect.version,
        effect.applied_version,
        effect.state.as_str(),
        effect.reason,
        effect.result.as_ref().map(json).transpose()?,
        effect.attempts,
        effect.not_before.to_sqlx(),
        effect.lane_fence,
        effect.applying_since.map(ToSqlx::to_sqlx),
        effect.applied_at.map(ToSqlx::to_sqlx),
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a batch of a deleted project's writes; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM effects WHERE effect_id IN (
             SELECT effect_id FROM effects WHERE project_id = $1 LIMIT $2)",
    ))
}
