use super::profile::check_globs;
use super::prompt::default_template;
use super::prompt::sample;
use super::stage::STAGES;
use super::text::sha256;
use super::{Adapter, Model, Profile, Prompt, PromptFacts, render_template, stage, store};
use crate::actor::Actor;
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{AgentProfileId, ProjectId, RepositoryId};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::repository;

/// A template is checked with these bytes at most before it is stored.
const MAX_TEMPLATE_BYTES: usize = 128 * 1024;

/// Gives a new installation a profile and a prompt for every stage. Asking twice changes nothing, and what people changed
/// stays.
pub async fn seed_defaults(tx: &mut Tx) -> Result<()> {
    for stage in &STAGES {
        let mut profile = Profile::codex(stage.name, stage.output);
        profile.write_include = stage.write_include.iter().map(|&glob| glob.to_owned()).collect();
        store::insert_profile_if_none(tx, &profile).await?;
        if store::newest_prompt(tx, None, stage.name).await?.is_none() {
            let body = default_template(stage);
            store::insert_prompt(tx, None, stage.name, &body, &sha256(&body)).await?;
        }
    }
    Ok(())
}

/// The profile that works on a stage of a project: its own, else the platform's.
///
/// # Errors
///
/// `Precondition` if there is neither.
pub async fn profile_for(tx: &mut Tx, project_id: ProjectId, stage: &str) -> Result<Profile> {
    let profile = store::find_profile(tx, Some(project_id), stage).await?;
    profile.ok_or_else(|| missing("profile", stage))
}

/// All profiles, stage by stage, the platform's before those of projects.
pub async fn list_profiles(tx: &mut Tx) -> Result<Vec<Profile>> {
    store::list_profiles(tx).await
}

/// The profile a run was given.
pub async fn get_profile(tx: &mut Tx, agent_profile_id: AgentProfileId) -> Result<Profile> {
    let profile = store::get_profile(tx, agent_profile_id).await?;
    profile.ok_or_else(|| Error::not_found("agent profile", agent_profile_id))
}

/// The newest prompt of a stage of a project: its own, else the platform's.
///
/// # Errors
///
/// `Precondition` if there is neither.
pub async fn prompt_for(tx: &mut Tx, project_id: ProjectId, stage: &str) -> Result<Prompt> {
    if let Some(own) = store::newest_prompt(tx, Some(project_id), stage).await? {
        return Ok(own);
    }
    let default = store::newest_prompt(tx, None, stage).await?;
    default.ok_or_else(|| missing("prompt", stage))
}

fn missing(what: &str, stage: &str) -> Error {
    Error::Precondition(format!(
        "there is no {what} for the stage {stage}; run `codex-k8s init` to install the defaults"
    ))
}

/// Renders the newest prompt of a stage.
///
/// # Errors
///
/// `Precondition` if there is none or it does not render.
pub async fn render_prompt(
    tx: &mut Tx,
    project_id: ProjectId,
    stage: &str,
    facts: &PromptFacts,
) -> Result<String> {
    let output = profile_for(tx, project_id, stage).await?.output;
    let prompt = prompt_for(tx, project_id, stage).await?;
    render_template(&prompt.body, stage, output, facts)
        .map_err(|error| Error::Precondition(error.to_string()))
}

/// What the agent of a stage is told on a repository, without an issue: for a person who does the stage in a client of
/// their own.
///
/// # Errors
///
/// `NotFound` or `Forbidden` of the repository, `Precondition` if there is no prompt or it does not render.
pub async fn show_prompt(
    orchestrator: &Orchestrator,
    actor: &Actor,
    repository_id: RepositoryId,
    stage: &str,
    instruction: Option<&str>,
) -> Result<String> {
    let repository = repository::read(orchestrator, actor, repository_id).await?;
    let mut tx = orchestrator.begin("agent.show_prompt").await?;
    access::require(&mut tx, actor, Operation::RunPromptRead, &repository.target()).await?;
    let facts = PromptFacts {
        repository: format!("{}/{}", repository.owner, repository.name),
        branch: format!("codex/{stage}"),
        default_branch: repository.default_branch,
        instruction: instruction.map(str::to_owned),
        issue: None,
    };
    render_prompt(&mut tx, repository.project_id, stage, &facts).await
}

