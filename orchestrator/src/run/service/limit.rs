//! What a run may use: how it stands, and how it is given more.

use serde_json::json;

use super::{lock, note, target};
use crate::actor::Actor;
use crate::agent::{self, Profile};
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::run::aggregate::Run;
use crate::run::domain::RunState;
use crate::run::limit::{Given, Money, Raise, SpentLimit, tokens_for};
use crate::run::store;

/// What a running turn may still use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub active_seconds_left: i64,
    /// Tokens the turn may use in all, as far as money bounds them.
    pub tokens: Option<i64>,
    pub spent: Option<SpentLimit>,
}

/// How a run stands with its limits now.
pub(super) async fn allowance(tx: &mut Tx, run: &Run) -> Result<Allowance> {
    let spending = store::limit::spending(tx, run.run_id).await?;
    let money = money(run, &spending);
    let tokens = match money.left() {
        Some(left) => {
            let profile = agent::get_profile(tx, run.agent_profile_id).await?;
            affordable(tx, run, &profile, left).await?
        }
        None => None,
    };
    Ok(Allowance {
        active_seconds_left: (run.active_seconds_limit - run.active_seconds_at(tx.now())).max(0),
        tokens: tokens.map(|tokens| tokens.saturating_add(spending.turn_tokens)),
        spent: money.spent(),
    })
}

pub(super) fn money(run: &Run, spending: &store::limit::Spending) -> Money {
    Money {
        run_limit: run.cost_limit_micro_usd,
        run_spent: spending.run_micro_usd,
        budget: spending.budget_micro_usd,
        project_spent: spending.project_micro_usd,
    }
}

/// Tokens of the run's model that an amount buys at most.
async fn affordable(tx: &mut Tx, run: &Run, profile: &Profile, micro_usd: i64) -> Result<Option<i64>> {
    let Some(name) = run.model.as_ref().or(profile.model.as_ref()) else {
        return Ok(None);
    };
    let model = agent::find_model(tx, name).await?;
    Ok(model.and_then(|model| {
        let cached = model.cached_input_micro_usd.or(model.input_micro_usd);
        tokens_for(
            micro_usd,
            &[model.input_micro_usd, cached, model.output_micro_usd],
        )
    }))
}

/// Gives one run more time or money. A running runner hears of it with its next heartbeat. Asking for what is there
/// already changes nothing.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `Invalid` for less than there is or more than the project or the
/// repository's file allows, `Conflict` for a run that
/// will use nothing any more.
pub async fn raise_limits(
    orchestrator: &Orchestrator,
    actor: &Actor,
    run_id: RunId,
    wanted: Raise,
    key: Option<Key>,
) -> Result<Run> {
    let mut tx = orchestrator.begin("run.raise_limits").await?;
    let mut run = lock(&mut tx, run_id).await?;
    access::require(&mut tx, actor, Operation::RunLimitRaise, &target(&run)).await?;
    if idempotency::recall::<RunId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(run);
    }
    if run.state.is_over() || matches!(run.state, RunState::Finishing | RunState::Cancelling) {
        return Err(Error::Conflict(format!(
            "run {run_id} is {} and uses nothing any more; run_retry begins a new one with the project's limits",
            run.state
        )));
    }
    let project = crate::project::get(&mut tx, run.project_id).await?;
    let narrowing = store::narrowing::find(&mut tx, run_id).await?.unwrap_or_default();
    let given = Given {
        active_seconds: run.active_seconds_limit,
        cost_micro_usd: run.cost_limit_micro_usd,
        project_active_seconds: project.limits.active_seconds,
        project_cost_micro_usd: project.limits.run_cost_micro_usd,
        file_active_seconds: narrowing.active_seconds,
        file_cost_micro_usd: narrowing.cost_micro_usd,
    };
    let limits = wanted.over(given);
    let (active_seconds, cost) = limits.map_err(|why| Error::Invalid(why.to_string()))?;
    if (active_seconds, cost) != (run.active_seconds_limit, run.cost_limit_micro_usd) {
        store::limit::set_limits(&mut tx, run_id, active_seconds, cost).await?;
        (run.active_seconds_limit, run.cost_limit_micro_usd) = (active_seconds, cost);
        let detail = json!({ "active_seconds_limit": active_seconds, "cost_limit_micro_usd": cost });
        note(&mut tx, run_id, "limits_raised", actor, detail).await?;
    }
    idempotency::remember(&mut tx, actor, key.as_ref(), &run_id).await?;
    tx.commit().await?;
    Ok(run)
}
