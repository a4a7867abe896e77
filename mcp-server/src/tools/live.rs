//! What a live turn may reach: its own repository and issue, asked of the world through the worker.

use contract::issue::Number;
use orchestrator::id::{ProjectId, RepositoryId, RunId};
use orchestrator::port_call::{self, Answer, Question};
use orchestrator::project::access::{self, Operation, Target};
use orchestrator::run::Run;
use orchestrator::{Error, Result, agent, project, repository, run};
use uuid::Uuid;

use crate::tool::Call;

/// What an agent is shown in the place of a title that the project's lockdown leaves out.
const TITLE_LEFT_OUT: &str = "[left out: its author may have no write permission]";

/// A title as an agent may see it: it is text of its author like the body.
pub(super) fn title(shown: bool, title: &str) -> String {
    if shown {
        agent::neutralise(title)
    } else {
        TITLE_LEFT_OUT.to_owned()
    }
}

/// The reach of the caller's turn.
pub(super) struct Own {
    pub(super) project_id: ProjectId,
    pub(super) repository_id: RepositoryId,
    pub(super) run_id: RunId,
    /// Leaves out the text of people without write permission.
    pub(super) lockdown: bool,
    run: Run,
}

/// The caller's turn, if it is live and `repository_id` is its own.
///
/// # Errors
///
/// `StaleTurn`, or `NotFound` for another repository.
pub(super) async fn own(call: &Call<'_>, repository_id: Option<Uuid>) -> Result<Own> {
    let mut tx = call.orchestrator.begin("tool.own").await?;
    let run = run::require_live(&mut tx, call.actor).await?;
    if let Some(other) = repository_id.filter(|id| *id != run.repository_id.uuid()) {
        return Err(Error::not_found("repository", other));
    }
    let project = project::get(&mut tx, run.project_id).await?;
    Ok(Own {
        project_id: run.project_id,
        repository_id: run.repository_id,
        run_id: run.run_id,
        lockdown: project.lockdown || call.lockdown,
        run,
    })
}

/// A repository whose issues the caller may read, and whether its strangers' text is left out: an agent's own, or one that
/// staff name.
///
/// # Errors
///
/// `Invalid` if staff name none, `NotFound` or `Forbidden` of the repository, `StaleTurn`.
pub(super) async fn readable(
    call: &Call<'_>,
    repository_id: Option<Uuid>,
    operation: Operation,
) -> Result<(RepositoryId, bool)> {
    if call.actor.run().is_some() {
        let own = own(call, repository_id).await?;
        own.require(call, operation, "repository", own.repository_id)
            .await?;
        return Ok((own.repository_id, own.lockdown));
    }
    let named = repository_id.ok_or_else(|| Error::Invalid("repository_id: name the repository".into()))?;
    let repository = repository::read(call.orchestrator, call.actor, named.into()).await?;
    let mut tx = call.orchestrator.begin("tool.readable").await?;
    access::require(&mut tx, call.actor, operation, &repository.target()).await?;
    Ok((repository.repository_id, call.lockdown))
}

impl Own {
    /// The run's own issue.
    ///
    /// # Errors
    ///
    /// `NotFound` for another, `Precondition` for a run without one.
    pub(super) fn issue(&self, asked: Option<Number>) -> Result<i64> {
        let own = self
            .run
            .number
            .ok_or_else(|| Error::Precondition("this run has no issue".into()))?;
        match asked.map(|number| number.get().cast_signed()) {
            Some(other) if other != own => Err(Error::not_found("issue", other)),
            _ => Ok(own),
        }
    }

    /// The pull request asked for, else the one the run opened or is about.
    ///
    /// # Errors
    ///
    /// `Invalid` if there is none to guess.
    pub(super) fn pull_request(&self, asked: Option<Number>) -> Result<i64> {
        let asked = asked.map(|number| number.get().cast_signed());
        let guessed = self.run.pull_request_number.or(self.run.number);
        asked
            .or(guessed)
            .ok_or_else(|| Error::Invalid("number: this run has no pull request; name one".into()))
    }

    /// Requires a right on a part of the run.
    pub(super) async fn require(
        &self,
        call: &Call<'_>,
        operation: Operation,
        what: &'static str,
        id: impl std::fmt::Display + Send,
    ) -> Result<()> {
        let mut tx = call.orchestrator.begin("tool.require").await?;
        let target = Target::new(self.project_id, what, id).of_run(self.run_id, self.run.started_by);
        access::require(&mut tx, call.actor, operation, &target).await
    }

    /// Asks the world through the worker.
    pub(super) async fn ask(&self, call: &Call<'_>, question: &Question) -> Result<Answer> {
        port_call::ask(call.orchestrator, call.actor, question, call.trace).await
    }
}
