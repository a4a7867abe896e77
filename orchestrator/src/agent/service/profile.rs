use std::collections::BTreeMap;

use super::{draft_of, follow, missing, permit, shown, valid_stage};
use crate::actor::Actor;
use crate::agent::bounds::beyond;
use crate::agent::check::check;
use crate::agent::{Adapter, Output, Profile, STAGES, Versioned, store};
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{AgentProfileId, ProjectId};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};

const WHAT: &str = "agent";

/// A profile, and what a change of it must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub profile: Versioned<Profile>,
    /// The newest version of the owner that was asked for, draft or not; none if it has none of its own.
    pub newest: Option<i32>,
}

/// What to change of a profile; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct AgentChange {
    pub adapter: Option<Adapter>,
    pub command: Option<Vec<String>>,
    pub environment: Option<BTreeMap<String, String>>,
    /// `Some(None)` takes it away, as for all of this shape.
    pub model: Option<Option<String>>,
    pub effort: Option<Option<String>>,
    pub output: Option<Output>,
    pub write_include: Option<Vec<String>>,
    pub write_exclude: Option<Vec<String>>,
    pub runtime_class: Option<Option<String>>,
    pub cpu: Option<String>,
    pub memory: Option<String>,
    pub active_seconds: Option<Option<i64>>,
}

impl AgentChange {
    fn over(self, profile: Profile) -> Profile {
        Profile {
            adapter: self.adapter.unwrap_or(profile.adapter),
            command: self.command.unwrap_or(profile.command),
            environment: self.environment.unwrap_or(profile.environment),
            model: self.model.unwrap_or(profile.model),
            effort: self.effort.unwrap_or(profile.effort),
            output: self.output.unwrap_or(profile.output),
            write_include: self.write_include.unwrap_or(profile.write_include),
            write_exclude: self.write_exclude.unwrap_or(profile.write_exclude),
            runtime_class: self.runtime_class.unwrap_or(profile.runtime_class),
            cpu: self.cpu.unwrap_or(profile.cpu),
            memory: self.memory.unwrap_or(profile.memory),
            active_seconds: self.active_seconds.unwrap_or(profile.active_seconds),
            ..profile
        }
    }
}

/// The profile that works on a stage of a project: its own, as far as the platform's lets it, else the platform's.
///
/// # Errors
///
/// `Precondition` if there is neither.
pub async fn profile_for(tx: &mut Tx, project_id: ProjectId, stage: &str) -> Result<Profile> {
    let found = store::profiles::effective(tx, Some(project_id), stage).await?;
    held(tx, found.ok_or_else(|| missing("profile", stage))?.of).await
}

/// A project's profile within what the platform's of the stage says now: that may be newer.
async fn held(tx: &mut Tx, profile: Profile) -> Result<Profile> {
    Ok(match platforms(tx, &profile).await? {
        Some(platform) => profile.held_to(&platform),
        None => profile,
    })
}

/// What the platform says of a stage of a project's own profile; none of its own ones.
async fn platforms(tx: &mut Tx, own: &Profile) -> Result<Option<Profile>> {
    if own.project_id.is_none() {
        return Ok(None);
    }
    let found = store::profiles::effective(tx, None, &own.stage).await?;
    Ok(found.map(|found| found.of))
}

/// All published profiles, stage by stage, the platform's before those of projects.
pub async fn list_profiles(tx: &mut Tx) -> Result<Vec<Profile>> {
    store::profiles::all(tx).await
}

/// The version of a profile that a run was given, as far as the platform's lets it.
pub async fn get_profile(tx: &mut Tx, agent_profile_id: AgentProfileId) -> Result<Profile> {
    let found = store::profiles::get(tx, agent_profile_id).await?;
    let found = found.ok_or_else(|| Error::not_found("agent profile", agent_profile_id))?;
    held(tx, found.of).await
}

