//! Runs in the contract's words.

use contract::run::{RunEventView, RunView, TurnUsage};
use contract::runner::ModelUsage;
use orchestrator::run::{self, Beside, Event, Run, RunState, UsageRow};
use orchestrator::{Orchestrator, Result, agent};
use serde_json::Value;

use crate::tools::{count, word};

/// A run that the caller was given.
pub(crate) async fn one(orchestrator: &Orchestrator, run: &Run, lockdown: bool) -> Result<RunView> {
    view(run, run::beside(orchestrator, run).await?, lockdown)
}

/// A run and what is beside it. Its title is other people's text, which lockdown leaves out.
pub(super) fn view(run: &Run, beside: Beside, lockdown: bool) -> Result<RunView> {
    let failure = match &run.state {
        RunState::Failed(failure) => Some(failure.clone()),
        _ => None,
    };
    Ok(RunView {
        run_id: run.run_id.uuid(),
        project_id: run.project_id.uuid(),
        repository_id: run.repository_id.uuid(),
        repository: beside.repository,
        number: run.number.map(count),
        title: run.title.as_deref().filter(|_| !lockdown).map(agent::neutralise),
        stage: run.stage.clone(),
        kind: word(run.kind.as_str())?,
        continues: run.continues.map(Into::into),
        state: word(run.state.as_str())?,
        state_since: run.state_since,
        reason: failure
            .as_ref()
            .map(|failure| word(failure.reason.as_str()))
            .transpose()?,
        sub_reason: failure.as_ref().and_then(|failure| failure.sub_reason.clone()),
        detail: failure.and_then(|failure| failure.detail),
        turn: count(run.turn),
        slot_id: run.state.slot().map(Into::into),
        model: run.model.clone(),
        effort: run.effort.clone(),
        branch: run.branch.clone(),
        base_sha: run.base_sha.clone(),
        head_sha: run.head_sha.clone(),
        pull_request_number: run.pull_request_number.map(count),
        pull_request_url: run.pull_request_url.clone(),
        last_message: run.last_message.clone(),
        retry_of: run.retry_of.map(Into::into),
        delivery_id: run.delivery_id.map(Into::into),
        started_by: run.started_by.map(Into::into),
        started_by_login: beside.started_by_login,
        active_seconds: count(run.active_seconds),
        active_seconds_limit: count(run.active_seconds_limit),
        cost_limit_micro_usd: run.cost_limit_micro_usd.map(count),
        cost_micro_usd: beside.cost_micro_usd.map(count),
        queued_at: run.queued_at,
        running_since: run.running_since(),
        last_heartbeat_at: run.last_heartbeat_at,
        finished_at: run.finished_at,
        created_at: run.created_at,
    })
}

pub(super) fn event(event: Event) -> RunEventView {
    let detail = match event.detail {
        Value::Object(detail) => detail,
        _ => serde_json::Map::new(),
    };
    RunEventView {
        seq: count(event.seq),
        turn: count(event.turn),
        kind: event.kind,
        detail,
        actor: event.actor,
        at: event.at,
    }
}

pub(super) fn usage(row: UsageRow) -> TurnUsage {
    TurnUsage {
        turn: count(row.turn),
        usage: ModelUsage {
            model: row.model,
            requests: count(row.requests),
            input_tokens: count(row.input_tokens),
            cached_input_tokens: count(row.cached_input_tokens),
            output_tokens: count(row.output_tokens),
            reasoning_tokens: count(row.reasoning_tokens),
        },
        cost_micro_usd: row.cost_micro_usd.map(count),
    }
}
