//! What the supervisor of a runner says and hears about its own turn.

mod read;
mod show;

use contract::runner::{
    ContextAsk, Finish, Finished, Heartbeat, LogEnd, LogPiece, Nothing, RunContext, RunTokens, Snapshot,
    SnapshotStored, UsageAnswer, UsageReport,
};
use orchestrator::project::access::Operation;
use orchestrator::{Result, credential, run};
use secrecy::ExposeSecret;

use super::{count, word, written_word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

const SUPERVISOR: &[Side] = &[Side::Supervisor];

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<ContextGet>()
        .with::<HeartbeatTool>()
        .with::<LogAppend>()
        .with::<Usage>()
        .with::<SnapshotPut>()
        .with::<SnapshotGet>()
        .with::<FinishTool>()
        .with::<TokenRefresh>()
}

struct ContextGet;

impl Tool for ContextGet {
    const NAME: &'static str = "run_context_get";
    const TITLE: &'static str = "Begin a turn";
    const ABOUT: &'static str = "Gives all a turn needs to begin: task, prompt, repository, branch, limits, answers of earlier \
         waits.";
    const OPERATION: Operation = Operation::SupervisorTurn;
    const SIDES: &'static [Side] = SUPERVISOR;
    const EFFECT: Effect = Effect::Read;
    type Ask = ContextAsk;
    type Answer = RunContext;

    async fn call(call: &Call<'_>, _ask: ContextAsk) -> Result<RunContext> {
        let context = run::context(call.orchestrator, call.actor).await?;
        show::context(context, call.config)
    }
}

struct HeartbeatTool;

impl Tool for HeartbeatTool {
    const NAME: &'static str = "run_heartbeat";
    const TITLE: &'static str = "Say that the turn lives";
    const ABOUT: &'static str = "Says that the turn lives; without it for two minutes the run fails. The answer says whether to \
         stop.";
    const OPERATION: Operation = Operation::SupervisorTurn;
    const SIDES: &'static [Side] = SUPERVISOR;
    const EFFECT: Effect = Effect::Set;
    type Ask = Nothing;
    type Answer = Heartbeat;

    async fn call(call: &Call<'_>, _ask: Nothing) -> Result<Heartbeat> {
        let beat = run::heartbeat(call.orchestrator, call.actor).await?;
        Ok(Heartbeat {
            state: beat.state.to_owned(),
            stop: beat.stop,
            allowance: Some(show::allowance(&beat.allowance)?),
        })
    }
}

struct LogAppend;

impl Tool for LogAppend {
    const NAME: &'static str = "run_log_append";
    const TITLE: &'static str = "Append to the log";
    const ABOUT: &'static str = "Appends to one stream of the turn's log. The same piece twice changes nothing; the answer says \
         where the stream ends.";
    const OPERATION: Operation = Operation::SupervisorTurn;
    const SIDES: &'static [Side] = SUPERVISOR;
    const EFFECT: Effect = Effect::Set;
    type Ask = LogPiece;
    type Answer = LogEnd;

    async fn call(call: &Call<'_>, ask: LogPiece) -> Result<LogEnd> {
        let stream = written_word(ask.stream)?;
        let offset = ask.offset.cast_signed();
        let end = run::append_log(call.orchestrator, call.actor, &stream, offset, &ask.text).await?;
        Ok(LogEnd {
            next_offset: count(end),
        })
    }
}

struct Usage;

impl Tool for Usage {
    const NAME: &'static str = "run_usage_report";
    const TITLE: &'static str = "Report usage";
    const ABOUT: &'static str = "Reports the tokens of this turn so far, per model. Totals: a lost or repeated report changes \
         nothing.";
    const OPERATION: Operation = Operation::SupervisorTurn;
    const SIDES: &'static [Side] = SUPERVISOR;
    const EFFECT: Effect = Effect::Set;
    type Ask = UsageReport;
    type Answer = UsageAnswer;

