use std::collections::BTreeMap;

use super::{Adapter, Api, Model, Output, Profile, Prompt};
use crate::error::{Error, Result};
use crate::id::{AgentProfileId, ProjectId, PromptId};
use crate::postgres::{Tx, json, unknown_word};

struct ProfileRow {
    agent_profile_id: AgentProfileId,
    project_id: Option<ProjectId>,
    stage: String,
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
}

impl TryFrom<ProfileRow> for Profile {
    type Error = Error;

    fn try_from(row: ProfileRow) -> Result<Self> {
        let environment: BTreeMap<String, String> =
            serde_json::from_value(row.environment).map_err(Error::internal)?;
        Ok(Self {
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
        })
    }
}

/// The project's own, else the platform's; without a project the platform's.
pub(super) async fn find_profile(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
    stage: &str,
) -> Result<Option<Profile>> {
    sqlx::query_as!(
        ProfileRow,
        "SELECT agent_profile_id, project_id, stage, adapter, command, environment, model, effort, output,
                write_include, write_exclude, runtime_class, cpu, memory
         FROM agent_profiles WHERE stage = $2 AND (project_id = $1 OR project_id IS NULL)
         ORDER BY project_id NULLS LAST LIMIT 1",
        project_id as _,
        stage,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Profile::try_from)
    .transpose()
}

pub(super) async fn get_profile(tx: &mut Tx, id: AgentProfileId) -> Result<Option<Profile>> {
    sqlx::query_as!(
        ProfileRow,
        "SELECT agent_profile_id, project_id, stage, adapter, command, environment, model, effort, output,
                write_include, write_exclude, runtime_class, cpu, memory
         FROM agent_profiles WHERE agent_profile_id = $1",
        id as _,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Profile::try_from)
    .transpose()
}

pub(super) async fn list_profiles(tx: &mut Tx) -> Result<Vec<Profile>> {
    let rows = sqlx::query_as!(
        ProfileRow,
        "SELECT agent_profile_id, project_id, stage, adapter, command, environment, model, effort, output,
                write_include, write_exclude, runtime_class, cpu, memory
         FROM agent_profiles ORDER BY stage, project_id NULLS FIRST",
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Profile::try_from).collect()
}

pub(super) async fn insert_profile_if_none(tx: &mut Tx, profile: &Profile) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO agent_profiles (agent_profile_id, stage, adapter, command, environment, output, write_include,
                                     write_exclude, cpu, memory, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT ON CONSTRAINT agent_profiles_stage_key DO NOTHING",
        profile.agent_profile_id as _,
        profile.stage,
        profile.adapter.as_str(),
        &profile.command,
        json(&profile.environment)?,
        profile.output.as_str(),
        &profile.write_include,
        &profile.write_exclude,
        profile.cpu,
        profile.memory,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn upsert_profile(tx: &mut Tx, profile: &Profile) -> Result<Profile> {
    let now = tx.moment();
    sqlx::query_as!(
        ProfileRow,
        "INSERT INTO agent_profiles (agent_profile_id, project_id, stage, adapter, command, environment, model, effort,
                                     output, write_include, write_exclude, runtime_class, cpu, memory, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT ON CONSTRAINT agent_profiles_stage_key DO UPDATE
             SET adapter = $4, command = $5, environment = $6, model = $7, effort = $8, output = $9,
                 write_include = $10, write_exclude = $11, runtime_class = $12, cpu = $13, memory = $14
         RETURNING agent_profile_id, project_id, stage, adapter, command, environment, model, effort, output,
                   write_include, write_exclude, runtime_class, cpu, memory",
        profile.agent_profile_id as _,
        profile.project_id as _,
        profile.stage,
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
        now,
    )
    .fetch_one(&mut **tx)
    .await?
    .try_into()
}

/// The newest version of exactly this owner; none stands for the platform.
pub(super) async fn newest_prompt(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
    stage: &str,
) -> Result<Option<Prompt>> {
    let prompt = sqlx::query_as!(
        Prompt,
        "SELECT prompt_id, project_id, stage, version, body, digest FROM prompts
         WHERE project_id IS NOT DISTINCT FROM $1 AND stage = $2 ORDER BY version DESC LIMIT 1",
        project_id as _,
        stage,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(prompt)
}

pub(super) async fn insert_prompt(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
    stage: &str,
    body: &str,
    digest: &str,
) -> Result<Prompt> {
    let now = tx.moment();
    let prompt = sqlx::query_as!(
        Prompt,
        "INSERT INTO prompts (prompt_id, project_id, stage, version, body, digest, published_at)
         SELECT $1, $2, $3, 1 + coalesce(max(version), 0), $4, $5, $6
         FROM prompts WHERE project_id IS NOT DISTINCT FROM $2 AND stage = $3
         RETURNING prompt_id, project_id, stage, version, body, digest",
        PromptId::new() as _,
        project_id as _,
        stage,
        body,
        digest,
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(prompt)
}

struct ModelRow {
    model: String,
    api: String,
    base_url: String,
    input_micro_usd: Option<i64>,
    cached_input_micro_usd: Option<i64>,
    output_micro_usd: Option<i64>,
}

impl TryFrom<ModelRow> for Model {
    type Error = Error;

    fn try_from(row: ModelRow) -> Result<Self> {
        Ok(Self {
            api: Api::parse(&row.api).ok_or_else(|| unknown_word("models.api", &row.api))?,
            model: row.model,
            base_url: row.base_url,
            input_micro_usd: row.input_micro_usd,
            cached_input_micro_usd: row.cached_input_micro_usd,
            output_micro_usd: row.output_micro_usd,
        })
    }
}

pub(super) async fn upsert_model(tx: &mut Tx, model: &Model) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO models (model, base_url, input_micro_usd, cached_input_micro_usd, output_micro_usd, created_at, api)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (model) DO UPDATE
             SET base_url = $2, input_micro_usd = $3, cached_input_micro_usd = $4, output_micro_usd = $5, api = $7",
        model.model,
        model.base_url,
        model.input_micro_usd,
        model.cached_input_micro_usd,
        model.output_micro_usd,
        now,
        model.api.as_str(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn find_model(tx: &mut Tx, model: &str) -> Result<Option<Model>> {
    sqlx::query_as!(
        ModelRow,
        "SELECT model, api, base_url, input_micro_usd, cached_input_micro_usd, output_micro_usd
         FROM models WHERE model = $1",
        model,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Model::try_from)
    .transpose()
}

pub(super) async fn list_models(tx: &mut Tx) -> Result<Vec<Model>> {
    let rows = sqlx::query_as!(
        ModelRow,
        "SELECT model, api, base_url, input_micro_usd, cached_input_micro_usd, output_micro_usd
         FROM models ORDER BY model"
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Model::try_from).collect()
}
