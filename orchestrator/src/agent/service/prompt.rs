use super::{draft_of, follow, missing, permit, shown, valid_stage};
use crate::actor::Actor;
use crate::agent::prompt::sample;
use crate::agent::store::prompts::{NewPrompt, Place};
use crate::agent::text::sha256;
use crate::agent::{
    Kind, MAX_TEMPLATE_BYTES, Output, Prompt, PromptFacts, STAGES, Versioned, render_template, stage, store,
};
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{ProjectId, RepositoryId};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::repository;

const WHAT: &str = "prompt";

/// A prompt, and what a change of it must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptHead {
    pub prompt: Versioned<Prompt>,
    /// The newest version of the owner that was asked for, draft or not; none if it has none of its own.
    pub newest: Option<i32>,
}

/// The prompt of a stage of a project: its own published one, else the platform's.
///
/// # Errors
///
/// `Precondition` if there is neither.
pub async fn prompt_for(tx: &mut Tx, project_id: ProjectId, stage: &str, kind: Kind) -> Result<Prompt> {
    let found = effective(tx, Some(project_id), stage, kind).await?;
    found
        .map(|found| found.of)
        .ok_or_else(|| missing("prompt", stage))
}

async fn effective(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
    stage: &str,
    kind: Kind,
) -> Result<Option<Versioned<Prompt>>> {
    let place = |project_id| Place {
        project_id,
        stage,
        kind,
    };
    match store::prompts::published(tx, place(project_id)).await? {
        None if project_id.is_some() => store::prompts::published(tx, place(None)).await,
        own => Ok(own),
    }
}

/// Renders the prompt of a stage.
///
/// # Errors
///
/// `Precondition` if there is none or it does not render.
pub async fn render_prompt(
    tx: &mut Tx,
    project_id: ProjectId,
    stage: &str,
    kind: Kind,
    facts: &PromptFacts,
) -> Result<String> {
    let profile = super::profile_for(tx, project_id, stage).await?.of_kind(kind);
    let prompt = prompt_for(tx, project_id, stage, kind).await?;
    render_template(&prompt.body, stage, profile.output, facts)
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
    let mut tx = orchestrator.look("agent.show_prompt").await?;
    access::require(&mut tx, actor, Operation::RunPromptRead, &repository.target()).await?;
    let facts = PromptFacts {
        repository: format!("{}/{}", repository.owner, repository.name),
        branch: format!("codex/{stage}"),
        default_branch: repository.default_branch,
        instruction: instruction.map(str::to_owned),
        issue: None,
    };
    render_prompt(&mut tx, repository.project_id, stage, Kind::Work, &facts).await
}

/// What each stage of a project is told, or by the platform's default: what is published, and drafts that are newer.
///
/// # Errors
///
/// `NotFound` for who may not see it.
pub async fn list_prompts(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: Option<ProjectId>,
) -> Result<Vec<PromptHead>> {
    let mut tx = orchestrator.look("prompt.list").await?;
    permit(
        &mut tx,
        actor,
        Operation::PromptRead,
        (WHAT, project_id, "list"),
        None,
    )
    .await?;
    let own = store::prompts::heads(&mut tx, project_id).await?;
    let defaults = match project_id {
        Some(_) => store::prompts::heads(&mut tx, None).await?,
        None => Vec::new(),
    };
    let mut heads = Vec::new();
    for stage in &STAGES {
        for kind in Kind::ALL {
            let (prompts, newest) = shown(&own, &defaults, |prompt: &Prompt| {
                prompt.stage == stage.name && prompt.kind == *kind
            });
            let prompts = prompts.into_iter();
            heads.extend(prompts.map(|prompt| PromptHead { prompt, newest }));
        }
    }
    Ok(heads)
}

/// What a stage of a project is told, or by the platform's default; with a number that version of the owner's own.
///
/// # Errors
///
/// `NotFound`, or `Invalid` for an unknown stage.
pub async fn get_versioned_prompt(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (project_id, stage, kind): (Option<ProjectId>, &str, Kind),
    version: Option<i32>,
) -> Result<PromptHead> {
    let mut tx = orchestrator.look("prompt.read").await?;
    permit(
        &mut tx,
        actor,
        Operation::PromptRead,
        (WHAT, project_id, stage),
        None,
    )
    .await?;
    valid_stage(stage)?;
    let place = Place {
        project_id,
        stage,
        kind,
    };
    let newest = store::prompts::newest(&mut tx, place).await?;
    let found = match version {
        Some(version) => store::prompts::find(&mut tx, place, version).await?,
        None => effective(&mut tx, project_id, stage, kind).await?,
    };
    Ok(PromptHead {
        prompt: found.ok_or_else(|| Error::not_found(WHAT, stage))?,
        newest: newest.map(|newest| newest.version.number),
    })
}

