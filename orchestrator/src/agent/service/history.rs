//! The versions that a profile or a prompt had, the newest first.

use super::{permit, valid_stage};
use crate::actor::Actor;
use crate::agent::store::prompts::Place;
use crate::agent::{Kind, Version, store};
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::orchestrator::Orchestrator;
use crate::project::access::Operation;

/// Versions at once, at most.
pub const MAX_VERSIONS: u32 = 100;

/// Which of them: at most `limit`, older than version `before`.
#[derive(Clone, Copy, Debug)]
pub struct VersionsAsk {
    pub before: Option<i32>,
    pub limit: u32,
}

/// Some versions, and whether there are older ones.
#[derive(Clone, Debug)]
pub struct Versions {
    pub versions: Vec<Version>,
    pub more: bool,
}

impl VersionsAsk {
    fn fetch(self) -> Result<i64> {
        if self.limit == 0 || self.limit > MAX_VERSIONS {
            return Err(Error::Invalid(format!("limit must be from 1 to {MAX_VERSIONS}")));
        }
        Ok(i64::from(self.limit) + 1)
    }

    fn page(self, mut versions: Vec<Version>) -> Versions {
        let limit = self.limit as usize;
        let more = versions.len() > limit;
        versions.truncate(limit);
        Versions { versions, more }
    }
}

/// The versions of a stage's profile of exactly this owner, drafts too; none where a project has none of its own.
///
/// # Errors
///
/// `NotFound` for who may not see it, `Invalid` for an unknown stage.
pub async fn agent_versions(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (project_id, stage): (Option<ProjectId>, &str),
    ask: VersionsAsk,
) -> Result<Versions> {
    let mut tx = orchestrator.look("agent.versions").await?;
    permit(
        &mut tx,
        actor,
        Operation::AgentRead,
        ("agent", project_id, stage),
        None,
    )
    .await?;
    valid_stage(stage)?;
    let found = store::profiles::versions(&mut tx, project_id, stage, ask.before, ask.fetch()?).await?;
    Ok(ask.page(found))
}

/// The versions of a stage's prompt of exactly this owner, drafts too; none where a project has none of its own.
///
/// # Errors
///
/// `NotFound` for who may not see it, `Forbidden`, `Invalid` for an unknown stage.
pub async fn prompt_versions(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (project_id, stage, kind): (Option<ProjectId>, &str, Kind),
    ask: VersionsAsk,
) -> Result<Versions> {
    let mut tx = orchestrator.look("prompt.versions").await?;
    permit(
        &mut tx,
        actor,
        Operation::PromptRead,
        ("prompt", project_id, stage),
        None,
    )
    .await?;
    valid_stage(stage)?;
    let place = Place {
        project_id,
        stage,
        kind,
    };
    let found = store::prompts::versions(&mut tx, place, ask.before, ask.fetch()?).await?;
    Ok(ask.page(found))
}
