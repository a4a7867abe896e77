//! Starting, stopping and proving a run's turn.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use orchestrator::agent::{AGENTS_FILE, Output};
use orchestrator::credential::{self, secret};
use orchestrator::effect::EffectState;
use orchestrator::effect::domain::{marker, pull_request_key};
use orchestrator::error::{Error, Result};
use orchestrator::ports::cluster::{ClusterError, RunnerKey, RunnerSecret};
use orchestrator::ports::code_host::{CodeHostError, HostPermission, HostPullRequest};
use orchestrator::queue::{Attempt, Done, Perform};
use orchestrator::run::jobs::{Finalise, StartRunner, StopRunner};
use orchestrator::run::{
    self, Failure, FailureReason, Finishing, IssueFacts, Proof, Remark, RunState, StartPlan, WantedPod,
};
use orchestrator::slot::Lease;
use secrecy::SecretString;

use super::failure::{of_cluster, of_code_host};
use crate::Hands;
use crate::kubernetes::{AGENT_TOKEN_FILE, MODEL_HOST_FILE, MODEL_KEY_FILE, SUPERVISOR_TOKEN_FILE};

/// What the cluster refuses may be a quota that a leaving pod still fills: asked again so often, about two minutes long.
const REFUSALS: i32 = 8;
/// A leaving pod is looked at again after this.
const BETWEEN_PROOFS: Duration = Duration::from_secs(1);
/// People whose permission is asked for the remarks of one run.
const MAX_AUTHORS: usize = 20;
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
        if !plan.narrowed {
            let file = self.code_host.file(&plan.at, &plan.default_branch, AGENTS_FILE);
            match file.await {
                Ok(Some(file)) => run::narrow(&self.orchestrator, &job, &file).await?,
                // Its name changed, or the repository is empty: nobody knows what it takes away.
                Ok(None) => {
                    let branch = CodeHostError::NotFound(format!("branch {}", plan.default_branch));
                    return self.no_agents_file(&job, branch).await;
                }
                Err(error) => return self.no_agents_file(&job, error).await,
            }
        }
        let wanted = match run::want_pod(&self.orchestrator, &self.audience, &job, issue.as_ref()).await {
            Err(error) if !error.is_transient() && !matches!(error, Error::Conflict(_)) => {
                // Asked again it would say the same, and the turn would keep its slot for ever.
                let failure = Failure::new(FailureReason::Precondition, "not_startable");
                run::fail_start(&self.orchestrator, &job, failure.with_detail(error.to_string())).await?;
                return Ok(Done::Done);
            }
            wanted => wanted?,
        };
        let secret = match self.secret(&wanted).await? {
            Ok(secret) => secret,
            Err(failure) => {
                run::fail_start(&self.orchestrator, &job, failure).await?;
                return Ok(Done::Done);
            }
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
        let issue = self.code_host.issue(&plan.at, number).await?;
        let author_permission = match &issue.author {
            Some(author) => self.code_host.permission(&plan.at, author).await?,
            None => HostPermission::None,
        };
        let remarks = match plan.remarks_since {
            Some(since) => self.read_remarks(plan, number, since).await?,
            None => Vec::new(),
        };
        Ok(Some(IssueFacts {
            issue,
            author_permission,
            remarks,
        }))
    }

    /// What people said at the run's issue and its pull request, oldest first, and which of them may write.
    async fn read_remarks(
        &self,
        plan: &StartPlan,
        number: i64,
        since: Timestamp,
    ) -> Result<Vec<Remark>, CodeHostError> {
        let pull = plan.run.pull_request_number;
        let places = [
            (pull != Some(number)).then_some((number, false)),
            pull.map(|pull| (pull, true)),
        ];
        let mut all = Vec::new();
        for (number, is_pull_request) in places.into_iter().flatten() {
            let read = self.code_host.remarks(&plan.at, number, is_pull_request, since);
            match read.await {
                Ok(remarks) => all.extend(remarks),
                // A pull request that is gone has nothing more to say.
                Err(CodeHostError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        all.sort_by_key(|remark| remark.said_at);
        let mut known: HashMap<i64, bool> = HashMap::new();
        let mut remarks = Vec::with_capacity(all.len());
        for said in all {
            let trusted = match &said.author {
                None => false,
                Some(author) => match known.get(&author.github_user_id) {
                    Some(trusted) => *trusted,
                    // Whoever comes after so many is a stranger: a crowd must not delay the start.
                    None if known.len() >= MAX_AUTHORS => false,
                    None => {
                        let permission = self.code_host.permission(&plan.at, author).await?;
                        let trusted = permission >= HostPermission::Write;
                        known.insert(author.github_user_id, trusted);
                        trusted
                    }
                },
            };
            remarks.push(Remark { said, trusted });
        }
        Ok(remarks)
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

    /// Without the file nobody knows what the repository takes away: what cannot be read fails the run, anything else is
    /// asked again.
    async fn no_agents_file(&self, job: &StartRunner, error: CodeHostError) -> Result<Done> {
        let failure = match &error {
            CodeHostError::NotFound(_) | CodeHostError::Refused { .. } => {
                Failure::new(FailureReason::Precondition, "agents_file_unreadable")
            }
            _ => return Err(of_code_host(error)),
        };
        let detail = format!("{AGENTS_FILE}: {error}");
        run::fail_start(&self.orchestrator, job, failure.with_detail(detail)).await?;
        Ok(Done::Done)
    }

    /// Suspended Job, then its Secret, then the fence once more, then the start: a worker that slept through a
    /// cancellation starts nothing.
    async fn start(&self, wanted: &WantedPod, secret: &RunnerSecret) -> Result<()> {
        let pod = &wanted.pod;
        self.cluster
            .ensure_project(&pod.key.project, wanted.max_live_runs)
            .await
            .map_err(of_cluster)?;
        self.cluster
            .prepare_runner(pod, secret)
            .await
            .map_err(of_cluster)?;
        if !run::still_wanted(&self.orchestrator, &pod.key).await? {
            self.cluster.remove_runner(&pod.key).await.map_err(of_cluster)?;
            return Ok(());
        }
        self.cluster.release_runner(&pod.key).await.map_err(of_cluster)
    }

    /// The files that only the supervisor gets, or why they cannot be had until somebody corrects this worker.
    async fn secret(&self, wanted: &WantedPod) -> Result<Result<RunnerSecret, Failure>> {
        let mut files = RunnerSecret::new();
        let tokens = [
            (SUPERVISOR_TOKEN_FILE, wanted.tokens.supervisor),
            (AGENT_TOKEN_FILE, wanted.tokens.agent),
        ];
        for (file, jti) in tokens {
            match credential::sign(&self.orchestrator, jti).await {
                Ok(signed) => drop(files.insert(file.to_owned(), signed.token)),
                Err(Error::Precondition(why)) => {
                    let failure = Failure::new(FailureReason::Internal, "token_unsigned");
                    return Ok(Err(failure.with_detail(why)));
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(model_url) = &wanted.model_url {
            match self.model_key(model_url).await? {
                Ok(Some((key, host))) => {
                    files.insert(MODEL_KEY_FILE.to_owned(), key);
                    files.insert(MODEL_HOST_FILE.to_owned(), host.into());
                }
                // Not every model asks for a key; one that does says so to the agent.
                Ok(None) => {}
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(files))
    }

    /// The key of a model and the one place it may be sent to: what people gave the platform for that place, else the file
    /// that this worker mounts.
    async fn model_key(&self, model_url: &str) -> Result<Result<Option<(SecretString, String)>, Failure>> {
        let unusable =
            |sub_reason, why: String| Failure::new(FailureReason::ModelAuth, sub_reason).with_detail(why);
        // A model at a place where a key could be read on its way gets none of ours.
        if let Ok(host) = secret::origin(model_url) {
            match secret::model_key(&self.orchestrator, &host).await {
                Ok(None) => {}
                Ok(Some(key)) => return Ok(Ok(Some((key, host)))),
                Err(Error::Precondition(why)) => return Ok(Err(unusable("key_sealed", why))),
                Err(error) => return Err(error),
            }
        }
        let Some(mounted) = &self.model_key else {
            return Ok(Ok(None));
        };
        match tokio::fs::read_to_string(&mounted.file).await {
            Ok(key) => Ok(Ok(Some((key.trim().into(), mounted.host.clone())))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ok(None)),
            Err(error) => {
                let why = format!("the worker cannot read the model's key file: {error}");
                Ok(Err(unusable("key_unreadable", why)))
            }
        }
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
        self.cluster.remove_runner(key).await?;
        let gone = self.cluster.runner_gone(key).await?;
        if gone {
            let told = run::pod_proven_gone(&self.orchestrator, lease).await;
            told.map_err(|error| {
                tracing::warn!(run_id = %key.run_id, %error, "the proof that a pod is gone was not taken");
                ClusterError::Unavailable(error.told())
            })?;
        }
        Ok(gone)
    }
}

#[async_trait]
impl Perform<Finalise> for Hands {
    async fn perform(&self, job: Finalise, _: Attempt) -> Result<Done> {
        let finishing = run::finishing(&self.orchestrator, job.run_id).await?;
        let (proof, asked_to_wait) = match self.prove(&finishing).await {
            Ok(proof) => (proof, Duration::ZERO),
            Err(error) => (Proof::NoAnswer(error.to_string()), wait_of(&error)),
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
        Ok(Done::Later(patience.max(asked_to_wait)))
    }
}

fn wait_of(error: &CodeHostError) -> Duration {
    match error {
        CodeHostError::RateLimited { retry_after, .. } => *retry_after,
        _ => Duration::ZERO,
    }
}

/// What the code host shows of a finishing run.
struct Shown {
    /// Where the branch points to.
    tip: Option<String>,
    pull_request: Option<HostPullRequest>,
}

impl Hands {
    async fn prove(&self, finishing: &Finishing) -> Result<Proof, CodeHostError> {
        let (Output::PullRequest, Some(head_sha)) = (finishing.output, &finishing.run.head_sha) else {
            return Ok(Proof::NothingToProve);
        };
        let tip = match (self.shown(finishing).await, refused_pull_request(finishing)) {
            (Ok(shown), refused) => {
                if let Some(found) = self.accepted(finishing, head_sha, shown.pull_request).await? {
                    return Ok(Proof::PullRequest {
                        number: found.number,
                        url: found.url,
                    });
                }
                // The ledger may know less than the code host shows: it is believed only now.
                if let Some(refused) = refused {
                    return Ok(refused);
                }
                shown.tip
            }
            // Nothing can be looked at, so nothing says otherwise.
            (Err(CodeHostError::Refused { .. } | CodeHostError::NotFound(_)), Some(refused)) => {
                return Ok(refused);
            }
            (Err(error), _) => return Err(error),
        };
        let Some(tip) = tip else {
            return Ok(unseen(finishing, head_sha, "nothing"));
        };
        if self.contains(finishing, &tip, head_sha).await? {
            Ok(Proof::NoAnswer("the pull request is not to be seen yet".into()))
        } else {
            Ok(unseen(finishing, head_sha, &tip))
        }
    }

    /// Somebody may have pushed on top of the run's commit, or merged it: its work is there all the same.
    async fn accepted(
        &self,
        finishing: &Finishing,
        head_sha: &str,
        found: Option<HostPullRequest>,
    ) -> Result<Option<HostPullRequest>, CodeHostError> {
        let Some(found) = found else { return Ok(None) };
        let there = found.merged || self.contains(finishing, &found.head_sha, head_sha).await?;
        Ok(there.then_some(found))
    }

    async fn contains(&self, finishing: &Finishing, head: &str, commit: &str) -> Result<bool, CodeHostError> {
        if head == commit {
            return Ok(true);
        }
        self.code_host.contains(&finishing.at, head, commit).await
    }

    /// One that somebody closed or merged meanwhile was opened all the same.
    async fn shown(&self, finishing: &Finishing) -> Result<Shown, CodeHostError> {
        let (at, branch) = (&finishing.at, &finishing.run.branch);
        let tip = self.code_host.branch_head(at, branch).await?;
        let marker = marker(&pull_request_key(finishing.run.run_id, branch));
        let mut pull_request = self.code_host.find_pull_request(at, branch, &marker).await?;
        let ledger = finishing.pull_request.as_ref();
        if pull_request.is_none()
            && let Some(number) = ledger.and_then(|effect| effect.result.as_ref()?.number)
        {
            pull_request = Some(self.code_host.pull_request(at, number).await?);
        }
        Ok(Shown { tip, pull_request })
    }
}

fn unseen(finishing: &Finishing, head_sha: &str, there: &str) -> Proof {
    let branch = &finishing.run.branch;
    Proof::Unseen {
        sub_reason: "branch_without_commit",
        detail: format!("{branch} points to {there}, and the reported {head_sha} is not in it"),
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
