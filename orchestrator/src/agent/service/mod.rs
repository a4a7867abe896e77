//! The use cases of agents, one file per kind of thing.

mod history;
mod model;
mod profile;
mod prompt;

pub use history::{MAX_VERSIONS, Versions, VersionsAsk, agent_versions, prompt_versions};
pub use model::{find_model, list_models, models, save_model, set_model};
pub use profile::{
    Agent, AgentChange, change_profile, get_profile, list_agents, list_profiles, profile_for, publish_agent,
    read_agent, set_profile, update_agent,
};
pub use prompt::{
    PromptHead, get_versioned_prompt, list_prompts, prompt_for, publish_draft, publish_prompt, render_prompt,
    save_prompt, show_prompt,
};

use super::check::check_stage;
use super::profile::Kind;
use super::shipped::shipped_template;
use super::stage::STAGES;
use super::store;
use super::store::prompts::{NewPrompt, Place};
use super::text::sha256;
use super::version::{Version, Versioned, next};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};

/// Gives a new installation a profile and prompts for every stage, and an older one the prompts of today. Asking twice
/// changes nothing, and what people changed stays.
pub async fn seed_defaults(tx: &mut Tx) -> Result<()> {
    let actor = Actor::System("init");
    for stage in &STAGES {
        store::lock_stage(tx, "agent", None, stage.name).await?;
        if store::profiles::newest(tx, None, stage.name).await?.is_none() {
            store::profiles::insert(tx, &actor, &stage.profile(), 1, true).await?;
        }
        store::lock_stage(tx, "prompt", None, stage.name).await?;
        for kind in Kind::ALL {
            let place = Place {
                project_id: None,
                stage: stage.name,
                kind: *kind,
            };
            ship(tx, &actor, place, &shipped_template(stage, *kind)).await?;
        }
    }
    Ok(())
}

async fn ship(tx: &mut Tx, actor: &Actor, place: Place<'_>, body: &str) -> Result<()> {
    let newest = store::prompts::newest(tx, place).await?.map(|newest| newest.of);
    let digest = sha256(body);
    if newest
        .as_ref()
        .is_some_and(|newest| !newest.shipped || newest.digest == digest)
    {
        return Ok(());
    }
    let new = NewPrompt {
        place,
        version: newest.map_or(1, |newest| newest.version + 1),
        body,
        digest: &digest,
        shipped: true,
        published: true,
    };
    store::prompts::insert(tx, actor, &new).await?;
    Ok(())
}

/// Requires a right on what a project has of a stage, or on the platform's default; answers the rule that gives it. Who
/// needs a second person is held to the author of the draft.
async fn permit(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    (what, project_id, stage): (&'static str, Option<ProjectId>, &str),
    draft: Option<&Version>,
) -> Result<String> {
    match project_id {
        Some(project_id) => {
            let mut target = Target::new(project_id, what, stage);
            target.started_by = draft.and_then(|draft| draft.writer_id);
            let rule = access::permit(tx, actor, operation, &target).await?;
            // Who may do it everywhere may do it also where nothing is.
            crate::project::get(tx, project_id).await?;
            Ok(rule)
        }
        None => access::permit_platform(tx, actor, operation, what, stage).await,
    }
}

/// Of all versions what is shown of one place: what counts there, the owner's own or the platform's, and a draft that is
/// newer; and which version a change must name.
fn shown<T: Clone>(
    own: &[Versioned<T>],
    defaults: &[Versioned<T>],
    is_here: impl Fn(&T) -> bool,
) -> (Vec<Versioned<T>>, Option<i32>) {
    let here = |versions: &[Versioned<T>], published: bool| {
        let found = versions
            .iter()
            .find(|it| is_here(&it.of) && it.version.published.is_some() == published);
        found.cloned()
    };
    let counts = here(own, true).or_else(|| here(defaults, true));
    let newest = own
        .iter()
        .filter(|it| is_here(&it.of))
        .map(|it| it.version.number)
        .max();
    (counts.into_iter().chain(here(own, false)).collect(), newest)
}

fn valid_stage(name: &str) -> Result<()> {
    check_stage(name).map_err(Error::Invalid)
}

fn follow(newest: Option<i32>, made_on: Option<i32>) -> Result<i32> {
    next(newest, made_on).map_err(|_| Error::StaleVersion)
}

/// The draft that may be published: the newest version, as its publisher saw it.
fn draft_of<T>(
    newest: Option<Versioned<T>>,
    version: i32,
    what: &'static str,
    stage: &str,
) -> Result<Versioned<T>> {
    let newest = newest.ok_or_else(|| Error::not_found(what, stage))?;
    if newest.version.number != version {
        return Err(Error::StaleVersion);
    }
    Ok(newest)
}

fn missing(what: &str, stage: &str) -> Error {
    Error::Precondition(format!(
        "there is no {what} for the stage {stage}; run `codex-k8s init` to install the defaults"
    ))
}
