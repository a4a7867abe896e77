//! One turn from its context to its end.

use std::time::Duration;

use contract::runner::{
    Finish, FinishOutcome, Output, RepositoryAccess, RepositoryToken, RepositoryTokenAsk, RunContext,
};
use secrecy::SecretString;

use super::adapter::Verdict;
use super::end::{Failure, Reason, Result};
use super::git::{Repository, Scope};
use super::link::{Link, LinkError};
use super::log::Log;
use super::platform::Platform;
use super::progress::{AgentStep, ProgressFile, Seen, Step};
use super::tokens::Tokens;
use super::usage::Meter;
use crate::askpass::Credential;
use crate::config::SuperviseConfig;

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
    pub(super) model_key: Option<SecretString>,
    /// Name of the agent's clone below its workspace.
    pub(super) folder: String,
}

impl Turn {
    /// Plays the turn to its good end, each step once: what an earlier supervisor did is not done again.
    pub(super) async fn play(&self) -> Result<()> {
        if let Some(finish) = self.progress.get().finish {
            return self.tell(&self.platform, finish).await;
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
        self.tell(&self.platform, finish).await
    }

    /// Tells the platform how the turn ended; the log and the usage go first.
    pub(super) async fn tell(&self, platform: &Platform, finish: Finish) -> Result<()> {
        let usage = self.meter.report(platform).await;
        let log = self.log.send_all(platform).await;
        if let Err(error) = usage.and(log.map(drop)) {
            tracing::warn!(%error, "the last log or usage did not arrive");
        }
        let finished: contract::runner::Finished = platform.call("run_finish", &finish).await?;
        tracing::info!(state = finished.state, "the platform knows the end of the turn");
        self.progress.note(|state| {
            state.done.insert(Step::Told);
        });
        Ok(())
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

/// The agent's container ended, or was killed, without a word.
pub(super) fn agent_lost() -> Failure {
    let text = "the agent's container ended unexpectedly; most often it used more memory than it may";
    Failure::new(Reason::Environment, "agent_lost", text)
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