/// What works on each stage of a project, or by the platform's default: what is published, and drafts that are newer.
///
/// # Errors
///
/// `NotFound` for who may not see it.
pub async fn list_agents(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: Option<ProjectId>,
) -> Result<Vec<Agent>> {
    let mut tx = orchestrator.look("agent.list").await?;
    permit(
        &mut tx,
        actor,
        Operation::AgentRead,
        (WHAT, project_id, "list"),
        None,
    )
    .await?;
    let own = store::profiles::heads(&mut tx, project_id).await?;
    let defaults = match project_id {
        Some(_) => store::profiles::heads(&mut tx, None).await?,
        None => Vec::new(),
    };
    let mut agents = Vec::new();
    for stage in &STAGES {
        let (profiles, newest) = shown(&own, &defaults, |profile| profile.stage == stage.name);
        let profiles = profiles.into_iter();
        agents.extend(profiles.map(|profile| Agent { profile, newest }));
    }
    Ok(agents)
}

/// What works on a stage of a project, or by the platform's default; with a number that version of the owner's own.
///
/// # Errors
///
/// `NotFound`, or `Invalid` for an unknown stage.
pub async fn read_agent(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: Option<ProjectId>,
    stage: &str,
    version: Option<i32>,
) -> Result<Agent> {
    let mut tx = orchestrator.look("agent.read").await?;
    permit(
        &mut tx,
        actor,
        Operation::AgentRead,
        (WHAT, project_id, stage),
        None,
    )
    .await?;
    valid_stage(stage)?;
    let newest = store::profiles::newest(&mut tx, project_id, stage).await?;
    let newest = newest.map(|newest| newest.version.number);
    let found = match version {
        Some(version) => store::profiles::find(&mut tx, project_id, stage, version).await?,
        None => store::profiles::effective(&mut tx, project_id, stage).await?,
    };
    let profile = found.ok_or_else(|| Error::not_found(WHAT, stage))?;
    Ok(Agent { profile, newest })
}

/// Saves a draft: the newest version with these changes. A project without one of its own begins with what the platform's
/// says. No run works by it until somebody publishes it.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `StaleVersion` unless `made_on` is the newest version, or `Invalid` with every fault.
pub async fn update_agent(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (project_id, stage): (Option<ProjectId>, &str),
    made_on: Option<i32>,
    change: AgentChange,
    key: Option<Key>,
) -> Result<Agent> {
    let mut tx = orchestrator.begin("agent.update").await?;
    let on = (WHAT, project_id, stage);
    let rule = permit(&mut tx, actor, Operation::AgentDraft, on, None).await?;
    valid_stage(stage)?;
    if let Some(id) = idempotency::recall::<AgentProfileId>(&mut tx, actor, key.as_ref()).await? {
        return again(&mut tx, id).await;
    }
    store::lock_stage(&mut tx, WHAT, project_id, stage).await?;
    let newest = store::profiles::newest(&mut tx, project_id, stage).await?;
    let number = follow(newest.as_ref().map(|newest| newest.version.number), made_on)?;
    let base = if let Some(newest) = newest {
        newest.of
    } else {
        let default = store::profiles::effective(&mut tx, project_id, stage).await?;
        let default = default.ok_or_else(|| missing("profile", stage))?.of;
        Profile {
            project_id,
            ..default
        }
    };
    let wanted = change.over(base);
    valid(&mut tx, &wanted).await?;
    let profile = store::profiles::insert(&mut tx, actor, &wanted, number, false).await?;
    let id = profile.of.agent_profile_id;
    let operation = Operation::AgentDraft.as_str();
    audit::record_done(
        &mut tx,
        actor,
        operation,
        ("agent_profile", id),
        project_id,
        &rule,
    )
    .await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &id).await?;
    tx.commit().await?;
    Ok(Agent {
        profile,
        newest: Some(number),
    })
}

