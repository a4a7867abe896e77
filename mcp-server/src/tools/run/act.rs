//! Starting and stopping runs.

use contract::bounded::Text;
use contract::run::{RunCancel, RunLimitRaise, RunRetry, RunStart, RunView};
use orchestrator::Result;
use orchestrator::project::access::Operation;
use orchestrator::repository;
use orchestrator::run::limit::Raise;
use orchestrator::run::{self, NewRun, Run, RunTask};

use super::show;
use crate::tool::{Call, Catalogue, Effect, Side, Tool};
use crate::tools::{STAFF, idempotency_key};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<Start>()
        .with::<Cancel>()
        .with::<Retry>()
        .with::<LimitRaise>()
}

/// The run as its caller may see it.
async fn shown(call: &Call<'_>, run: &Run) -> Result<RunView> {
    show::one(call.orchestrator, run, call.lockdown).await
}

struct Start;

impl Tool for Start {
    const NAME: &'static str = "run_start";
    const TITLE: &'static str = "Start a run";
    const ABOUT: &'static str = "Starts a run of an agent stage on a repository, usually on one of its issues. The run is queued; \
         follow it with run_event_list or ask run_explain. An issue has one live run at a time. With an \
         idempotency_key a repeat answers the first run.";
    const OPERATION: Operation = Operation::RunStart;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Add;
    const TASK: bool = true;
    type Ask = RunStart;
    type Answer = RunView;

    async fn call(call: &Call<'_>, ask: RunStart) -> Result<RunView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let repository = repository::read(call.orchestrator, call.actor, ask.repository_id.into()).await?;
        let new = NewRun {
            project_id: repository.project_id,
            repository_id: repository.repository_id,
            number: ask.number.map(|number| number.get().cast_signed()),
            stage: ask.stage.into_inner(),
            task: RunTask::default(),
            source_key: None,
            delivery_id: None,
            retry_of: None,
            cause_depth: 0,
            started_by: call.actor.person_id(),
            issue_text_sha256: None,
            instruction: ask.instruction.map(Text::into_inner),
            model: ask.model.map(Text::into_inner),
            effort: ask.effort.map(Text::into_inner),
            traceparent: call.trace.clone(),
        };
        shown(call, &run::start(call.orchestrator, call.actor, new, key).await?).await
    }
}

struct Cancel;

impl Tool for Cancel {
    const NAME: &'static str = "run_cancel";
    const TITLE: &'static str = "Cancel a run";
    const ABOUT: &'static str = "Stops a run and gives its slot back. A run with a pod is cancelling until the pod is proven \
         gone. Asking twice changes nothing; a run that is finishing cannot be cancelled any more.";
    const OPERATION: Operation = Operation::RunCancel;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = RunCancel;
    type Answer = RunView;

    async fn call(call: &Call<'_>, ask: RunCancel) -> Result<RunView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let why = ask.why.as_ref().map(Text::as_str);
        shown(
            call,
            &run::cancel(call.orchestrator, call.actor, ask.run_id.into(), why, key).await?,
        )
        .await
    }
}

struct Retry;

impl Tool for Retry {
    const NAME: &'static str = "run_retry";
    const TITLE: &'static str = "Retry a run";
    const ABOUT: &'static str = "Starts a new run like one that is over, on the same repository, issue and stage. With an \
         idempotency_key a repeat answers the first new run.";
    const OPERATION: Operation = Operation::RunRetry;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Add;
    type Ask = RunRetry;
    type Answer = RunView;

    async fn call(call: &Call<'_>, ask: RunRetry) -> Result<RunView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        shown(
            call,
            &run::retry(call.orchestrator, call.actor, ask.run_id.into(), key).await?,
        )
        .await
    }
}

struct LimitRaise;

impl Tool for LimitRaise {
    const NAME: &'static str = "run_limit_raise";
    const TITLE: &'static str = "Give a run more time or money";
    const ABOUT: &'static str = "Raises what one live run may use in all: active seconds, cost, or both. A running runner hears of it within \
         seconds. At most four times what the project gives a run; a limit is never lowered here, and a run that is over \
         takes none: retry it. run_usage_get shows what was used.";
    const OPERATION: Operation = Operation::RunLimitRaise;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = RunLimitRaise;
    type Answer = RunView;

    async fn call(call: &Call<'_>, ask: RunLimitRaise) -> Result<RunView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let wanted = Raise {
            active_seconds: ask
                .active_seconds_limit
                .map(|seconds| seconds.get().cast_signed()),
            cost_micro_usd: ask.cost_limit_micro_usd.map(|cost| cost.get().cast_signed()),
        };
        let raised = run::raise_limits(call.orchestrator, call.actor, ask.run_id.into(), wanted, key).await?;
        shown(call, &raised).await
    }
}
