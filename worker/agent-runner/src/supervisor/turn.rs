//! One turn from its context to its end.

use std::time::Duration;

use contract::runner::{
    Finish, FinishOutcome, Output, RepositoryAccess, RepositoryToken, RepositoryTokenAsk, RunContext,
};
use safe_git::Credential;
use tokio::sync::watch;
use tokio::time::Instant;

use super::adapter::Verdict;
use super::end::{Failure, Reason, Result};
use super::git::{Repository, Scope};
use super::link::{Link, LinkError};
use super::log::Log;
use super::platform::Platform;
use super::progress::{AgentStep, ProgressFile, Seen, Step};
use super::tokens::{ModelKey, Tokens};
use super::usage::Meter;
use crate::config::SuperviseConfig;

/// The sub-reason of a turn whose agent vanished.
pub(super) const AGENT_LOST: &str = "agent_lost";
/// Time kept at the end of a turn for its work, its session and its reason; of a short turn, a tenth.
const MARGIN: Duration = Duration::from_mins(2);
/// How long answers of the model that are on their way at the end are waited for.
const SETTLE: Duration = Duration::from_secs(30);

/// Everything a step of the turn needs.
pub(super) struct Turn {
    pub(super) config: SuperviseConfig,
    pub(super) context: RunContext,
    pub(super) platform: Platform,
    pub(super) tokens: Tokens,
    pub(super) progress: ProgressFile,
    pub(super) link: Link,
    pub(super) log: Log,
    pub(super) meter: Meter,
    pub(super) repository: Repository,
    pub(super) scope: Scope,
    pub(super) model_key: Option<ModelKey>,
    /// When the program must have ended, so that there is time to keep its work before the platform ends the turn.
    pub(super) until: watch::Sender<Instant>,
    /// Name of the agent's clone below its workspace.
    pub(super) folder: String,
}

impl Turn {
    /// Plays the turn to its good end, each step once: what an earlier supervisor did is not done again.
    pub(super) async fn play(&self) -> Result<()> {
        if let Some(finish) = self.progress.get().finish {
            return self.tell(&self.platform, finish, self.patience()).await;
        }
        let seen = match self.progress.get().seen {
            Some(seen) => seen,
            None => self.fetch().await?,
        };
        let within = Duration::from_secs(self.config.connect_seconds);
        let places = self.link.connected(within).await.map_err(|_| {
            let text = format!(
                "the agent's container did not connect within {} s",
                within.as_secs()
            );
            Failure::new(Reason::Environment, "agent_not_connected", text)
        })?;
        let verdict = match self.progress.get().agent {
            AgentStep::Ended(verdict) => verdict,
            AgentStep::Running => return Err(restarted().into()),
            AgentStep::Waiting => {
                self.hand_over(&seen).await?;
                self.run_program(&places, &seen).await?
            }
            AgentStep::HandedOver => self.run_program(&places, &seen).await?,
        };
        if let Some(failure) = &verdict.failure {
            return Err(failure.clone().into());
        }
        if self.context.agent.output == Output::PullRequest {
            self.deliver(&seen, &verdict).await?;
        }
        self.put_snapshot(&verdict).await;
        let finish = self.succeeded(&seen, verdict);
        self.update(|state| state.finish = Some(finish.clone()))?;
        self.tell(&self.platform, finish, self.patience()).await
    }

    /// Tells the platform how the turn ended; the usage and the log go first, for as long as `records`.
    pub(super) async fn tell(&self, platform: &Platform, finish: Finish, records: Duration) -> Result<()> {
        if tokio::time::timeout(records, self.last_records(platform, records))
            .await
            .is_err()
        {
            tracing::warn!("the last usage or log did not arrive in time");
        }
        let finished: contract::runner::Finished = platform.call("run_finish", &finish).await?;
        tracing::info!(state = finished.state, "the platform knows the end of the turn");
        self.progress.note(|state| {
            state.done.insert(Step::Told);
        });
        Ok(())
    }

    async fn last_records(&self, platform: &Platform, within: Duration) {
        // An answer that the program did not wait for is paid for all the same.
        let settling = self.meter.settled();
        if tokio::time::timeout(SETTLE.min(within / 2), settling)
            .await
            .is_err()
        {
            tracing::warn!("an answer of the model is not counted");
        }
        if let Err(stop) = self.meter.report_patiently(platform).await {
            tracing::warn!(?stop, "the last usage did not arrive");
        }
        if let Err(error) = self.log.send_all(platform).await {
            tracing::warn!(%error, "the last log did not arrive");
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.config.retry_seconds)
    }

    /// Asks for a credential of the repository; each use asks anew.
    pub(super) async fn credential(
        &self,
        platform: &Platform,
        access: RepositoryAccess,
    ) -> Result<Credential> {
        let issued: RepositoryToken = platform
            .call("repository_token_issue", &RepositoryTokenAsk { access })
            .await?;
        let address = self.context.repository.clone_url.parse().map_err(|error| {
            Failure::internal(
                "clone_url",
                format!("{}: {error}", self.context.repository.clone_url),
            )
        })?;
        Ok(Credential {
            username: issued.username,
            password: issued.token.into(),
            address,
        })
    }

    /// Stores a step; one that cannot be stored must not be taken for done.
    pub(super) fn update(&self, change: impl FnOnce(&mut super::progress::State)) -> Result<()> {
        self.progress.update(change).map_err(|error| {
            Failure::new(
                Reason::Environment,
                "volumes",
                format!("failed to store progress: {error}"),
            )
            .into()
        })
    }

    fn succeeded(&self, seen: &Seen, verdict: Verdict) -> Finish {
        let work = self.progress.get().work;
        Finish {
            outcome: FinishOutcome::Succeeded,
            reason: None,
            sub_reason: None,
            detail: None,
            last_message: verdict.last_message,
            base_sha: Some(seen.base.clone()),
            head_sha: work.as_ref().map(|work| work.head.clone()),
            changed_paths: work.map(|work| work.changed).unwrap_or_default(),
        }
    }
}

/// How long the program may work of the time the platform gives the turn.
pub(super) fn working_time(active_seconds: u64) -> Duration {
    let whole = Duration::from_secs(active_seconds);
    whole.saturating_sub(margin(active_seconds))
}

/// What is kept of it at the end.
pub(super) fn margin(active_seconds: u64) -> Duration {
    MARGIN.min(Duration::from_secs(active_seconds) / 10)
}

/// The agent's container ended, or was killed, without a word. The platform is told by the cluster if it was memory.
pub(super) fn agent_lost() -> Failure {
    let text = "the agent's container ended unexpectedly";
    Failure::new(Reason::Environment, AGENT_LOST, text)
}

fn restarted() -> Failure {
    let text = "the supervisor was restarted while the agent's program ran, which was ended";
    Failure::new(Reason::Environment, "supervisor_restarted", text)
}

/// What a lost or silent agent's container means for the turn.
pub(super) fn link_failed(error: &LinkError) -> Failure {
    match error {
        LinkError::Lost => agent_lost(),
        LinkError::Deadline(_) => Failure::new(Reason::Environment, "agent_silent", error.to_string()),
        LinkError::Sink(_) => Failure::internal("hand_over", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_ends_before_the_platform_ends_the_turn() {
        for (given, left) in [(3600, 3480), (1200, 1080), (600, 540), (10, 9), (0, 0)] {
            assert_eq!(working_time(given), Duration::from_secs(left), "of {given} s");
        }
    }
}
