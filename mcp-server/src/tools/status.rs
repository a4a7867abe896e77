//! What an agent says about its own turn.

use contract::run::RunStatusReport;
use contract::runner::Nothing;
use orchestrator::project::access::Operation;
use orchestrator::{Result, run};

use super::{AGENT, idempotency_key};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<Report>()
}

struct Report;

impl Tool for Report {
    const NAME: &'static str = "run_status_report";
    const TITLE: &'static str = "Say what you do";
    const ABOUT: &'static str = "Says in a sentence or two what the agent does now: one line of the run's timeline, for the \
         people who follow it. With an idempotency_key a repeat adds no line; a run may report 500 times.";
    const OPERATION: Operation = Operation::AgentTurn;
    const SIDES: &'static [Side] = AGENT;
    const EFFECT: Effect = Effect::Add;
    const PACED: bool = true;
    type Ask = RunStatusReport;
    type Answer = Nothing;

    async fn call(call: &Call<'_>, ask: RunStatusReport) -> Result<Nothing> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        run::report_status(call.orchestrator, call.actor, ask.text.as_str(), key).await?;
        Ok(Nothing {})
    }
}