/// Saves a template as a draft. No run is told it until somebody publishes it.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `StaleVersion` unless `made_on` is the newest version, `TooLarge`, or `Invalid` for a template
/// that does not render.
pub async fn save_prompt(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (project_id, stage, kind): (Option<ProjectId>, &str, Kind),
    made_on: Option<i32>,
    body: &str,
    key: Option<Key>,
) -> Result<PromptHead> {
    let mut tx = orchestrator.begin("prompt.save").await?;
    let on = (WHAT, project_id, stage);
    let rule = permit(&mut tx, actor, Operation::PromptDraft, on, None).await?;
    valid(stage, body)?;
    let place = Place {
        project_id,
        stage,
        kind,
    };
    if let Some(number) = idempotency::recall::<i32>(&mut tx, actor, key.as_ref()).await? {
        return again(&mut tx, place, number).await;
    }
    store::lock_stage(&mut tx, WHAT, project_id, stage).await?;
    let newest = store::prompts::newest(&mut tx, place).await?;
    let number = follow(newest.map(|newest| newest.version.number), made_on)?;
    let new = NewPrompt {
        place,
        version: number,
        body,
        digest: &sha256(body),
        shipped: false,
        published: false,
    };
    let prompt = store::prompts::insert(&mut tx, actor, &new).await?;
    record(&mut tx, actor, Operation::PromptDraft, &prompt.of, &rule).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &number).await?;
    tx.commit().await?;
    Ok(PromptHead {
        prompt,
        newest: Some(number),
    })
}

/// Lets the newest version count: runs that start from now on are told it, those that have their prompt keep it.
/// Publishing what is published changes nothing.
///
/// # Errors
///
/// `NotFound`, `Forbidden` (also of one's own draft for who needs a second person), or `StaleVersion` unless `version` is
/// the newest.
pub async fn publish_draft(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (project_id, stage, kind): (Option<ProjectId>, &str, Kind),
    version: i32,
    key: Option<Key>,
) -> Result<PromptHead> {
    let mut tx = orchestrator.begin("prompt.publish").await?;
    let place = Place {
        project_id,
        stage,
        kind,
    };
    store::lock_stage(&mut tx, WHAT, project_id, stage).await?;
    let newest = store::prompts::newest(&mut tx, place).await?;
    let author = newest.as_ref().map(|newest| &newest.version);
    let on = (WHAT, project_id, stage);
    let rule = permit(&mut tx, actor, Operation::PromptPublish, on, author).await?;
    valid_stage(stage)?;
    if let Some(number) = idempotency::recall::<i32>(&mut tx, actor, key.as_ref()).await? {
        return again(&mut tx, place, number).await;
    }
    let mut prompt = draft_of(newest, version, WHAT, stage)?;
    if prompt.version.published.is_none() {
        valid(stage, &prompt.of.body)?;
        prompt.version = store::prompts::publish(&mut tx, prompt.of.prompt_id, actor).await?;
        record(&mut tx, actor, Operation::PromptPublish, &prompt.of, &rule).await?;
    }
    idempotency::remember(&mut tx, actor, key.as_ref(), &version).await?;
    tx.commit().await?;
    Ok(PromptHead {
        prompt,
        newest: Some(version),
    })
}

async fn record(tx: &mut Tx, actor: &Actor, operation: Operation, prompt: &Prompt, rule: &str) -> Result<()> {
    let object = ("prompt", prompt.prompt_id);
    audit::record_done(tx, actor, operation.as_str(), object, prompt.project_id, rule).await
}

/// What a repeated call hears: the version of the first one as it is now.
async fn again(tx: &mut Tx, place: Place<'_>, number: i32) -> Result<PromptHead> {
    let found = store::prompts::find(tx, place, number).await?;
    let newest = store::prompts::newest(tx, place).await?;
    Ok(PromptHead {
        prompt: found.ok_or_else(|| Error::not_found(WHAT, number))?,
        newest: newest.map(|newest| newest.version.number),
    })
}

/// Publishes a template at once, as the next version of a stage's prompt. The text that counts already stays the newest.
///
/// # Errors
///
/// `Invalid` for an unknown stage or a template that does not render.
pub async fn publish_prompt(
    tx: &mut Tx,
    actor: &Actor,
    (project_id, stage, kind): (Option<ProjectId>, &str, Kind),
    body: &str,
) -> Result<Prompt> {
    valid(stage, body)?;
    let digest = sha256(body);
    let place = Place {
        project_id,
        stage,
        kind,
    };
    store::lock_stage(tx, WHAT, project_id, stage).await?;
    let newest = store::prompts::newest(tx, place).await?;
    let version = match newest {
        Some(newest) if newest.of.digest == digest && newest.version.published.is_some() => {
            return Ok(newest.of);
        }
        newest => newest.map_or(1, |newest| newest.version.number + 1),
    };
    let new = NewPrompt {
        place,
        version,
        body,
        digest: &digest,
        shipped: false,
        published: true,
    };
    let prompt = store::prompts::insert(tx, actor, &new).await?.of;
    let object = ("prompt", prompt.prompt_id);
    audit::record_own(tx, actor, "prompt_publish", object, project_id).await?;
    Ok(prompt)
}

/// A template must render with and without an issue, whatever its stage's output.
fn valid(name: &str, body: &str) -> Result<()> {
    valid_stage(name)?;
    if body.len() > MAX_TEMPLATE_BYTES {
        return Err(Error::TooLarge(format!(
            "a prompt template may have {MAX_TEMPLATE_BYTES} bytes"
        )));
    }
    if body.trim().is_empty() {
        return Err(Error::Invalid(
            "body: an empty prompt tells an agent nothing".into(),
        ));
    }
    let output = stage(name).map_or(Output::PullRequest, |stage| stage.output);
    let without = PromptFacts {
        issue: None,
        ..sample()
    };
    for facts in [&sample(), &without] {
        render_template(body, name, output, facts).map_err(|error| Error::Invalid(error.to_string()))?;
    }
    Ok(())
}
