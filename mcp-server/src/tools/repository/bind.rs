//! Binding repositories, and whether they are ready.

use contract::bounded::Text;
use contract::repository::{
    PreflightCheck, PreflightReport, PreflightStanding, RepositoryAttach, RepositoryDetach,
    RepositoryPreflight, RepositoryUpdate, RepositoryView,
};
use orchestrator::port_call::{self, Answer, Question};
use orchestrator::project::access::Operation;
use orchestrator::repository::{self, Changes};
use orchestrator::{Error, Result};

use super::show;
use crate::tool::{Call, Catalogue, Effect, Side, Tool};
use crate::tools::{STAFF, idempotency_key, word};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<Attach>()
        .with::<Detach>()
        .with::<Preflight>()
        .with::<Update>()
}

struct Attach;

impl Tool for Attach {
    const NAME: &'static str = "repository_attach";
    const TITLE: &'static str = "Attach a repository";
    const ABOUT: &'static str = "Binds a GitHub repository to a project, so that its labels may start runs, and makes those \
         labels. Only for a person who administers or maintains the repository at GitHub now, where the App is \
         installed; otherwise, and for a repository of another project, the answer is not_found. Call \
         repository_preflight next. Attaching again renews what is known and ends a detachment.";
    const OPERATION: Operation = Operation::RepositoryAttach;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    const OPEN_WORLD: bool = true;
    type Ask = RepositoryAttach;
    type Answer = RepositoryView;

    async fn call(call: &Call<'_>, ask: RepositoryAttach) -> Result<RepositoryView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let project_id = ask.project_id.into();
        let name = ask.repository.as_str();
        let bound =
            repository::attach_named(call.orchestrator, call.actor, project_id, name, key, call.trace)
                .await?;
        show(&bound)
    }
}

struct Detach;

impl Tool for Detach {
    const NAME: &'static str = "repository_detach";
    const TITLE: &'static str = "Detach a repository";
    const ABOUT: &'static str = "Lets a repository's events start nothing any more. Its runs go on and nothing is deleted; it stays \
         bound to its project, and repository_attach takes it into use again. Asking twice changes nothing.";
    const OPERATION: Operation = Operation::RepositoryDetach;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = RepositoryDetach;
    type Answer = RepositoryView;

    async fn call(call: &Call<'_>, ask: RepositoryDetach) -> Result<RepositoryView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let detached =
            repository::detach(call.orchestrator, call.actor, ask.repository_id.into(), key).await?;
        show(&detached)
    }
}

struct Update;

impl Tool for Update {
    const NAME: &'static str = "repository_update";
    const TITLE: &'static str = "Change a repository";
    const ABOUT: &'static str = "Sets the image that agents work in on this repository, and makes the labels that start runs where \
         they are missing. What is left out stays. The labels are made a moment later: repository_preflight shows \
         when they are there.";
    const OPERATION: Operation = Operation::RepositoryUpdate;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    const OPEN_WORLD: bool = true;
    type Ask = RepositoryUpdate;
    type Answer = RepositoryView;

    async fn call(call: &Call<'_>, ask: RepositoryUpdate) -> Result<RepositoryView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let image = ask.agent_image.map(Text::into_inner);
        let changes = Changes {
            agent_image: image.map(|image| Some(image).filter(|image| !image.is_empty())),
            create_labels: ask.create_labels,
        };
        let id = ask.repository_id.into();
        let updated = repository::update(call.orchestrator, call.actor, id, changes, key, call.trace).await?;
        show(&updated)
    }
}

struct Preflight;

impl Tool for Preflight {
    const NAME: &'static str = "repository_preflight";
    const TITLE: &'static str = "Is a repository ready?";
    const ABOUT: &'static str = "Looks at GitHub now and reports whether runs can work on a repository: the App's installation, \
         permissions, webhook and events, the labels, the default branch and its protection, workflows that would \
         show secrets to an agent's push, services.yaml. Each line says what to do. Changes nothing.";
    const OPERATION: Operation = Operation::RepositoryPreflight;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    const OPEN_WORLD: bool = true;
    type Ask = RepositoryPreflight;
    type Answer = PreflightReport;

    async fn call(call: &Call<'_>, ask: RepositoryPreflight) -> Result<PreflightReport> {
        let mut tx = call.orchestrator.begin("tool.repository_preflight").await?;
        let found =
            repository::require(&mut tx, call.actor, Self::OPERATION, ask.repository_id.into()).await?;
        tx.commit().await?;
        let repository_id = found.repository_id;
        let question = Question::RepositoryPreflight { repository_id };
        let answer = port_call::ask(call.orchestrator, call.actor, &question, call.trace).await?;
        let Answer::RepositoryPreflight { checks } = answer else {
            return Err(Error::internal("a report was answered with something else"));
        };
        let checks: Vec<_> = checks.into_iter().map(line).collect::<Result<_>>()?;
        let fine = |check: &PreflightCheck| {
            matches!(
                check.standing,
                PreflightStanding::Good | PreflightStanding::Warning
            )
        };
        Ok(PreflightReport {
            ready: checks.iter().all(fine),
            checks,
        })
    }
}

fn line(check: repository::preflight::Check) -> Result<PreflightCheck> {
    Ok(PreflightCheck {
        subject: word(&check.subject)?,
        standing: word(&check.standing)?,
        finding: check.finding,
        fix: check.fix,
    })
}
