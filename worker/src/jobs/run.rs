//! Starting, stopping and proving a run's turn.

use std::time::Duration;

use async_trait::async_trait;
use orchestrator::agent::Output;
use orchestrator::credential;
use orchestrator::effect::EffectState;
use orchestrator::error::{Error, Result};
use orchestrator::ports::cluster::{ClusterError, RunnerKey, RunnerSecret};
use orchestrator::ports::code_host::{CodeHostError, HostPermission, HostPullRequest};
use orchestrator::queue::{Attempt, Done, Perform};
use orchestrator::run::jobs::{Finalise, StartRunner, StopRunner};
use orchestrator::run::{
    self, Failure, FailureReason, Finishing, IssueFacts, Proof, RunState, StartPlan, WantedPod,
};
use orchestrator::slot::Lease;

use super::failure::{of_cluster, of_code_host};
use crate::Hands;
use crate::kubernetes::{AGENT_TOKEN_FILE, MODEL_HOST_FILE, MODEL_KEY_FILE, SUPERVISOR_TOKEN_FILE};
use crate::outward::outward;

/// What the cluster refuses may be a quota that a leaving pod still fills: asked again so often, about two minutes long.
const REFUSALS: i32 = 8;
/// A leaving pod is looked at again after this.
const BETWEEN_PROOFS: Duration = Duration::from_secs(1);
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// A code host that does not answer for long is asked less and less often.
const MAX_BETWEEN_LOOKS: Duration = Duration::from_mins(5);

#[async_trait]
impl Perform<StartRunner> for Hands {
    async fn perform(&self, job: StartRunner, attempt: Attempt) -> Result<Done> {
        let plan = run::begin_start(&self.orchestrator, &job).await?;
        let issue = match self.read_issue(&plan).await {
            Ok(issue) => issue,
            Err(error) => return self.no_issue(&job, error).await,
        };
        let wanted = match run::want_pod(&self.orchestrator, &self.audience, &job, issue.as_ref()).await {
            Err(error) if !error.is_transient() && !matches!(error, Error::Conflict(_)) => {
                // Asked again it would say the same, and the turn would keep its slot for ever.
                let failure = Failure::new(FailureReason::Precondition, "not_startable");
                run::fail_start(&self.orchestrator, &job, failure.with_detail(error.to_string())).await?;
                return Ok(Done::Done);
            }
            wanted => wanted?,
        };
        let secret = match self.secret(&wanted).await {
            Ok(secret) => secret,
            Err(Error::Precondition(why)) => {
                let failure = Failure::new(FailureReason::ModelAuth, "key_unreadable").with_detail(why);
                run::fail_start(&self.orchestrator, &job, failure).await?;
                return Ok(Done::Done);
            }
            Err(error) => return Err(error),
        };
        match self.start(&wanted, &secret).await {
            // A failure and no `Later`: the queue counts only failures as attempts.
            Err(Error::Precondition(why)) if attempt.number < REFUSALS => Err(Error::Unavailable(why)),
            Err(Error::Precondition(why)) => {
                let failure = Failure::new(FailureReason::Environment, "cluster_refused").with_detail(why);
                run::fail_start(&self.orchestrator, &job, failure).await?;
                Ok(Done::Done)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Done::Done),
        }
    }
}

impl Hands {
    async fn read_issue(&self, plan: &StartPlan) -> Result<Option<IssueFacts>, CodeHostError> {
        // Once the pod is wanted the prompt is made: what the issue says now matters no more.
        let begun = matches!(plan.run.state, RunState::Starting { .. });
        let Some(number) = plan.run.number.filter(|_| !begun) else {
            return Ok(None);
        };
        let issue = outward("code_host.issue", self.code_host.issue(&plan.at, number)).await?;
        let author_permission = match &issue.author {
            Some(author) => {
                outward(
                    "code_host.permission",
                    self.code_host.permission(&plan.at, author),
                )
                .await?
            }
            None => HostPermission::None,
        };
        Ok(Some(IssueFacts {
            issue,
            author_permission,
        }))
    }

