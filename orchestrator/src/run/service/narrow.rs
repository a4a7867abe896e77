//! What a file on the repository's default branch takes away from a run's agent: read once, at the run's first start, and
//! kept with the run.

use serde_json::json;

use super::start::startable;
use super::take;
use crate::actor::Actor;
use crate::agent::{self, AGENTS_FILE, Narrowing, Profile};
use crate::credential;
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;
use crate::ports::code_host::HostFileAt;
use crate::postgres::Tx;
use crate::run::aggregate::Run;
use crate::run::domain::{Failure, FailureReason, RunEvent};
use crate::run::jobs::StartRunner;
use crate::run::store;

/// Decides what the file leaves of the run's profile, or that the run cannot start with it. Asking twice changes nothing.
///
/// # Errors
///
/// `Conflict` if the turn moved on, or if it failed right here (`precondition`).
pub async fn narrow(orchestrator: &Orchestrator, job: &StartRunner, file: &HostFileAt) -> Result<()> {
    let mut tx = orchestrator.begin("run.narrow").await?;
    let mut run = startable(&mut tx, job).await?;
    if store::narrowing::find(&mut tx, run.run_id).await?.is_some() {
        return Ok(());
    }
    let profile = of_run(&mut tx, &run).await?;
    let actor = Actor::System("worker");
    match decide(&run, &profile, file) {
        Ok(narrowing) => {
            store::narrowing::set(&mut tx, run.run_id, &narrowing).await?;
            if narrowing.commit.is_some() {
                let detail = json!({ "commit": narrowing.commit, "ignored": narrowing.notes });
                super::note(&mut tx, run.run_id, "narrowed", &actor, detail).await?;
            }
            tx.commit().await
        }
        Err(failure) => {
            let why = failure.to_string();
            take(&mut tx, &mut run, RunEvent::Failed(failure), &actor, json!({})).await?;
            tx.commit().await?;
            Err(Error::Conflict(why))
        }
    }
}

fn decide(run: &Run, profile: &Profile, file: &HostFileAt) -> Result<Narrowing, Failure> {
    let Some(text) = &file.text else {
        return Ok(Narrowing::default());
    };
    let refused = |sub_reason, why: String| {
        let detail = format!("{AGENTS_FILE} at {}: {why}", file.commit);
        Failure::new(FailureReason::Precondition, sub_reason).with_detail(detail)
    };
    let narrowing = agent::narrow(profile, text).map_err(|why| refused("agents_file", why))?;
    narrowing
        .check_model(run.model.as_deref().or(profile.model.as_deref()))
        .map_err(|why| refused("model_not_allowed", why))?;
    Ok(Narrowing {
        commit: Some(file.commit.clone()),
        ..narrowing
    })
}

/// The version that a run was queued with, as it is for what the run is asked for.
pub(super) async fn of_run(tx: &mut Tx, run: &Run) -> Result<Profile> {
    let profile = agent::get_profile(tx, run.agent_profile_id).await?;
    Ok(profile.of_kind(run.kind))
}

/// The profile that a run works by: its own, less what the repository takes away.
pub(super) async fn profile(tx: &mut Tx, run: &Run) -> Result<(Profile, Narrowing)> {
    let profile = of_run(tx, run).await?;
    let narrowing = store::narrowing::find(tx, run.run_id).await?.unwrap_or_default();
    Ok((narrowing.apply(profile), narrowing))
}

/// What the token of a run's agent takes away from it.
pub(crate) async fn of_agent_token(tx: &mut Tx, run: &Run) -> Result<credential::Narrowing> {
    let narrowing = store::narrowing::find(tx, run.run_id).await?.unwrap_or_default();
    Ok(credential::Narrowing {
        toolsets: narrowing.toolsets,
        read_only: narrowing.read_only,
        lockdown: false,
    })
}

/// For `run_explain`: what the file took away, and what of it did not count.
pub(super) async fn notes(tx: &mut Tx, run: &Run) -> Result<Vec<String>> {
    let Some(narrowing) = store::narrowing::find(tx, run.run_id).await? else {
        return Ok(Vec::new());
    };
    let Some(commit) = &narrowing.commit else {
        return Ok(Vec::new());
    };
    let file = format!("{AGENTS_FILE} at {commit}");
    let mut notes = vec![format!("{file} narrows what its agent may do")];
    let ignored = narrowing.notes.iter();
    notes.extend(ignored.map(|note| format!("{file} can only narrow, so this does not count: {note}")));
    Ok(notes)
}
