//! What a delivery starts, or adds to.

use jiff::SignedDuration;

use super::Case;
use crate::delivery::domain::{self, Verdict};
use crate::delivery::store;
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::identity::Person;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::repository::Repository;
use crate::run::{self, NewRun, Queued, Run, RunKind, RunTask};
use crate::trigger::{ConflictReason, IgnoreReason, Start};

/// How long reviews are gathered: a burst of them is one wish.
const GATHER: SignedDuration = SignedDuration::from_secs(60);

impl Case {
    pub(super) async fn start(
        &self,
        tx: &mut Tx,
        start: Start,
        text_sha256: Option<String>,
    ) -> Result<Verdict> {
        if self.made_before.is_none() && store::taken_back(tx, self.delivery_id, &self.reading).await? {
            return Ok(Verdict::Ignored(IgnoreReason::MovedOn));
        }
        if let Some(run_id) = self.joined_before(tx).await? {
            return Ok(Verdict::RunJoined(run_id));
        }
        let repository = self.repository()?;
        let actor = self.starter()?.actor();
        let elevated = crate::agent::stage(&start.stage).is_some_and(|stage| stage.elevated);
        let operation = if elevated {
            Operation::RunStartElevated
        } else {
            Operation::RunStart
        };
        let new = self.new_run(tx, repository, start, text_sha256)?;
        match run::queue(tx, &actor, new).await? {
            Queued::Created(run_id) => {
                // Decided above under the same locks; this writes it down, for the run that is made.
                access::require(tx, &actor, operation, &repository.target()).await?;
                Ok(Verdict::RunCreated(run_id))
            }
            Queued::SourceKeyUsed(run_id) if self.made_before == Some(run_id) => {
                Ok(Verdict::RunCreated(run_id))
            }
            Queued::SourceKeyUsed(_) => Ok(Verdict::Ignored(IgnoreReason::AlreadyUsed)),
            Queued::LiveRunExists(run_id) => {
                // However often the label comes and goes, people read it once for each run in its way.
                let reason = ConflictReason::LiveRunExists;
                self.say_once(tx, reason.explain(), format!("live run {run_id}"))
                    .await?;
                Ok(Verdict::Conflict(reason))
            }
        }
    }

    fn new_run(
        &self,
        tx: &Tx,
        repository: &Repository,
        start: Start,
        text_sha256: Option<String>,
    ) -> Result<NewRun> {
        let number = self.number()?;
        let before = self
            .past
            .iter()
            .find(|run| start.kind == RunKind::Revise && run.stage == start.stage);
        // A pull request's own text is nothing that a revise of its issue begins with.
        let known_text = before.filter(|_| self.event.on_pull_request);
        Ok(NewRun {
            project_id: repository.project_id,
            repository_id: repository.repository_id,
            number: Some(before.and_then(|run| run.number).unwrap_or(number)),
            stage: start.stage,
            source_key: Some(self.source_key(repository, number)),
            delivery_id: Some(self.delivery_id),
            retry_of: None,
            cause_depth: self.event.cause_depth,
            started_by: Some(self.starter()?.person_id),
            issue_text_sha256: match known_text {
                Some(run) => run.issue_text_sha256.clone(),
                None => text_sha256,
            },
            instruction: before.and_then(|run| run.instruction.clone()),
            model: start.model.or_else(|| before.and_then(|run| run.model.clone())),
            effort: start.effort.or_else(|| before.and_then(|run| run.effort.clone())),
            traceparent: self.traceparent.child(),
            task: self.task(tx, start.kind, number, before)?,
        })
    }

    fn task(&self, tx: &Tx, kind: RunKind, number: i64, before: Option<&Run>) -> Result<RunTask> {
        let head = || {
            let head = self.event.head.as_ref();
            head.ok_or_else(|| Error::internal("a review without a branch"))
        };
        Ok(match kind {
            RunKind::Work => RunTask::default(),
            RunKind::Revise => {
                let before = before.ok_or_else(|| Error::internal("a revise of nothing"))?;
                let known = before
                    .pull_request_number
                    .map(|known| (known, before.pull_request_url.clone()));
                let on_pull_request = self.event.on_pull_request.then_some((number, None));
                RunTask {
                    kind,
                    continues: Some(before.run_id),
                    branch: Some(before.branch.clone()),
                    pull_request: known.or(on_pull_request),
                    not_before: self.event.review_id.map(|_| tx.now() + GATHER),
                }
            }
            RunKind::Review => RunTask {
                kind,
                branch: Some(head()?.branch.clone()),
                pull_request: Some((number, None)),
                ..RunTask::default()
            },
        })
    }

    fn source_key(&self, repository: &Repository, number: i64) -> String {
        let event = &self.event;
        match event.review_id {
            Some(review_id) => domain::review_source_key(repository.github_repository_id, number, review_id),
            None => domain::source_key(
                repository.github_repository_id,
                number,
                event.label.as_deref().unwrap_or_default(),
                event.updated_at.as_deref().unwrap_or_default(),
            ),
        }
    }

    /// Lets the run that is about to begin read it too.
    pub(super) async fn join(&mut self, tx: &mut Tx) -> Result<Verdict> {
        let (Some(live), Some(review_id)) = (self.live.take(), self.event.review_id) else {
            return Err(Error::internal("nothing to join"));
        };
        if self.made_before == Some(live.run_id) {
            // A replay of what made it, or joined it, changes nothing.
            return Ok(if live.delivery_id == Some(self.delivery_id) {
                Verdict::RunCreated(live.run_id)
            } else {
                Verdict::RunJoined(live.run_id)
            });
        }
        run::join(tx, &self.actor(), &live, review_id).await?;
        let rule = "the reviewer may start runs and has write permission";
        self.note(tx, "run_join", live.run_id, rule).await?;
        Ok(Verdict::RunJoined(live.run_id))
    }

    /// The run that a replayed delivery joined: it is never read a second time.
    async fn joined_before(&self, tx: &mut Tx) -> Result<Option<RunId>> {
        let (Some(run_id), Some(_)) = (self.made_before, self.event.review_id) else {
            return Ok(None);
        };
        let made = run::find_in(tx, run_id).await?.delivery_id == Some(self.delivery_id);
        Ok((!made).then_some(run_id))
    }

    fn starter(&self) -> Result<&Person> {
        self.person
            .as_ref()
            .ok_or_else(|| Error::internal("a run without a starter"))
    }
}