    /// An issue that is gone, or that the App may not read, fails the run; anything else is asked again.
    async fn no_issue(&self, job: &StartRunner, error: CodeHostError) -> Result<Done> {
        let failure = match &error {
            CodeHostError::NotFound(_) => Failure::new(FailureReason::Precondition, "issue_missing"),
            CodeHostError::Refused { .. } => Failure::new(FailureReason::ProviderDenied, "issue_unreadable"),
            _ => return Err(of_code_host(error)),
        };
        run::fail_start(&self.orchestrator, job, failure.with_detail(error.to_string())).await?;
        Ok(Done::Done)
    }

    /// Suspended Job, then its Secret, then the fence once more, then the start: a worker that slept through a
    /// cancellation starts nothing.
    async fn start(&self, wanted: &WantedPod, secret: &RunnerSecret) -> Result<()> {
        let pod = &wanted.pod;
        let namespace = self
            .cluster
            .ensure_project(&pod.key.project, wanted.max_live_runs);
        outward("cluster.ensure_project", namespace)
            .await
            .map_err(of_cluster)?;
        outward("cluster.prepare_runner", self.cluster.prepare_runner(pod, secret))
            .await
            .map_err(of_cluster)?;
        if !run::still_wanted(&self.orchestrator, &pod.key).await? {
            outward("cluster.remove_runner", self.cluster.remove_runner(&pod.key))
                .await
                .map_err(of_cluster)?;
            return Ok(());
        }
        outward("cluster.release_runner", self.cluster.release_runner(&pod.key))
            .await
            .map_err(of_cluster)
    }

    /// The files that only the supervisor gets.
    async fn secret(&self, wanted: &WantedPod) -> Result<RunnerSecret> {
        let mut secret = RunnerSecret::from([
            (
                SUPERVISOR_TOKEN_FILE.to_owned(),
                self.signed(wanted.tokens.supervisor).await?,
            ),
            (
                AGENT_TOKEN_FILE.to_owned(),
                self.signed(wanted.tokens.agent).await?,
            ),
        ]);
        if let Some(model_key) = &self.model_key {
            let key = tokio::fs::read_to_string(&model_key.file)
                .await
                .map_err(|error| {
                    Error::Precondition(format!("the worker cannot read the model's key file: {error}"))
                })?;
            secret.insert(MODEL_KEY_FILE.to_owned(), key.trim().into());
            secret.insert(MODEL_HOST_FILE.to_owned(), model_key.host.clone().into());
        }
        Ok(secret)
    }

    async fn signed(&self, jti: orchestrator::id::TokenId) -> Result<secrecy::SecretString> {
        Ok(credential::sign(&self.orchestrator, jti).await?.token)
    }
}

#[async_trait]
impl Perform<StopRunner> for Hands {
    async fn perform(&self, job: StopRunner, _: Attempt) -> Result<Done> {
        let lease = Lease {
            run_id: job.run_id,
            turn: job.turn,
            fence: job.fence,
        };
        let key = RunnerKey {
            project: job.project,
            run_id: job.run_id,
            turn: job.turn,
            fence: job.fence,
        };
        if self.prove_gone(&key, lease).await.map_err(of_cluster)? {
            Ok(Done::Done)
        } else {
            Ok(Done::Later(BETWEEN_PROOFS))
        }
    }
}

impl Hands {
    /// Removes what is left of a turn; with the proof that nothing is, its slot is freed. Answers whether it is.
    pub(crate) async fn prove_gone(&self, key: &RunnerKey, lease: Lease) -> Result<bool, ClusterError> {
        outward("cluster.remove_runner", self.cluster.remove_runner(key)).await?;
        let gone = outward("cluster.runner_gone", self.cluster.runner_gone(key)).await?;
        if gone {
            let told = run::pod_proven_gone(&self.orchestrator, lease).await;
            told.map_err(|error| ClusterError::Unavailable(error.to_string()))?;
        }
        Ok(gone)
    }
}

