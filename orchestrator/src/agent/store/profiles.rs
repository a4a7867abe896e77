use std::collections::BTreeMap;

use super::{VersionRow, version};
use crate::actor::Actor;
use crate::agent::{Adapter, Output, Profile, Version, Versioned};
use crate::error::{Error, Result};
use crate::id::{AgentProfileId, PersonId, ProjectId};
use crate::postgres::{Moment, Tx, erase, json, unknown_word};

struct Row {
    agent_profile_id: AgentProfileId,
    project_id: Option<ProjectId>,
    stage: String,
    version: i32,
    adapter: String,
    command: Vec<String>,
    environment: serde_json::Value,
    model: Option<String>,
    effort: Option<String>,
    output: String,
    write_include: Vec<String>,
    write_exclude: Vec<String>,
    runtime_class: Option<String>,
    cpu: String,
    memory: String,
    active_seconds: Option<i64>,
    written_by: String,
    writer_id: Option<PersonId>,
    created_at: Moment,
    published_by: Option<String>,
    published_at: Option<Moment>,
}

impl TryFrom<Row> for Versioned<Profile> {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let environment: BTreeMap<String, String> =
            serde_json::from_value(row.environment).map_err(Error::internal)?;
        let profile = Profile {
            agent_profile_id: row.agent_profile_id,
            project_id: row.project_id,
            stage: row.stage,
            adapter: Adapter::parse(&row.adapter)
                .ok_or_else(|| unknown_word("agent_profiles.adapter", &row.adapter))?,
            command: row.command,
            environment,
            model: row.model,
            effort: row.effort,
            output: Output::parse(&row.output)
                .ok_or_else(|| unknown_word("agent_profiles.output", &row.output))?,
            write_include: row.write_include,
            write_exclude: row.write_exclude,
            runtime_class: row.runtime_class,
            cpu: row.cpu,
            memory: row.memory,
            active_seconds: row.active_seconds,
        };
        let version = version(
            row.version,
            (row.written_by, row.writer_id, row.created_at),
            (row.published_by, row.published_at),
        );
        Ok(Self { of: profile, version })
    }
}

macro_rules! select {
    ($rest:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT agent_profile_id, project_id, stage, version, adapter, command, environment, model, effort, output,
                    write_include, write_exclude, runtime_class, cpu, memory, active_seconds, written_by, writer_id,
                    created_at, published_by, published_at
             FROM agent_profiles " + $rest
            $(, $argument)*
        )
    };
}

/// The newest published version of the project's own, else of the platform's; without a project the platform's.
pub(in crate::agent) async fn effective(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
    stage: &str,
) -> Result<Option<Versioned<Profile>>> {
    let row = select!(
        "WHERE stage = $2 AND (project_id = $1 OR project_id IS NULL) AND published_at IS NOT NULL
         ORDER BY project_id NULLS LAST, version DESC LIMIT 1",
        project_id as _,
        stage,
    );
    let row = row.fetch_optional(&mut **tx).await?;
    row.map(TryInto::try_into).transpose()
}

/// The newest version of exactly this owner, draft or not.
pub(in crate::agent) async fn newest(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
    stage: &str,
) -> Result<Option<Versioned<Profile>>> {
    let row = select!(
        "WHERE project_id IS NOT DISTINCT FROM $1 AND stage = $2 ORDER BY version DESC LIMIT 1",
        project_id as _,
        stage,
    );
    let row = row.fetch_optional(&mut **tx).await?;
    row.map(TryInto::try_into).transpose()
}

pub(in crate::agent) async fn find(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
    stage: &str,
    version: i32,
) -> Result<Option<Versioned<Profile>>> {
    let row = select!(
        "WHERE project_id IS NOT DISTINCT FROM $1 AND stage = $2 AND version = $3",
        project_id as _,
        stage,
        version,
    );
    let row = row.fetch_optional(&mut **tx).await?;
    row.map(TryInto::try_into).transpose()
}

pub(in crate::agent) async fn get(tx: &mut Tx, id: AgentProfileId) -> Result<Option<Versioned<Profile>>> {
    let row = select!("WHERE agent_profile_id = $1", id as _);
    let row = row.fetch_optional(&mut **tx).await?;
    row.map(TryInto::try_into).transpose()
}

