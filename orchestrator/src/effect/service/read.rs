//! What people and agents read of effects.

use std::time::Duration;

use tokio::time::Instant;

use super::{Effect, lane};
use crate::actor::Actor;
use crate::effect::domain::{EffectKind, EffectState, pull_request_key};
use crate::effect::store;
use crate::error::{Error, Result};
use crate::id::{EffectId, RepositoryId, RunId};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::postgres::listen::Topic;
use crate::project::access::{self, Operation, Target};

async fn visible(tx: &mut Tx, actor: &Actor, effect_id: EffectId) -> Result<Effect> {
    let effect = store::find(tx, effect_id)
        .await?
        .ok_or_else(|| Error::not_found("effect", effect_id))?;
    let target = Target {
        project_id: effect.project_id,
        what: "effect",
        id: effect_id.to_string(),
        run_id: effect.run_id,
        started_by: None,
    };
    access::require(tx, actor, Operation::EffectRead, &target).await?;
    Ok(effect)
}

/// One effect. A lane that stands still because the host asked for it is the reason of a ready one.
///
/// # Errors
///
/// `NotFound`.
pub async fn get(orchestrator: &Orchestrator, actor: &Actor, effect_id: EffectId) -> Result<Effect> {
    let mut tx = orchestrator.look("effect.get").await?;
    let mut effect = visible(&mut tx, actor, effect_id).await?;
    if effect.state == EffectState::Ready {
        let at = crate::repository::at(&mut tx, effect.repository_id).await?;
        if let Some((until, why)) = lane::pause_of(&mut tx, at.installation_id).await? {
            effect.reason = Some(format!("GitHub asked to wait until {until}: {why}"));
        }
    }
    tx.commit().await?;
    Ok(effect)
}

/// Effects the actor may see, newest first; a run's agent sees its own.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    run_id: Option<RunId>,
    page: PageAsk,
) -> Result<Page<Effect>> {
    let mut tx = orchestrator.look("effect.list").await?;
    let run_id = match actor.run() {
        Some(own) if run_id.is_some_and(|asked| asked != own.run_id) => {
            return Err(Error::not_found(
                "run",
                run_id.map(|id| id.to_string()).unwrap_or_default(),
            ));
        }
        Some(own) => Some(own.run_id),
        None => run_id,
    };
    let projects = match actor.run() {
        Some(own) => vec![own.project_id],
        None => access::visible_projects(&mut tx, actor, Operation::EffectRead).await?,
    };
    let rows = store::list(&mut tx, &projects, run_id, page).await?;
    Ok(page.page(rows, |effect| effect.effect_id.uuid()))
}

/// Waits until an effect is over or stands still on purpose, at most `patience`; answers it as it is then.
///
/// # Errors
///
/// `NotFound`.
pub async fn wait(
    orchestrator: &Orchestrator,
    actor: &Actor,
    effect_id: EffectId,
    patience: Duration,
) -> Result<Effect> {
    let deadline = Instant::now() + patience;
    let mut ear = orchestrator.notices().subscribe();
    loop {
        let effect = get(orchestrator, actor, effect_id).await?;
        let moves = matches!(effect.state, EffectState::Ready | EffectState::Applying);
        if !moves || !ear.changed(Topic::Effect, &effect_id.to_string(), deadline).await {
            return Ok(effect);
        }
    }
}

/// An effect as an explanation shows it.
pub(crate) struct Open {
    pub(crate) effect_id: EffectId,
    pub(crate) kind: EffectKind,
    pub(crate) state: EffectState,
    pub(crate) reason: Option<String>,
}

/// What of a run is not written yet, or could not be.
pub(crate) async fn open_of_run(tx: &mut Tx, run_id: RunId) -> Result<Vec<Open>> {
    let effects = store::open_of_run(tx, run_id).await?;
    let open = |effect: Effect| Open {
        effect_id: effect.effect_id,
        kind: effect.write.kind(),
        state: effect.state,
        reason: effect.reason,
    };
    Ok(effects.into_iter().map(open).collect())
}

/// The newest run that opened this pull request.
pub(crate) async fn run_of_pull_request(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
) -> Result<Option<RunId>> {
    store::run_of_pull_request(tx, repository_id, number).await
}

/// The pull request of a run in the ledger, if one was ever wanted.
pub(crate) async fn pull_request_of_run(tx: &mut Tx, run_id: RunId, branch: &str) -> Result<Option<Effect>> {
    store::find_by_key_for_update(tx, &pull_request_key(run_id, branch)).await
}