#[async_trait]
impl Perform<Finalise> for Hands {
    async fn perform(&self, job: Finalise, _: Attempt) -> Result<Done> {
        let finishing = run::finishing(&self.orchestrator, job.run_id).await?;
        let proof = match self.prove(&finishing).await {
            Ok(proof) => proof,
            Err(refused @ CodeHostError::Refused { .. }) => Proof::NoAnswer(refused.to_string()),
            Err(error) => {
                let settled = run::settle(&self.orchestrator, job.run_id, Proof::NoAnswer(error.to_string()));
                return if settled.await? {
                    Ok(Done::Done)
                } else {
                    Err(of_code_host(error))
                };
            }
        };
        if run::settle(&self.orchestrator, job.run_id, proof).await? {
            return Ok(Done::Done);
        }
        let waited = self
            .orchestrator
            .clock()
            .now()
            .duration_since(finishing.run.state_since);
        let patience = (waited.unsigned_abs() / 10).clamp(BETWEEN_LOOKS, MAX_BETWEEN_LOOKS);
        Ok(Done::Later(patience))
    }
}

impl Hands {
    async fn prove(&self, finishing: &Finishing) -> Result<Proof, CodeHostError> {
        let run = &finishing.run;
        let (Output::PullRequest, Some(head_sha)) = (finishing.output, &run.head_sha) else {
            return Ok(Proof::NothingToProve);
        };
        if let Some(refused) = refused_pull_request(finishing) {
            return Ok(refused);
        }
        let head = outward(
            "code_host.branch_head",
            self.code_host.branch_head(&finishing.at, &run.branch),
        )
        .await?;
        if head.as_ref() != Some(head_sha) {
            let there = head.unwrap_or_else(|| "nothing".to_owned());
            return Ok(Proof::Missing {
                sub_reason: "branch_without_commit",
                detail: format!("{} points to {there}, not to the reported {head_sha}", run.branch),
            });
        }
        match self.opened(finishing).await? {
            Some(found) if found.head_sha == *head_sha => Ok(Proof::PullRequest {
                number: found.number,
                url: found.url,
            }),
            _ => Ok(Proof::NoAnswer("the pull request is not to be seen yet".into())),
        }
    }

    /// The run's pull request; one that somebody closed or merged meanwhile was opened all the same.
    async fn opened(&self, finishing: &Finishing) -> Result<Option<HostPullRequest>, CodeHostError> {
        let found = self
            .code_host
            .find_pull_request(&finishing.at, &finishing.run.branch);
        if let Some(open) = outward("code_host.find_pull_request", found).await? {
            return Ok(Some(open));
        }
        let ledger = finishing.pull_request.as_ref();
        let Some(number) = ledger.and_then(|effect| effect.result.as_ref()?.number) else {
            return Ok(None);
        };
        let read = self.code_host.pull_request(&finishing.at, number);
        outward("code_host.pull_request", read).await.map(Some)
    }
}

/// A pull request that will not come.
fn refused_pull_request(finishing: &Finishing) -> Option<Proof> {
    let missing = |sub_reason, detail: String| Some(Proof::Missing { sub_reason, detail });
    let Some(effect) = &finishing.pull_request else {
        return missing(
            "pull_request_not_asked",
            "the runner pushed, but asked for no pull request".into(),
        );
    };
    let why = effect
        .reason
        .clone()
        .unwrap_or_else(|| "no reason was given".into());
    match effect.state {
        EffectState::Failed | EffectState::Refused | EffectState::Superseded => {
            missing("pull_request_refused", why)
        }
        EffectState::Proposed => missing(
            "pull_request_not_asked",
            "it was never released after the push".into(),
        ),
        _ => None,
    }
}