/// Versions of exactly this owner that are older than `before`, newest first.
pub(in crate::agent) async fn versions(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
    stage: &str,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<Version>> {
    let rows = sqlx::query_as!(
        VersionRow,
        "SELECT version, written_by, writer_id, created_at, published_by, published_at FROM agent_profiles
         WHERE project_id IS NOT DISTINCT FROM $1 AND stage = $2 AND version < coalesce($3, 2147483647)
         ORDER BY version DESC LIMIT $4",
        project_id as _,
        stage,
        before,
        limit,
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Of each stage what is published and what is newest, of exactly this owner.
pub(in crate::agent) async fn heads(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
) -> Result<Vec<Versioned<Profile>>> {
    let rows = select!(
        "AS it WHERE project_id IS NOT DISTINCT FROM $1 AND NOT EXISTS (
             SELECT 1 FROM agent_profiles AS newer
             WHERE newer.project_id IS NOT DISTINCT FROM it.project_id AND newer.stage = it.stage
               AND newer.version > it.version AND (newer.published_at IS NOT NULL OR it.published_at IS NULL))
         ORDER BY stage, version",
        project_id as _,
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Everybody's newest published ones, stage by stage, the platform's before those of projects.
pub(in crate::agent) async fn all(tx: &mut Tx) -> Result<Vec<Profile>> {
    let rows = select!(
        "AS it WHERE published_at IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM agent_profiles AS newer
             WHERE newer.project_id IS NOT DISTINCT FROM it.project_id AND newer.stage = it.stage
               AND newer.version > it.version AND newer.published_at IS NOT NULL)
         ORDER BY stage, project_id NULLS FIRST",
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    rows.into_iter()
        .map(|row| Versioned::<Profile>::try_from(row).map(|versioned| versioned.of))
        .collect()
}

/// Inserts a version; `profile` says all but its id.
pub(in crate::agent) async fn insert(
    tx: &mut Tx,
    actor: &Actor,
    profile: &Profile,
    version: i32,
    published: bool,
) -> Result<Versioned<Profile>> {
    let now = tx.moment();
    let by = actor.to_string();
    let (published_by, published_at) = if published {
        (Some(by.clone()), Some(now))
    } else {
        (None, None)
    };
    let id = AgentProfileId::new();
    sqlx::query!(
        "INSERT INTO agent_profiles (agent_profile_id, project_id, stage, version, adapter, command, environment, model,
                                     effort, output, write_include, write_exclude, runtime_class, cpu, memory,
                                     active_seconds, written_by, writer_id, created_at, published_by, published_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
        id as _,
        profile.project_id as _,
        profile.stage,
        version,
        profile.adapter.as_str(),
        &profile.command,
        json(&profile.environment)?,
        profile.model,
        profile.effort,
        profile.output.as_str(),
        &profile.write_include,
        &profile.write_exclude,
        profile.runtime_class,
        profile.cpu,
        profile.memory,
        profile.active_seconds,
        by,
        actor.person_id() as _,
        now,
        published_by,
        published_at as _,
    )
    .execute(&mut **tx)
    .await?;
    let there = get(tx, id).await?;
    there.ok_or_else(|| Error::internal("a profile is not there after its insert"))
}

pub(in crate::agent) async fn publish(tx: &mut Tx, id: AgentProfileId, actor: &Actor) -> Result<Version> {
    let now = tx.moment();
    let row = sqlx::query!(
        "UPDATE agent_profiles SET published_by = $2, published_at = $3 WHERE agent_profile_id = $1
         RETURNING version, written_by, writer_id, created_at, published_by, published_at",
        id as _,
        actor.to_string(),
        now as _,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(version(
        row.version,
        (row.written_by, row.writer_id, row.created_at),
        (row.published_by, row.published_at),
    ))
}

/// Deletes a batch of a deleted project's profiles; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM agent_profiles WHERE agent_profile_id IN (
             SELECT agent_profile_id FROM agent_profiles WHERE project_id = $1 LIMIT $2)",
    ))
}