    async fn call(call: &Call<'_>, ask: UsageReport) -> Result<UsageAnswer> {
        let models = ask.models.into_iter().map(read::usage).collect();
        let cost = run::report_usage(call.orchestrator, call.actor, models).await?;
        Ok(UsageAnswer {
            cost_micro_usd: cost.cost_micro_usd.map(count),
            exceeded: cost.spent.is_some(),
            spent: cost.spent.map(|spent| word(spent.as_str())).transpose()?,
        })
    }
}

struct SnapshotPut;

impl Tool for SnapshotPut {
    const NAME: &'static str = "run_snapshot_put";
    const TITLE: &'static str = "Store the session";
    const ABOUT: &'static str =
        "Stores what the agent's program needs to go on in a later turn; the newest counts.";
    const OPERATION: Operation = Operation::SupervisorTurn;
    const SIDES: &'static [Side] = SUPERVISOR;
    const EFFECT: Effect = Effect::Set;
    type Ask = Snapshot;
    type Answer = SnapshotStored;

    async fn call(call: &Call<'_>, ask: Snapshot) -> Result<SnapshotStored> {
        let snapshot = read::snapshot(ask)?;
        let snapshot_id = run::put_snapshot(call.orchestrator, call.actor, &snapshot).await?;
        Ok(SnapshotStored {
            snapshot_id: snapshot_id.uuid(),
        })
    }
}

struct SnapshotGet;

impl Tool for SnapshotGet {
    const NAME: &'static str = "run_snapshot_get";
    const TITLE: &'static str = "Fetch the session";
    const ABOUT: &'static str = "Gives the newest snapshot of the run, of whichever turn.";
    const OPERATION: Operation = Operation::SupervisorTurn;
    const SIDES: &'static [Side] = SUPERVISOR;
    const EFFECT: Effect = Effect::Read;
    const SAID: Option<&'static str> = Some("the session is in the structured content");
    type Ask = Nothing;
    type Answer = Snapshot;

    async fn call(call: &Call<'_>, _ask: Nothing) -> Result<Snapshot> {
        let snapshot = run::snapshot(call.orchestrator, call.actor).await?;
        Ok(show::snapshot(snapshot))
    }
}

struct FinishTool;

impl Tool for FinishTool {
    const NAME: &'static str = "run_finish";
    const TITLE: &'static str = "End the turn";
    const ABOUT: &'static str = "Reports how the turn ended. Repeating it answers the first result.";
    const OPERATION: Operation = Operation::SupervisorTurn;
    const SIDES: &'static [Side] = SUPERVISOR;
    const EFFECT: Effect = Effect::Set;
    type Ask = Finish;
    type Answer = Finished;

    async fn call(call: &Call<'_>, ask: Finish) -> Result<Finished> {
        let state = run::finish(call.orchestrator, call.actor, read::report(ask)?).await?;
        Ok(Finished {
            state: state.as_str().to_owned(),
        })
    }
}

struct TokenRefresh;

impl Tool for TokenRefresh {
    const NAME: &'static str = "run_token_refresh";
    const TITLE: &'static str = "Renew the tokens";
    const ABOUT: &'static str = "Gives a live turn fresh tokens; the old ones stay valid until they expire. This call alone takes \
         a supervisor token that expired up to two hours ago.";
    const OPERATION: Operation = Operation::SupervisorTurn;
    const SIDES: &'static [Side] = SUPERVISOR;
    const EFFECT: Effect = Effect::Add;
    type Ask = Nothing;
    type Answer = RunTokens;

    async fn call(call: &Call<'_>, _ask: Nothing) -> Result<RunTokens> {
        let (supervisor, agent) =
            credential::refresh_run_tokens(call.orchestrator, call.audience(), call.actor).await?;
        Ok(RunTokens {
            supervisor_token: supervisor.token.expose_secret().to_owned(),
            agent_token: agent.token.expose_secret().to_owned(),
            expires_at: supervisor.expires_at.min(agent.expires_at),
        })
    }
}
