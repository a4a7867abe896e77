//! From admitted to starting: what is decided before a pod is wanted.

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::prompt::{Remark, with_remarks};
use super::take;
use crate::actor::Actor;
use crate::agent::{self, PromptFacts, PromptIssue};
use crate::credential::RunTokenIds;
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;
use crate::ports::cluster::{RunnerKey, RunnerPod};
use crate::ports::code_host::{HostIssue, HostPermission, RepositoryRef};
use crate::postgres::Tx;
use crate::run::aggregate::Run;
use crate::run::domain::{Failure, FailureReason, RunEvent, RunState};
use crate::run::jobs::StartRunner;
use crate::run::limit::MAX_RAISE;
use crate::run::store;
use crate::work_item::issue_text_sha256;

/// Seconds the cluster waits beyond a run's own limit before it ends the pod by itself.
const BACKSTOP_SECONDS: i64 = 1800;

/// What the worker must read before a pod can be wanted.
#[derive(Clone, Debug)]
pub struct StartPlan {
    pub run: Run,
    pub at: RepositoryRef,
    pub default_branch: String,
    /// What the repository takes away from the agent is decided already.
    pub narrowed: bool,
    /// Of a run that goes on with another: what was said since then is for it to read.
    pub remarks_since: Option<Timestamp>,
}

/// What the code host says now about the run's issue.
#[derive(Clone, Debug)]
pub struct IssueFacts {
    pub issue: HostIssue,
    /// What the author of its text may do.
    pub author_permission: HostPermission,
    pub remarks: Vec<Remark>,
}

/// A pod to make, and from which rows its tokens are signed.
#[derive(Clone, Debug)]
pub struct WantedPod {
    pub pod: RunnerPod,
    pub tokens: RunTokenIds,
    /// Where the agent's model is: only then its supervisor gets a key.
    pub model_url: Option<String>,
    pub max_live_runs: i32,
}

/// Looks at an admitted turn.
///
/// # Errors
///
/// `Conflict` if the turn moved on: there is nothing to start.
pub async fn begin_start(orchestrator: &Orchestrator, job: &StartRunner) -> Result<StartPlan> {
    let mut tx = orchestrator.begin("run.begin_start").await?;
    let run = startable(&mut tx, job).await?;
    let repository = crate::repository::get(&mut tx, run.repository_id).await?;
    let narrowed = store::narrowing::find(&mut tx, run.run_id).await?.is_some();
    let remarks_since = match run.continues.filter(|_| run.turn == 1) {
        Some(before) => match store::turn::first_admitted(&mut tx, before).await? {
            Some(at) => Some(at.to_jiff()),
            None => Some(store::get(&mut tx, before).await?.created_at),
        },
        None => None,
    };
    Ok(StartPlan {
        run,
        at: repository.at(),
        default_branch: repository.default_branch,
        narrowed,
        remarks_since,
    })
}

pub(super) async fn startable(tx: &mut Tx, job: &StartRunner) -> Result<Run> {
    let run = super::lock(tx, job.run_id).await?;
    let current = (run.turn, run.fence) == (job.turn, job.fence);
    if current && matches!(run.state, RunState::Admitted { .. } | RunState::Starting { .. }) {
        Ok(run)
    } else {
        Err(Error::Conflict(format!(
            "turn {} is over; the run is {}",
            job.turn, run.state
        )))
    }
}