/// Makes a profile say this: the one of its stage and project, or the platform's default if it has no project. A profile
/// that is there keeps its id.
///
/// # Errors
///
/// `Invalid` for an unknown stage, model or effort, a model that speaks another API than the adapter, a glob that does not
/// parse, or a `command` adapter without a command.
pub async fn set_profile(tx: &mut Tx, actor: &Actor, settings: &Profile) -> Result<Profile> {
    check_stage(&settings.stage)?;
    for globs in [&settings.write_include, &settings.write_exclude] {
        check_globs(globs).map_err(Error::Invalid)?;
    }
    if settings.adapter == Adapter::Command && settings.command.is_empty() {
        return Err(Error::Invalid(
            "the command adapter needs a command: the program and its arguments".into(),
        ));
    }
    let efforts = crate::trigger::EFFORTS;
    if let Some(effort) = &settings.effort
        && !efforts.contains(&effort.as_str())
    {
        return Err(Error::Invalid(format!(
            "there is no effort {effort:?}; use {}",
            efforts.join(", ")
        )));
    }
    if let Some(name) = &settings.model {
        let model = store::find_model(tx, name).await?;
        let model = model
            .ok_or_else(|| Error::Invalid(format!("the catalogue has no model {name:?}; add it first")))?;
        if let Some(api) = settings.adapter.api().filter(|api| *api != model.api) {
            return Err(Error::Invalid(format!(
                "the {} adapter needs a model that speaks {api}, and {name} speaks {}; name another",
                settings.adapter, model.api
            )));
        }
    }
    let profile = store::upsert_profile(tx, settings).await?;
    let object = ("agent_profile", profile.agent_profile_id);
    audit::record_own(tx, actor, "agent_update", object, profile.project_id).await?;
    Ok(profile)
}

/// Changes the profile of a stage: a project's own, or the platform's without one. A project that has none of its own
/// begins with what the platform's says.
///
/// # Errors
///
/// As [`set_profile`]; `Forbidden` for anybody but the command line.
pub async fn change_profile(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: Option<ProjectId>,
    stage: &str,
    change: impl FnOnce(&mut Profile),
) -> Result<Profile> {
    access::require_system(actor)?;
    check_stage(stage)?;
    let mut tx = orchestrator.begin("agent.change_profile").await?;
    let found = store::find_profile(&mut tx, project_id, stage).await?;
    let mut profile = found.ok_or_else(|| missing("profile", stage))?;
    if profile.project_id != project_id {
        profile.agent_profile_id = AgentProfileId::new();
        profile.project_id = project_id;
    }
    change(&mut profile);
    let profile = set_profile(&mut tx, actor, &profile).await?;
    tx.commit().await?;
    Ok(profile)
}

/// Publishes a template as the next version of a stage's prompt. The text that is the newest already stays the newest.
///
/// # Errors
///
/// `Invalid` for an unknown stage or a template that does not render.
pub async fn publish_prompt(
    tx: &mut Tx,
    actor: &Actor,
    project_id: Option<ProjectId>,
    stage: &str,
    body: &str,
) -> Result<Prompt> {
    check_stage(stage)?;
    if body.len() > MAX_TEMPLATE_BYTES {
        return Err(Error::TooLarge(format!(
            "a prompt template may have {MAX_TEMPLATE_BYTES} bytes"
        )));
    }
    let output = super::Output::PullRequest;
    render_template(body, stage, output, &sample()).map_err(|error| Error::Invalid(error.to_string()))?;
    let digest = sha256(body);
    match store::newest_prompt(tx, project_id, stage).await? {
        Some(newest) if newest.digest == digest => Ok(newest),
        _ => {
            let prompt = store::insert_prompt(tx, project_id, stage, body, &digest).await?;
            let object = ("prompt", prompt.prompt_id);
            audit::record_own(tx, actor, "prompt_publish", object, project_id).await?;
            Ok(prompt)
        }
    }
}

fn check_stage(name: &str) -> Result<()> {
    if stage(name).is_some() {
        return Ok(());
    }
    let names: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
    Err(Error::Invalid(format!(
        "there is no stage {name:?}; the stages are {}",
        names.join(", ")
    )))
}

/// Adds a model to the catalogue, or replaces what is known of it.
pub async fn set_model(tx: &mut Tx, actor: &Actor, model: &Model) -> Result<()> {
    store::upsert_model(tx, model).await?;
    audit::record_own(tx, actor, "model_set", ("model", &model.model), None).await
}

pub async fn find_model(tx: &mut Tx, model: &str) -> Result<Option<Model>> {
    store::find_model(tx, model).await
}

pub async fn list_models(tx: &mut Tx) -> Result<Vec<Model>> {
    store::list_models(tx).await
}