/// Lets the newest version count: runs that are queued from now on work by it, those that are there keep theirs.
/// Publishing what is published changes nothing.
///
/// # Errors
///
/// `NotFound`, `Forbidden` (also of one's own draft for who needs a second person), `StaleVersion` unless `version` is
/// the newest, or `Invalid` if it would not do any more.
pub async fn publish_agent(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (project_id, stage): (Option<ProjectId>, &str),
    version: i32,
    key: Option<Key>,
) -> Result<Agent> {
    let mut tx = orchestrator.begin("agent.publish").await?;
    let on = (WHAT, project_id, stage);
    store::lock_stage(&mut tx, WHAT, project_id, stage).await?;
    let newest = store::profiles::newest(&mut tx, project_id, stage).await?;
    let author = newest.as_ref().map(|newest| &newest.version);
    let rule = permit(&mut tx, actor, Operation::AgentPublish, on, author).await?;
    valid_stage(stage)?;
    if let Some(id) = idempotency::recall::<AgentProfileId>(&mut tx, actor, key.as_ref()).await? {
        return again(&mut tx, id).await;
    }
    let mut profile = draft_of(newest, version, WHAT, stage)?;
    let id = profile.of.agent_profile_id;
    if profile.version.published.is_none() {
        valid(&mut tx, &profile.of).await?;
        profile.version = store::profiles::publish(&mut tx, id, actor).await?;
        let operation = Operation::AgentPublish.as_str();
        audit::record_done(
            &mut tx,
            actor,
            operation,
            ("agent_profile", id),
            project_id,
            &rule,
        )
        .await?;
    }
    idempotency::remember(&mut tx, actor, key.as_ref(), &id).await?;
    tx.commit().await?;
    Ok(Agent {
        profile,
        newest: Some(version),
    })
}

/// What a repeated call hears: the version of the first one as it is now.
async fn again(tx: &mut Tx, id: AgentProfileId) -> Result<Agent> {
    let found = store::profiles::get(tx, id).await?;
    let profile = found.ok_or_else(|| Error::not_found(WHAT, id))?;
    let newest = store::profiles::newest(tx, profile.of.project_id, &profile.of.stage).await?;
    Ok(Agent {
        newest: newest.map(|newest| newest.version.number),
        profile,
    })
}

/// Makes a profile say this at once: the one of its stage and project, or the platform's default if it has no project.
///
/// # Errors
///
/// `Invalid` with every fault.
pub async fn set_profile(tx: &mut Tx, actor: &Actor, settings: &Profile) -> Result<Profile> {
    let (project_id, stage) = (settings.project_id, settings.stage.as_str());
    valid(tx, settings).await?;
    store::lock_stage(tx, WHAT, project_id, stage).await?;
    let newest = store::profiles::newest(tx, project_id, stage).await?;
    let number = newest.map_or(1, |newest| newest.version.number + 1);
    let profile = store::profiles::insert(tx, actor, settings, number, true)
        .await?
        .of;
    let object = ("agent_profile", profile.agent_profile_id);
    audit::record_own(tx, actor, "agent_update", object, profile.project_id).await?;
    Ok(profile)
}

async fn valid(tx: &mut Tx, profile: &Profile) -> Result<()> {
    check(profile).map_err(Error::Invalid)?;
    if let Some(platform) = platforms(tx, profile).await? {
        let faults = beyond(profile, &platform);
        if !faults.is_empty() {
            return Err(Error::Invalid(format!(
                "{}; an owner of the platform changes its own profile with agent_update without a project_id",
                faults.join("; ")
            )));
        }
    }
    let Some(name) = &profile.model else {
        return Ok(());
    };
    let missing = || {
        Error::Invalid(format!(
            "model: the catalogue has no model {name:?}; add it first"
        ))
    };
    let model = store::models::find(tx, name).await?.ok_or_else(missing)?;
    match profile.adapter.api().filter(|api| *api != model.api) {
        Some(api) => Err(Error::Invalid(format!(
            "model: the {} adapter needs a model that speaks {api}, and {name} speaks {}; name another",
            profile.adapter, model.api
        ))),
        None => Ok(()),
    }
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
    valid_stage(stage)?;
    let mut tx = orchestrator.begin("agent.change_profile").await?;
    let found = store::profiles::effective(&mut tx, project_id, stage).await?;
    let mut profile = found.ok_or_else(|| missing("profile", stage))?.of;
    profile.project_id = project_id;
    change(&mut profile);
    let profile = set_profile(&mut tx, actor, &profile).await?;
    tx.commit().await?;
    Ok(profile)
}