/// Decides whether the pod may start, renders the prompt, inserts the token rows, and answers the pod to make. Asking
/// twice answers the same pod and the same tokens.
///
/// # Errors
///
/// `Conflict` if the turn moved on, or if it failed right here (`precondition`): either way no pod is wanted.
pub async fn want_pod(
    orchestrator: &Orchestrator,
    audience: &str,
    job: &StartRunner,
    issue: Option<&IssueFacts>,
) -> Result<WantedPod> {
    let mut tx = orchestrator.begin("run.want_pod").await?;
    let mut run = startable(&mut tx, job).await?;
    let actor = Actor::System("worker");
    let failed = match disabled_starter(&mut tx, &run).await? {
        None => issue.and_then(|facts| failed_precondition(&run, facts)),
        disabled => disabled,
    };
    if let Some(failure) = failed {
        let why = failure.to_string();
        take(&mut tx, &mut run, RunEvent::Failed(failure), &actor, json!({})).await?;
        tx.commit().await?;
        return Err(Error::Conflict(why));
    }
    let project = crate::project::get(&mut tx, run.project_id).await?;
    let profile = agent::get_profile(&mut tx, run.agent_profile_id).await?;
    if store::prompt(&mut tx, run.run_id).await?.is_none() {
        let repository = crate::repository::get(&mut tx, run.repository_id).await?;
        let facts = prompt_facts(&run, &repository, issue, project.lockdown);
        let remarks = issue.map_or(&[][..], |facts| &facts.remarks);
        let prompt = agent::render_prompt(&mut tx, run.project_id, &run.stage, run.kind, &facts).await?;
        let prompt = with_remarks(prompt, run.kind, remarks, project.lockdown);
        let digest = hex::encode(Sha256::digest(prompt.as_bytes()));
        store::set_prompt(&mut tx, run.run_id, &prompt, &digest).await?;
    }
    let of_agent = super::of_agent_token(&mut tx, &run).await?;
    let tokens = crate::credential::issue_run_tokens(
        &mut tx,
        audience,
        run.project_id,
        (run.run_id, run.turn, run.fence),
        of_agent,
    )
    .await?;
    if matches!(run.state, RunState::Admitted { .. }) {
        take(&mut tx, &mut run, RunEvent::PodWanted, &actor, json!({})).await?;
    }
    let repository = crate::repository::get(&mut tx, run.repository_id).await?;
    let model_url = match run.model.as_deref().or(profile.model.as_deref()) {
        Some(model) => agent::find_model(&mut tx, model)
            .await?
            .map(|model| model.base_url),
        None => None,
    };
    tx.commit().await?;
    let pod = RunnerPod {
        key: RunnerKey {
            project: project.slug,
            run_id: run.run_id,
            turn: run.turn,
            fence: run.fence,
        },
        adapter: profile.adapter,
        agent_image: repository.agent_image,
        runtime_class: profile.runtime_class,
        cpu: profile.cpu,
        memory: profile.memory,
        // The cluster's own clock cannot be set later: it leaves room for all that the run may be given.
        deadline_seconds: run.active_seconds_limit.saturating_mul(MAX_RAISE) + BACKSTOP_SECONDS,
        traceparent: run.traceparent,
    };
    Ok(WantedPod {
        pod,
        tokens,
        model_url,
        max_live_runs: project.limits.max_live_runs,
    })
}

/// Who started it may have lost all rights meanwhile. Being disabled waits for the run's lock, so no lock is needed here.
async fn disabled_starter(tx: &mut Tx, run: &Run) -> Result<Option<Failure>> {
    let Some(person_id) = run.started_by else {
        return Ok(None);
    };
    let person = crate::identity::get(tx, person_id).await?;
    Ok(person.disabled_at.map(|_| {
        Failure::new(FailureReason::Precondition, "starter_disabled")
            .with_detail("the person who started it was disabled before the start")
    }))
}

/// What must hold at the moment of the start.
fn failed_precondition(run: &Run, facts: &IssueFacts) -> Option<Failure> {
    let precondition = |sub_reason| Failure::new(FailureReason::Precondition, sub_reason);
    if !facts.issue.open {
        return Some(precondition("issue_closed").with_detail("the issue was closed before the start"));
    }
    let wanted = run.issue_text_sha256.as_ref()?;
    let same = *wanted == issue_text_sha256(&facts.issue.title, &facts.issue.body);
    // Only the author and people with write can edit an issue. A later turn goes on with the prompt of the first.
    if same || run.turn > 1 || facts.author_permission >= HostPermission::Write {
        return None;
    }
    Some(precondition("body_changed").with_detail(
        "the issue's text is not the one the label was set on, and no one with write permission changed it",
    ))
}

fn prompt_facts(
    run: &Run,
    repository: &crate::repository::Repository,
    issue: Option<&IssueFacts>,
    lockdown: bool,
) -> PromptFacts {
    PromptFacts {
        repository: format!("{}/{}", repository.owner, repository.name),
        default_branch: repository.default_branch.clone(),
        branch: run.branch.clone(),
        instruction: run.instruction.clone(),
        issue: issue.map(|facts| {
            let trusted = facts.author_permission >= HostPermission::Write;
            PromptIssue {
                number: facts.issue.number,
                title: facts.issue.title.clone(),
                body: facts.issue.body.clone(),
                author: facts.issue.author.as_ref().map(|author| author.login.clone()),
                labels: facts.issue.labels.clone(),
                trusted,
                // Somebody with write permission set the label on this text: that is what lets it in.
                left_out: lockdown && !trusted && run.issue_text_sha256.is_none(),
            }
        }),
    }
}

/// Whether the pod of this turn is still wanted: asked once more between its Secret and its start.
pub async fn still_wanted(orchestrator: &Orchestrator, key: &RunnerKey) -> Result<bool> {
    let mut tx = orchestrator.begin("run.still_wanted").await?;
    let run = store::find(&mut tx, key.run_id).await?;
    Ok(run.is_some_and(|run| (run.turn, run.fence) == (key.turn, key.fence) && run.state.slot().is_some()))
}

/// Fails a turn that could not start.
///
/// # Errors
///
/// `Conflict` if the turn moved on.
pub async fn fail_start(orchestrator: &Orchestrator, job: &StartRunner, failure: Failure) -> Result<()> {
    let mut tx = orchestrator.begin("run.fail_start").await?;
    let mut run = startable(&mut tx, job).await?;
    take(
        &mut tx,
        &mut run,
        RunEvent::Failed(failure),
        &Actor::System("worker"),
        json!({}),
    )
    .await?;
    tx.commit().await
}
